/*
 * The documents that commands write with --json: the result document of a sync, whose members
 * scripts depend on (docs of `penstock help sync`), the events before it, and the error that every
 * document has.
 */
#ifndef PS_CLI_RESULT_H
#define PS_CLI_RESULT_H

#include "base/json.h"
#include "cli/output.h"
#include "engine/engine.h"

/* What a sync came to, as far as it came. */
struct result {
    const char *source;              /* its name; NULL: it was not known yet */
    const char *warehouse;           /* the file; NULL: none */
    const struct ps_run_result *run; /* NULL: it did not begin */
    const char *const *warnings;     /* besides those of the run */
    size_t warnings_count;
    const char *note; /* one more warning; NULL: none */
    enum ps_status status;
    const struct ps_error *err; /* where status is neither OK nor CANCELED */
};

/* "succeeded", "failed" or "interrupted". */
const char *result_status(enum ps_status status);

/* One line: the result document. */
void result_write(const struct result *result, struct output *out);
/* The result document of a sync that never began: a struct command's `fail`. */
void result_write_failed_sync(struct output *out, const struct ps_error *err);

/* One line each, flushed: {"event":"plan",…}, {"event":"progress",…}, {"event":"table",…},
 * {"event":"warning",…}. */
void result_write_plan(const struct ps_plan *plan, struct output *out);
void result_write_progress(const struct ps_progress *progress, struct output *out);
void result_write_table(const struct ps_table_result *table, struct output *out);
void result_write_warning(const char *text, struct output *out);

/* An event of another command: begins {"event":…; ends and sends the line, flushed. */
void result_begin_event(struct ps_json_writer *writer, struct ps_buffer *buffer, const char *event);
void result_send_line(struct ps_json_writer *writer, struct output *out);

/*
 * For documents of other commands: begins {"event":"result","status":…,"source":…; ends with
 * "error":…}, a line break. What is between is the caller's.
 */
void result_begin(struct ps_json_writer *writer, struct ps_buffer *buffer, enum ps_status status,
                  const char *source);
void result_end(struct ps_json_writer *writer, enum ps_status status, const struct ps_error *err,
                struct output *out);
/* Both at once: a command other than sync failed before it had anything to say. */
void result_write_failed(struct output *out, const struct ps_error *err);

/* One table of a plan, for the event and for `penstock plan --json`, which gives the seconds that
 * it is likely to take (null below 0) besides; `seconds` may be NULL. */
void result_put_plan_table(struct ps_json_writer *writer, const struct ps_plan_table *table,
                           const double *seconds);
/* Seconds that nobody knows, below 0, become null. */
void result_put_seconds(struct ps_json_writer *writer, const char *name, double seconds);
/* The member "warnings": both lists after each other. */
void result_put_warnings(struct ps_json_writer *writer, const char *const *first,
                         size_t first_count, const char *const *second, size_t second_count);
/* A text that may hold a secret by mistake: redacted like a log line. */
void result_put_redacted(struct ps_json_writer *writer, const char *name, const char *text);
void result_put_count(struct ps_json_writer *writer, const char *name, uint64_t count);
/* NULL becomes null. */
void result_put_optional(struct ps_json_writer *writer, const char *name, const char *text);
/* An estimate below 0 (unknown) becomes null. */
void result_put_estimate(struct ps_json_writer *writer, const char *name, int64_t estimate);

#endif
