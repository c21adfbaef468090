/*
 * The `example` source's members: the form, its tests, the two tables. Its keys are spelt as the
 * Partner SDK's own example spells them. Records are in log.c.
 */
#include "sources/example/example.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/fault.h"
#include "sources/example/log.h"

static const struct ps_choice methods[] = {
    {.value = "OAuth2.0",
     .label = "OAuth 2.0",
     .description = "The service hands out tokens for a client's ID and secret."},
    {.value = "API Key",
     .label = "API key",
     .description = "One key, made in the service, goes with each request."},
    {.value = "Basic Auth",
     .label = "Basic authentication",
     .description = "A user's name and password go with each request."},
    {.value = "None", .label = "None", .description = "The service is open to everybody."},
    {.value = NULL},
};
static const struct ps_option_group oauth = {.name = "conditionalOAuthFields",
                                             .label = "OAuth 2.0",
                                             .option = "authenticationMethod",
                                             .value = "OAuth2.0"};
static const struct ps_option_group api_key = {.name = "conditionalApiKeyFields",
                                               .label = "API key",
                                               .option = "authenticationMethod",
                                               .value = "API Key"};
static const struct ps_option_group basic = {.name = "conditionalBasicAuthFields",
                                             .label = "Basic authentication",
                                             .option = "authenticationMethod",
                                             .value = "Basic Auth"};
static const char *const client_id_aliases[] = {"clientId", NULL};
static const char *const client_secret_aliases[] = {"clientSecret", NULL};
static const char *const api_key_aliases[] = {"apiKey", NULL};
static const char *const metrics_aliases[] = {"enableMetrics", NULL};
static const char *const versions[] = {"v1", "v2", "v3", NULL};
static const char *const upload_types[] = {".json", ".yaml", ".yml", ".pem", ".crt", NULL};

static const struct ps_option options[] = {
    {.name = "apiBaseURL",
     .label = "API base URL",
     .help = "Where the API that is read from begins.",
     .type = PS_OPTION_TEXT,
     .flags = PS_OPTION_ASKED,
     .placeholder = "https://api.example.com"},
    {.name = "authenticationMethod",
     .label = "Authentication method",
     .help = "How requests to the API are authenticated.",
     .type = PS_OPTION_CHOICE,
     .described_choices = methods,
     .default_value = "None"},
    {.name = "client_id",
     .label = "Client ID",
     .help = "The client's ID.",
     .type = PS_OPTION_SECRET,
     .flags = PS_OPTION_ASKED,
     .placeholder = "your_client_id_here",
     .aliases = client_id_aliases,
     .shown_when = &oauth},
    {.name = "client_secret",
     .label = "Client secret",
     .help = "The client's secret.",
     .type = PS_OPTION_SECRET,
     .flags = PS_OPTION_ASKED,
     .placeholder = "your_client_secret_here",
     .aliases = client_secret_aliases,
     .shown_when = &oauth},
    {.name = "api_key",
     .label = "API key",
     .help = "The key.",
     .type = PS_OPTION_SECRET,
     .flags = PS_OPTION_ASKED,
     .placeholder = "your_api_key_here",
     .aliases = api_key_aliases,
     .shown_when = &api_key},
    {.name = "username",
     .label = "User name",
     .help = "The user's name.",
     .type = PS_OPTION_TEXT,
     .flags = PS_OPTION_ASKED,
     .placeholder = "your_username_here",
     .shown_when = &basic},
    {.name = "password",
     .label = "Password",
     .help = "The user's password.",
     .type = PS_OPTION_SECRET,
     .flags = PS_OPTION_ASKED,
     .placeholder = "your_password_here",
     .shown_when = &basic},
    {.name = "apiVersion",
     .label = "API version",
     .help = "The version of the API that is spoken.",
     .type = PS_OPTION_CHOICE,
     .default_value = "v2",
     .choices = versions},
    {.name = "shouldEnableMetrics",
     .label = "Enable metrics?",
     .help = "Whether the service counts what is read.",
     .type = PS_OPTION_BOOLEAN,
     .default_value = "false",
     .aliases = metrics_aliases},
    {.name = "uploadFile",
     .label = "Configuration file",
     .help = "A file that goes with the configuration: JSON, YAML or a certificate.",
     .type = PS_OPTION_UPLOAD,
     .upload_types = upload_types,
     .upload_bytes_max = 1048576},
    {.name = NULL},
};

static const struct ps_test tests[] = {
    {.name = "connect", .label = "Tests connection"},
    {.name = "select", .label = "Tests selection"},
    {.name = NULL},
};

static const char *const no_names[] = {NULL};

#define COLUMN(text, kind, position)                                                               \
    {                                                                                              \
        .name = (text), .source_type = "any", .type = PS_TYPE_##kind, .key_position = (position),  \
        .nullable = (position) == 0, .null_fraction = -1                                           \
    }
static const struct ps_column table1_columns[] = {
    COLUMN("a1", UNSPECIFIED, 1),
    COLUMN("a2", DOUBLE, 0),
};
static const struct ps_column table2_columns[] = {
    COLUMN("b1", UNSPECIFIED, 1),
    COLUMN("b2", UNSPECIFIED, 0),
};

/* In byte order of the names. The smaller one is read first: that puts the upserts of both tables
 * before the update and the delete. */
static const struct {
    const char *name;
    const struct ps_column *columns;
    int64_t rows;
} tables[] = {
    {"table1", table1_columns, LOG_TABLE1_ROWS},
    {"table2", table2_columns, LOG_TABLE2_ROWS},
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))
#define COLUMNS 2

static enum ps_status example_open(const struct ps_source_request *request,
                                   struct ps_source **ret_source, struct ps_error *err)
{
    (void)request;
    struct ps_source *source = ps_calloc(1, sizeof(*source));
    if (source == NULL) {
        return ps_fail_nomem(err, "opening the example source");
    }
    source->ops = &ps_source_example;
    *ret_source = source;
    return PS_OK;
}

static void example_close(struct ps_source *source)
{
    ps_free(source);
}

enum ps_status example_fault(struct ps_error *err)
{
    if (ps_fault("example.no_memory")) {
        return ps_fail_nomem(err, "reading the example source");
    }
    if (ps_fault("example.bug")) {
        return ps_fail(err, PS_BUG, PS_CLASS_NONE, "a bug was planted in the example source");
    }
    return PS_OK;
}

/* True where the form shows the option with this configuration. */
static bool is_shown(const struct ps_option *option, const struct ps_config *config)
{
    const struct ps_option_group *group = option->shown_when;
    return group == NULL ||
           strcmp(ps_config_text_or_empty(config, group->option), group->value) == 0;
}

/* What the form asks for and the configuration does not have, all at once. */
static enum ps_status check_fields(const struct ps_config *config, struct ps_error *err)
{
    struct ps_buffer missing;
    enum ps_status status = PS_OK;
    ps_buffer_init(&missing, 0);
    for (const struct ps_option *option = options; option->name != NULL; option++) {
        if ((option->flags & PS_OPTION_ASKED) != 0 && is_shown(option, config) &&
            !ps_config_is_set(config, option->name)) {
            ps_buffer_printf(&missing, "%s%s (%s)", missing.size == 0 ? "" : ", ", option->label,
                             option->name);
        }
    }
    if (!ps_buffer_ok(&missing)) {
        status = ps_fail_nomem(err, "testing the example source");
    } else if (missing.size > 0) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                         "the example source cannot connect with the authentication method \"%s\": "
                         "missing: %s; fill in what is missing",
                         ps_config_text_or_empty(config, "authenticationMethod"), missing.data);
    }
    ps_buffer_done(&missing);
    return status;
}

static enum ps_status example_test(const struct ps_source_request *request, const char *name,
                                   struct ps_error *err)
{
    if (strcmp(name, "connect") != 0 && strcmp(name, "select") != 0) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "the example source has no test named %s",
                       name);
    }
    enum ps_status status = example_fault(err);
    return status == PS_OK ? check_fields(request->config, err) : status;
}

static enum ps_status example_list_tables(struct ps_source *source, struct ps_table_list *list,
                                          struct ps_error *err)
{
    (void)source;
    for (size_t i = 0; i < TABLES; i++) {
        struct ps_table *table;
        enum ps_status status = ps_table_list_add(list, &table, err);
        if (status != PS_OK) {
            return status;
        }
        table->schema = "";
        table->name = tables[i].name;
        table->rows_estimate = tables[i].rows;
    }
    return PS_OK;
}

static enum ps_status example_describe(struct ps_source *source, struct ps_arena *arena,
                                       struct ps_table *table, struct ps_error *err)
{
    (void)source;
    (void)arena;
    enum ps_status fault = example_fault(err);
    if (fault != PS_OK) {
        return fault;
    }
    for (size_t i = 0; i < TABLES; i++) {
        if (strcmp(table->name, tables[i].name) == 0) {
            table->columns = tables[i].columns;
            table->columns_count = COLUMNS;
            table->keys_count = 1;
            return PS_OK;
        }
    }
    return ps_fail(err, PS_SCHEMA, PS_CLASS_SCHEMA, "the example source has no table \"%s\"",
                   table->name);
}

/* Nothing is ever open at the source. */
static enum ps_status example_now(struct ps_source *source, struct ps_now *ret_now,
                                  struct ps_error *err)
{
    (void)source;
    (void)err;
    const struct ps_clock *clock = ps_clock_system();
    struct ps_timestamp utc = clock->utc(clock);
    *ret_now = (struct ps_now){
        .utc = utc, .local = utc, .horizon_known = true, .horizon_utc = utc, .horizon_local = utc};
    return PS_OK;
}

static enum ps_status example_pin(struct ps_source *source, const char *snapshot,
                                  struct ps_error *err)
{
    (void)source;
    return snapshot == NULL ? PS_OK
                            : ps_fail(err, PS_SNAPSHOT_GONE, PS_CLASS_NONE,
                                      "the example source has no snapshots");
}

const struct ps_source_ops ps_source_example = {
    .abi = PS_SOURCE_ABI,
    .name = "example",
    .label = "Example",
    .summary = "A simulated service with two small tables, for trying out and for tests.",
    .caps = PS_CAP_CHANGES | PS_CAP_NO_LOADS,
    .options = options,
    .tests = tests,
    .cursor_names = no_names,
    .soft_delete_names = no_names,
    .open = example_open,
    .close = example_close,
    .test = example_test,
    .list_tables = example_list_tables,
    .describe = example_describe,
    .now = example_now,
    .pin = example_pin,
    .reader_open = example_reader_open,
    .reader_next = example_reader_next,
    .reader_position = example_reader_position,
    .reader_cancel = example_reader_cancel,
    .reader_close = example_reader_close,
    .message_bytes = 102400,
    .readers_max = 1, /* one log, read in order */
};
