/*
 * Log lines: to stderr as text for people, or to stdout as the platform wants them, one strict
 * JSON object a line. Thread-safe; a line is written with one write. Secrets that were made known
 * with ps_redact_add appear as ***, here and in ps_redact.
 */
#ifndef PS_BASE_LOG_H
#define PS_BASE_LOG_H

#include <stdbool.h>

#include "penstock/error.h"

struct ps_buffer;

enum ps_log_level { PS_LOG_DEBUG, PS_LOG_INFO, PS_LOG_WARNING, PS_LOG_SEVERE };

enum ps_log_format {
    PS_LOG_TEXT, /* stderr: "warning: …"; info lines without a prefix */
    PS_LOG_JSON, /* stdout: {"level":"INFO","message":"…","message-origin":"sdk_connector"} */
};

void ps_log_configure(enum ps_log_format format, enum ps_log_level least);
void ps_log(enum ps_log_level level, const char *format, ...) PS_PRINTF(2, 3);
bool ps_log_enabled(enum ps_log_level level);

/*
 * Where lines go instead (progress bars, tests); NULL: the usual place. Called with the redacted
 * line, without a line break, under the log's lock: it must not log.
 */
void ps_log_set_writer(void (*write)(void *context, enum ps_log_level level, const char *line),
                       void *context);

/* From now on this text is never shown. Texts under 4 bytes are ignored (they would blank out
 * innocent letters). While there are more than 1024, none can be shown safely, and no text is. */
void ps_redact_add(const char *secret);
/* Takes back one ps_redact_add of the same text: for when no text can come any more that holds it.
 * It is kept as long as others added it too. */
void ps_redact_remove(const char *secret);
/* Appends text with every secret replaced. */
void ps_redact(struct ps_buffer *out, const char *text);
/* Forgets all secrets, whoever added them. */
void ps_redact_clear(void);

#endif
