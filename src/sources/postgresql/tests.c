/* The setup tests: can we connect, and may the login read. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sources/postgresql/query.h"
#include "sources/postgresql/source.h"

/* So many tables are named when many cannot be read. */
#define NAMED_MAX 5
/* How long a table is waited for that somebody else holds, which says nothing against it. */
#define LOCKED_MS 2000

const struct ps_test source_tests[] = {
    {"connect", "Connecting to the database"},
    {"select", "Reading from the tables"},
    {NULL, NULL},
};

/* No table at all, whatever the rights: the catalog shows every one to everybody. */
static enum ps_status fail_empty(const struct source *source, struct ps_error *err)
{
    struct ps_buffer names;
    size_t count;
    const char *const *patterns = ps_config_list(source->config, "schema", &count);
    ps_buffer_init(&names, PS_ERROR_MESSAGE_SIZE);
    for (size_t i = 0; i < count; i++) {
        ps_buffer_printf(&names, "%s%s", i > 0 ? ", " : "", patterns[i]);
    }
    enum ps_status status =
        ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                "there is no table in the schemas that `schema` names (%s) at %s: check `schema` "
                "and `database`",
                ps_buffer_text(&names), source->settings.target);
    ps_buffer_done(&names);
    return status;
}

/* Names the tables that cannot be read; PS_OK where all can. */
static enum ps_status check_rights(struct source *source, struct ps_error *err)
{
    const struct catalog *catalog = source->catalog;
    size_t listed = 0, meant = 0, obstacles = 0;
    struct ps_buffer text;
    ps_buffer_init(&text, PS_ERROR_MESSAGE_SIZE);
    for (size_t i = 0; i < catalog->tables_count; i++) {
        const struct catalog_table *entry = &catalog->tables[i];
        if (!catalog_is_listed(catalog, entry)) {
            continue;
        }
        listed++;
        if (!source_means(source, &entry->table)) {
            continue;
        }
        meant++;
        if (!catalog_is_refused(entry)) {
            continue;
        }
        if (obstacles++ < NAMED_MAX) {
            ps_buffer_puts(&text, text.size > 0 ? " | " : "");
            (void)catalog_obstacle(entry, &source->link, source->settings.user, &text);
        }
    }
    enum ps_status status = PS_OK;
    if (listed == 0) {
        status = fail_empty(source, err);
    } else if (meant == 0) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                         "none of the %zu tables found at %s is selected: look at `tables` and "
                         "`exclude_tables`",
                         listed, source->settings.target);
    } else if (obstacles > 0) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_PERMISSION,
                         "%zu of %zu tables cannot be read at %s (grant the rights, or leave them "
                         "out by `exclude_tables`): %s%s",
                         obstacles, meant, source->settings.target, ps_buffer_text(&text),
                         obstacles > NAMED_MAX
                             ? " | and so on; GRANT SELECT ON ALL TABLES IN SCHEMA … TO the login "
                               "takes a whole schema"
                             : "");
    }
    ps_buffer_done(&text);
    return status;
}

/* The statements are one transaction by themselves, so that neither lock nor setting stays. */
static enum ps_status read_none_of(struct source *source, const struct ps_table *table,
                                   struct ps_error *err)
{
    int64_t limit_ms = source->settings.lock_timeout_s * 1000;
    struct ps_buffer sql;
    PGresult *results[3] = {NULL};
    ps_buffer_init(&sql, 0);
    ps_buffer_printf(&sql,
                     "SET LOCAL statement_timeout = 0;SET LOCAL lock_timeout = '%lldms';"
                     "SELECT FROM ",
                     (long long)(limit_ms != 0 && limit_ms < LOCKED_MS ? limit_ms : LOCKED_MS));
    query_qualified(&sql, table->schema, table->name);
    ps_buffer_puts(&sql, " WHERE false");
    enum ps_status status = ps_buffer_ok(&sql)
                                ? link_query_many(&source->link, ps_buffer_text(&sql),
                                                  LINK_SHORT_MS, "reading", results, 3, err)
                                : ps_fail_nomem(err, "reading");
    for (size_t i = 0; i < 3; i++) {
        PQclear(results[i]);
    }
    ps_buffer_done(&sql);
    if (status != PS_OK) {
        ps_error_prefix(err, "%s.%s", table->schema, table->name);
    }
    return status;
}

/* Reads no rows of each table: what the catalog promises is what the server does. */
static enum ps_status read_nothing(struct source *source, struct ps_error *err)
{
    const struct catalog *catalog = source->catalog;
    enum ps_status status = PS_OK;
    size_t locked = 0;
    for (size_t i = 0; status == PS_OK && locked < NAMED_MAX && i < catalog->tables_count; i++) {
        const struct catalog_table *entry = &catalog->tables[i];
        if (!catalog_is_listed(catalog, entry) || !source_means(source, &entry->table) ||
            !entry->populated || entry->misnamed || (entry->unlogged && source->link.recovery)) {
            continue;
        }
        status = read_none_of(source, &entry->table, err);
        if (status == PS_RETRY && err->error_class == PS_CLASS_LOCK_TIMEOUT) {
            ps_log(PS_LOG_WARNING, "%s", err->message);
            locked++;
            status = PS_OK;
        }
    }
    return status;
}

/* The schemas that there are, for who named one that is not. The link is in a transaction. */
static void name_schemas(struct source *source, struct ps_error *err)
{
    PGresult *result = NULL;
    struct ps_error ignored;
    char message[PS_ERROR_MESSAGE_SIZE];
    enum ps_status status =
        link_query(&source->link,
                   "SELECT string_agg(nspname, ', ' ORDER BY nspname) FROM (SELECT nspname FROM"
                   " pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
                   " ORDER BY nspname LIMIT 20) s",
                   LINK_SHORT_MS, "reading the schemas", &result, &ignored);
    if (status != PS_OK) {
        return;
    }
    (void)snprintf(message, sizeof message, "%s", err->message);
    (void)ps_fail(err, err->status, err->error_class, "%s. There are: %s", message,
                  PQgetvalue(result, 0, 0));
    server_clean(err->message);
    PQclear(result);
}

static enum ps_status test_select(struct source *source, struct ps_error *err)
{
    struct ps_error own = {0};
    enum ps_status status = link_begin(&source->link, NULL, &own);
    if (status == PS_OK) {
        status = source_read_tables(source, &source->link, &own);
        if (status == PS_CONFIG && source->scope.size == 0) {
            name_schemas(source, &own);
        }
        link_end(&source->link);
    }
    if (status == PS_OK && source->missing.size > 0) {
        ps_log(PS_LOG_WARNING, "`schema` names schemas that %s does not have: %s",
               source->settings.target, ps_buffer_text(&source->missing));
    }
    if (status == PS_OK) {
        status = check_rights(source, &own);
    }
    if (status == PS_OK) {
        status = read_nothing(source, &own);
    }
    if (status != PS_OK && err != NULL) {
        *err = own;
    }
    return status;
}

enum ps_status source_test(const struct ps_source_request *request, const char *name,
                           struct ps_error *err)
{
    struct source source = {.config = request->config,
                            .tables = request->tables,
                            .exclude_tables = request->exclude_tables};
    enum ps_status status = link_settings_read(&source.settings, request->config, err);
    source.settings.cancel = request->cancel;
    if (status == PS_OK) {
        status = link_open(&source.link, &source.settings, err);
    }
    if (status == PS_OK && strcmp(name, "select") == 0) {
        status = test_select(&source, err);
    } else if (status == PS_OK && strcmp(name, "connect") != 0) {
        status = ps_fail(err, PS_BUG, PS_CLASS_NONE, "no setup test has the name %s", name);
    }
    link_close(&source.link);
    catalog_free(source.catalog);
    ps_buffer_done(&source.scope);
    ps_buffer_done(&source.missing);
    link_settings_done(&source.settings);
    return status;
}
