/*
 * The user's own statements: each in a transaction of its own, which may write.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sources/postgresql/source.h"

static enum ps_status run(struct link *link, const char *sql, const char *doing, int64_t *ret_rows,
                          struct ps_error *err)
{
    PGresult *result = NULL;
    enum ps_status status = link_query(link, sql, 0, doing, &result, err);
    if (status == PS_OK) {
        *ret_rows = strtoll(PQcmdTuples(result), NULL, 10);
        PQclear(result);
    }
    return status;
}

/* Whether it was committed cannot be told any more: not to be run again without a look. */
static enum ps_status commit(struct link *link, struct ps_error *err)
{
    int64_t rows;
    enum ps_status status = run(link, "COMMIT", "committing the statement", &rows, err);
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
    int64_t rows = 0, ignored;
    char limit[64]; /* the login's own does not count */
    link_end(link);
    source->pinned = false;
    enum ps_status status = link_revive(link, err);
    if (status != PS_OK) {
        return status;
    }
    status = run(link, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", "beginning a transaction",
                 &ignored, err);
    if (status == PS_OK) {
        (void)snprintf(limit, sizeof limit, "SET LOCAL statement_timeout = '%llds'",
                       (long long)source->settings.statement_timeout_s);
        status = run(link, limit, "beginning a transaction", &ignored, err);
    }
    if (status == PS_OK) {
        status = run(link, sql, "running the statement", &rows, err);
    }
    if (status == PS_OK) {
        status = commit(link, err);
    }
    if (status != PS_OK) {
        ps_error_prefix(err, "%s.%s", table->schema, table->name);
        link_close(link); /* what was begun is rolled back */
        return status;
    }
    *ret_rows = rows;
    return PS_OK;
}
