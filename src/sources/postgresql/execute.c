/*
 * The user's own statements: each in a transaction of its own, which may write.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sources/postgresql/source.h"

#define BEGIN_RESULTS 3

/* `timeout_ms`: of our own, besides the server's; 0: none. */
static enum ps_status run(struct link *link, const char *sql, int64_t timeout_ms, const char *doing,
                          int64_t *ret_rows, struct ps_error *err)
{
    PGresult *result = NULL;
    enum ps_status status = link_query(link, sql, timeout_ms, doing, &result, err);
    if (status == PS_OK) {
        *ret_rows = strtoll(PQcmdTuples(result), NULL, 10);
        PQclear(result);
    }
    return status;
}

/* Not called off in the middle. Where whether it was committed cannot be told any more, it is not
 * to be run again without a look. */
static enum ps_status commit(struct source *source, struct ps_error *err)
{
    int64_t rows;
    const struct ps_cancel *cancel = source->settings.cancel;
    source->settings.cancel = NULL;
    enum ps_status status =
        run(&source->link, "COMMIT", LINK_SHORT_MS, "committing the statement", &rows, err);
    source->settings.cancel = cancel;
    if (status == PS_RETRY && err->sqlstate[0] == '\0') {
        ps_error_prefix(err, "whether the statement took effect is not known");
        err->status = status = PS_CONFIG;
    }
    return status;
}

enum ps_status source_execute(struct ps_source *base, const struct ps_table *table, const char *sql,
                              int64_t *ret_rows, struct ps_error *err)
{
    struct source *source = (struct source *)base;
    struct link *link = &source->link;
    int64_t rows = 0;
    char begin[256]; /* with the limits: the login's own do not count */
    link_end(link);
    source->pinned = false;
    enum ps_status status = link_revive(link, err);
    if (status != PS_OK) {
        return status;
    }
    (void)snprintf(begin, sizeof begin,
                   "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
                   "SET LOCAL statement_timeout = '%llds';SET LOCAL lock_timeout = '%llds'",
                   (long long)source->settings.statement_timeout_s,
                   (long long)source->settings.lock_timeout_s);
    PGresult *begun[BEGIN_RESULTS] = {NULL};
    status = link_query_many(link, begin, LINK_SHORT_MS, "beginning a transaction", begun,
                             BEGIN_RESULTS, err);
    for (size_t i = 0; i < BEGIN_RESULTS; i++) {
        PQclear(begun[i]);
    }
    if (status == PS_OK) {
        status = run(link, sql, 0, "running the statement", &rows, err);
    }
    if (status == PS_OK) {
        status = commit(source, err);
    }
    if (status != PS_OK) {
        ps_error_prefix(err, "%s.%s", table->schema, table->name);
        link_close(link); /* what was begun is rolled back */
        return status;
    }
    *ret_rows = rows;
    return PS_OK;
}
