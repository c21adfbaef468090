/*
 * Running SQL, and what DuckDB's errors are for us. Error texts of DuckDB may quote values of rows,
 * so only those of kinds that cannot are passed on. Not for: which SQL.
 */
#ifndef PS_SINKS_DUCKDB_STATEMENT_H
#define PS_SINKS_DUCKDB_STATEMENT_H

#include "base/buffer.h"
#include "penstock/error.h"
#include "sinks/duckdb/library.h"

/* What statements run on. `what` in the functions below begins messages: "creating the table x". */
struct duck_session {
    const struct duck_library *library;
    struct duck_api_connection *connection;
};

/* Fills err with DuckDB's error of this kind (where untold, as its text begins) and text (may be
 * NULL). Trouble with a file is CONFIG and DISK, inside whatever kind it stands; the vendor code is
 * ENOSPC where the system says so. */
enum ps_status duck_statement_fail(const char *what, int error_type, const char *text,
                                   struct ps_error *err);

/* Runs one statement; ret_changed (may be NULL) is given the rows it inserted, updated, deleted. */
enum ps_status duck_statement_run(const struct duck_session *session, const char *what,
                                  const char *sql, int64_t *ret_changed,
                                  struct ps_error *err) PS_MUST_CHECK;

/*
 * The same for a long statement that DuckDB's threads work on: this thread does its share, and
 * calls `idle` where there is nothing to do for the moment. duck_statement_run would spin.
 */
enum ps_status duck_statement_run_shared(const struct duck_session *session, const char *what,
                                         const char *sql, void (*idle)(void *context),
                                         void *context, struct ps_error *err) PS_MUST_CHECK;

/* As duck_statement_run, with the buffer's text, which is cleared afterwards; NOMEM where the
 * buffer failed. */
enum ps_status duck_statement_run_buffer(const struct duck_session *session, const char *what,
                                         struct ps_buffer *sql, int64_t *ret_changed,
                                         struct ps_error *err) PS_MUST_CHECK;

/* What reads a query's chunks, each of which has a row or more. */
struct duck_reader {
    void (*read)(const struct duck_library *library, struct duck_api_chunk *chunk, void *context);
    void *context;
    bool all; /* all chunks are read, not the first alone */
};
/* Runs a query. END: it gives no row. The buffer is cleared. */
enum ps_status duck_statement_query(const struct duck_session *session, const char *what,
                                    struct ps_buffer *sql, struct duck_reader reader,
                                    struct ps_error *err) PS_MUST_CHECK;

/*
 * A query's first row, whose columns are all BIGINT. END: it gives none. The buffer is cleared.
 * A NULL is 0.
 */
enum ps_status duck_statement_integers(const struct duck_session *session, const char *what,
                                       struct ps_buffer *sql, int64_t *ret_values, size_t count,
                                       struct ps_error *err) PS_MUST_CHECK;

/*
 * Appends the VARCHARs of a query's first row, in order, each closed by a NUL; a NULL is an empty
 * one. END: no row. `sql` is cleared.
 */
enum ps_status duck_statement_texts(const struct duck_session *session, const char *what,
                                    struct ps_buffer *sql, struct ps_buffer *ret_texts,
                                    struct ps_error *err) PS_MUST_CHECK;
/* The same of all rows, one after the other. OK also where there is none. */
enum ps_status duck_statement_all_texts(const struct duck_session *session, const char *what,
                                        struct ps_buffer *sql, struct ps_buffer *ret_texts,
                                        struct ps_error *err) PS_MUST_CHECK;

#endif
