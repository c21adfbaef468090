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

/*
 * What is known of an error; each may be NULL. sqlstate "" or NULL: the text is libpq's own. The
 * text and the hint are in the server's language; the function of the server that raised the error
 * has the same name in every one.
 */
struct error_said {
    const char *sqlstate, *text, *function, *hint;
    const char *context; /* not "": it arose in somebody's function */
};

/* On a connection that was up. */
struct error_verdict error_classify(const struct error_said *said, bool yugabyte);

/* A failed attempt to connect. */
struct error_verdict error_classify_connect(const struct error_said *said);

/*
 * Why a value is left out, where the server failed with this code (and a verdict of DATA) as soon
 * as it was to send it: a static text.
 */
const char *error_value_reason(const char *sqlstate);

/* Each "" where there is none. */
struct error_connect {
    char sqlstate[6];
    char function[64];
    char message[512];
};

/*
 * Finds the SQLSTATE, the primary message and the server's function in libpq's text for a failed
 * connect (with verbose errors): 'connection to server at "h" (1.2.3.4), port 5432 failed: FATAL:
 * 28P01: password …'. The message is the text after the code, or after "failed: ", up to the line's
 * end.
 */
void error_parse_connect(const char *text, struct error_connect *ret_error);

#endif
