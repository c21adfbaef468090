/*
 * What an error of the server or of libpq means: pure functions from SQLSTATE and text to status,
 * class and advice. See docs/sources/postgresql.md, "Errors".
 */
#ifndef PS_SOURCES_POSTGRESQL_ERRORS_H
#define PS_SOURCES_POSTGRESQL_ERRORS_H

#include <stdbool.h>

#include "penstock/error.h"

struct error_verdict {
    enum ps_status status;
    enum ps_error_class error_class;
    const char *advice; /* what to do, a full sentence; NULL where there is nothing to add */
    bool hides_text;    /* the server's text may quote a value of a row: do not show it */
};

/* sqlstate "" or NULL: the text is libpq's own, on a connection that was up. */
struct error_verdict error_classify(const char *sqlstate, const char *text, bool yugabyte);

/* A failed attempt to connect. `sqlstate` as error_sqlstate found it, "" where there is none. */
struct error_verdict error_classify_connect(const char *sqlstate, const char *text);

/*
 * Finds the SQLSTATE and the primary message in libpq's text for a failed connect (with verbose
 * errors): 'connection to server at "h" (1.2.3.4), port 5432 failed: FATAL:  28P01: password …'.
 * The message is the text after the code, or after "failed: ", up to the line's end.
 */
void error_parse_connect(const char *text, char ret_sqlstate[6], char *ret_message, size_t size);

#endif
