/*
 * The engine's options: what holds for every source. The one place of their names, bounds and
 * defaults (docs/options.md is made from it).
 */
#include "engine/engine.h"
#include "engine/strategy.h"

#define BATCH_BYTES (4 << 20)
#define MESSAGE_BYTES (1 << 20)

static const char *const destination_names_choices[] = {"table", "schema_table", "schema", NULL};
static const char *const on_bad_row_choices[] = {"skip", "stop", NULL};
static const char *const on_schema_change_choices[] = {"apply", "warn", "stop", NULL};
static const char *const flatten_choices[] = {"true", "false", NULL};
static const char *const primary_keys_choices[] = {"auto", "declared", "none", NULL};

static const char *const validation_count_choices[] = {"auto", "exact", "statistics", NULL};

static const struct ps_choice metadata_choices[] = {
    {"auto", "As the source has it", "On for sources whose page says so, off for the others."},
    {"true", "On",
     "VALIDATION and SYNC_VALIDATION; while memory, CPU and disk are watched, four more."},
    {"false", "Off", "No tables but the source's own."},
    {.value = NULL},
};

static const struct ps_choice profile_choices[] = {
    {"development", "Development",
     "Medium from 100,000 rows, large from 1,000,000, batches of 500."},
    {"production", "Production", "Medium from 1,000,000 rows, large from 50,000,000."},
    {"high_volume", "High volume",
     "Medium from 5,000,000 rows, large from 250,000,000, batches of 2,000 for large ones."},
    {.value = NULL},
};

#define INTEGER(name_, label_, minimum_, maximum_, default_, help_)                                \
    {                                                                                              \
        .name = name_, .label = label_, .help = help_, .type = PS_OPTION_INTEGER,                  \
        .flags = PS_OPTION_ADVANCED, .default_value = default_, .minimum = minimum_,               \
        .maximum = maximum_                                                                        \
    }

const struct ps_option ps_engine_options[] = {
    {.name = "tables",
     .label = "Tables",
     .type = PS_OPTION_LIST,
     .help = "Only these tables: names, or schema.table, separated by commas; * stands for any run "
             "of characters. Not set: all that the login can read."},
    {.name = "exclude_tables",
     .label = "Tables to leave out",
     .type = PS_OPTION_LIST,
     .help = "Not these tables, in the same form. Wins over `tables`."},
    {.name = "timestamp_column",
     .label = "Cursor column",
     .type = PS_OPTION_BY_TABLE,
     .help = "The column that tells when a row was last changed, for incremental reads. Several in "
             "order of preference are separated by |. For single tables: table=column, …; an exact "
             "name is taken before a part of one."},
    {.name = "soft_delete_column",
     .label = "Soft-delete column",
     .type = PS_OPTION_BY_TABLE,
     .help = "The column that marks a row as deleted. Rows so marked are deleted at the "
             "destination. Not set: the names that the source knows by itself."},
    {.name = "soft_delete_values",
     .label = "Soft-delete values",
     .type = PS_OPTION_LIST,
     .flags = PS_OPTION_ADVANCED,
     .default_value = "1, true, Y",
     .help =
         "The values of that column that mean deleted; case does not count. NULL never does. Of a "
         "boolean true, t, yes, y, on and 1 are one, and false, f, no, n, off and 0 the other."},
    {.name = "destination_names",
     .label = "Names at the destination",
     .type = PS_OPTION_CHOICE,
     .default_value = "table",
     .choices = destination_names_choices,
     .help = "table: under the table's own name. schema_table: the source's schema, _ and the "
             "table's name. schema: in a schema of its own for each schema of the source."},
    {.name = "on_bad_row",
     .label = "Rows that cannot be carried",
     .type = PS_OPTION_CHOICE,
     .flags = PS_OPTION_ADVANCED,
     .default_value = "skip",
     .choices = on_bad_row_choices,
     .help = "skip: leave them out, count them and say so. stop: end the sync at the first."},
    {.name = "on_schema_change",
     .label = "Tables that have changed",
     .type = PS_OPTION_CHOICE,
     .flags = PS_OPTION_ADVANCED,
     .default_value = "apply",
     .choices = on_schema_change_choices,
     .help = "What to do when a table's columns, types or key are not those of the last sync. "
             "apply: take them over. warn: the same, and say so. stop: end the sync before "
             "anything of the table is read."},
    {.name = "primary_keys",
     .label = "Keys",
     .type = PS_OPTION_BY_TABLE,
     .flags = PS_OPTION_ADVANCED,
     .default_value = "auto",
     .choices = primary_keys_choices,
     .help = "For all tables, or table=choice, …. auto: the primary key, or else a unique index "
             "without NULLs. declared: primary keys alone. none: no key; such a table is loaded "
             "whole each time, and rows that are the same in every column become one."},
    {.name = "column_types",
     .label = "Types of columns",
     .type = PS_OPTION_TEXT,
     .flags = PS_OPTION_ADVANCED,
     .help = "table.column=TYPE, …; * stands for any run of characters. STRING takes anything; "
             "DECIMAL(p,s), SHORT, INT and LONG take numbers that the source declares without a "
             "precision, and rows that do not fit count as rows that cannot be carried. What would "
             "lose values is refused."},
    {.name = "flatten",
     .label = "Flatten JSON",
     .type = PS_OPTION_BY_TABLE,
     .flags = PS_OPTION_ADVANCED,
     .default_value = "false",
     .choices = flatten_choices,
     .help = "true: members of JSON objects become columns of their own, column_member; lists and "
             "what is nested too deep stay JSON. For all tables, or table=true, …."},
    {.name = "empty_value",
     .label = "In place of empty values",
     .type = PS_OPTION_BY_TABLE,
     .flags = PS_OPTION_ADVANCED,
     .placeholder = "N/A",
     .help = "This text in place of NULL and of empty values in columns of text and JSON that are "
             "no keys; for all tables, or table=text, …. Not set: NULL stays NULL, and an empty "
             "text stays empty."},
    INTEGER("lookback_seconds", "Look-back", 0, 31536000, "300",
            "How far before its edge an incremental read begins again, in seconds, for clients "
            "that compute times themselves. 0 turns it off."),
    {.name = "profile",
     .label = "Profile",
     .type = PS_OPTION_CHOICE,
     .flags = PS_OPTION_ADVANCED,
     .default_value = "production",
     .described_choices = profile_choices,
     .help = "Where tables begin to count as medium and large, and how many rows a batch has."},
    {.name = "strategy",
     .label = "Strategy",
     .type = PS_OPTION_BY_TABLE,
     .flags = PS_OPTION_ADVANCED,
     .default_value = "auto",
     .choices = strategy_choices,
     .help = "For all tables, or table=strategy, …. wide: fewer tables count as small. "
             "high_cardinality: fewer as large. sparse: tables count as medium and large at half "
             "the rows. time_series: judged and shown, but read "
             "like any other. ai_ml: batches of at most 1 MiB. real_time: "
             "batches of 100 rows, a checkpoint every 1,000, one thread a table. auto: by the "
             "source's statistics; `penstock plan` shows which and why."},
    INTEGER("small_table_threshold", "Small tables have fewer rows", 1, 1000000000000000000, NULL,
            "Not set: 1,000,000 (development 100,000, high_volume 5,000,000)."),
    INTEGER("large_table_threshold", "Large tables have that many rows", 1, 1000000000000000000,
            NULL, "Not set: 50,000,000 (development 1,000,000, high_volume 250,000,000)."),
    INTEGER("threads", "Threads", 1, 64, NULL,
            "How many connections read at once, of one table or of several. More than 4 count as "
            "4. Not set: 4 in all, and for one table 4 under a million rows, 2 up to 50 million, "
            "else 1."),
    INTEGER("batch_size", "Rows in a batch", 1, 1000000, NULL,
            "At the beginning, while memory and CPU are watched. Not set: 5,000 for small tables, "
            "2,500 for medium ones, 1,000 for large ones, unless "
            "`profile` or `strategy` says otherwise."),
    INTEGER("batch_bytes", "Bytes in a batch", 1024, 1073741824, NULL,
            "A batch ends with the row that reaches this size, and so does a message to the "
            "platform. Not set: 4 MiB for a batch, 1 MiB for a message, unless the source has its "
            "own size."),
    INTEGER("max_value_bytes", "Largest value", 1024, 1073741824, "104857600",
            "A row with a larger value cannot be carried."),
    INTEGER(
        "max_queue_size", "Rows in the queue", 1, 100000000, NULL,
        "How many rows may wait between readers and the writer; at least four batches. Not "
        "set: 10,000 for small tables, 5,000 for medium ones, 1,000 for large ones; the largest "
        "among the sync's tables."),
    INTEGER("checkpoint_rows", "Rows between checkpoints", 1, 1000000000, NULL,
            "Not set: 1,000,000 for small tables, 500,000 for medium ones, 100,000 for large ones. "
            "A checkpoint also falls due after 64 MiB."),
    INTEGER("checkpoint_seconds", "Seconds between checkpoints", 1, 3600, NULL,
            "Not set: 2 for `penstock sync`."),
    INTEGER("partition_rows", "Rows in a partition", 1, 1000000000, NULL,
            "A full load is cut into parts of about so many rows, at most 4,096 a table. Not set: "
            "50,000 for tables under a million rows, 25,000 up to 50 million, else 5,000."),
    INTEGER("snapshot_max_minutes", "Minutes of one point in time", 1, 10080, NULL,
            "How long a read keeps one point in time before it goes on in another: at its next "
            "position, or between two parts that have none. A load of which nothing would tell "
            "what changed meanwhile (no cursor, nor a source that shows it) keeps its own to the "
            "end. Not set: 60; for YugabyteDB 10."),
    INTEGER("connection_max_age_hours", "Hours of one connection", 1, 168, NULL,
            "A connection older than this is renewed between two parts of a load, and before a "
            "table that is read in one part, unless it shares a point in time with the one before "
            "it. Not set: 3 for tables under a million rows, 6 up to 50 million, else 12."),
    INTEGER("batch_delay_ms", "Wait after each batch", 0, 3600000, "0",
            "In milliseconds, for each connection: spares the source."),
    {.name = "enable_resource_monitoring",
     .label = "Watch memory, CPU and disk",
     .type = PS_OPTION_BOOLEAN,
     .flags = PS_OPTION_ADVANCED,
     .default_value = "true",
     .help = "Batches get smaller and threads fewer while memory or CPU are short, larger while "
             "that pays, and no batch takes more than a small part of the memory there is. Where a "
             "disk fills up, the sync saves what it has and ends."},
    INTEGER("memory_threshold_high", "Memory is short from, in percent", 1, 100, NULL,
            "Batches lose a quarter. Not set: 80 (development 70, high_volume 85)."),
    INTEGER("memory_threshold_critical", "Memory is very short from, in percent", 1, 100, "90",
            "Batches are halved."),
    INTEGER("cpu_threshold_high", "CPU is short from, in percent", 1, 100, NULL,
            "Threads are halved. Not set: 85 (development 80, high_volume 90)."),
    INTEGER("cpu_threshold_critical", "CPU is very short from, in percent", 1, 100, "95",
            "One thread is left."),
    INTEGER(
        "disk_threshold_high", "A disk is short from, in percent", 1, 100, "80",
        "Of the warehouse's and the state's: a warning. While neither of the two is set, a disk "
        "with 2 GiB free is not short."),
    INTEGER("disk_threshold_critical", "A disk is full from, in percent", 1, 100, "90",
            "The sync saves what it has and ends."),
    {.name = "metadata_tables",
     .label = "Metadata tables",
     .type = PS_OPTION_CHOICE,
     .flags = PS_OPTION_ADVANCED,
     .default_value = "auto",
     .described_choices = metadata_choices,
     .help = "Tables beside the source's own that tell of each sync: what was read and counted, "
             "errors, resources, parameters. Their rows count as rows of the connection."},
    {.name = "validation_count",
     .label = "Row counts at the source",
     .type = PS_OPTION_CHOICE,
     .flags = PS_OPTION_ADVANCED,
     .choices = validation_count_choices,
     .help = "How the rows of a table that was read are counted at the source. exact: by a query. "
             "statistics: as its catalog estimates. auto: exact below the size of large tables. "
             "Not set: auto while the metadata tables are on, else nothing is counted."},
    INTEGER("max_retries", "Retries", 0, 100, "5",
            "How often passing trouble is answered by trying again before the sync ends."),
    INTEGER("retry_sleep_seconds", "First wait of a retry", 0, 3600, "5",
            "It doubles each time, varied by half, up to 300 seconds; where the other side asks "
            "for a longer wait, that is kept."),
    {.name = "deadlock_patterns",
     .label = "Messages of deadlocks",
     .type = PS_OPTION_LIST,
     .flags = PS_OPTION_ADVANCED,
     .help =
         "Regular expressions (POSIX extended; case does not count), separated by commas. An "
         "error that one of them matches is taken for a deadlock: tried again after a short wait, "
         "on the same connection. They look at the message and at the database's own words, "
         "which are not shown where they may quote a row. Its codes are known without."},
    {.name = "timeout_patterns",
     .label = "Messages of timeouts",
     .type = PS_OPTION_LIST,
     .flags = PS_OPTION_ADVANCED,
     .help = "The same for timeouts: tried again on a new connection."},
    {.name = "enable_preprocessing",
     .label = "Preprocessing",
     .type = PS_OPTION_BOOLEAN,
     .flags = PS_OPTION_ADVANCED,
     .default_value = "false",
     .help = "Runs `preprocessing_sql` at the source before any table is read, once for each table "
             "of `preprocessing_table`. It changes rows at the source."},
    {.name = "preprocessing_table",
     .label = "Tables to preprocess",
     .type = PS_OPTION_LIST,
     .flags = PS_OPTION_ADVANCED,
     .help = "Names, or schema.table, separated by commas; * stands for any run of characters."},
    {.name = "preprocessing_sql",
     .label = "Preprocessing SQL",
     .type = PS_OPTION_TEXT,
     .flags = PS_OPTION_ADVANCED,
     .placeholder = "UPDATE {table_list} SET status = 'PROCESSED' WHERE id > 0",
     .help = "One statement, with {table_list}, {connector_list}, {last_sync} and "
             "{<TABLE>_last_sync}. Values are quoted by the place where they stand."},
    {.name = "connector_list",
     .label = "Connectors",
     .type = PS_OPTION_LIST,
     .flags = PS_OPTION_ADVANCED,
     .help = "What {connector_list} stands for, separated by commas."},
    {.name = "debug",
     .label = "Debug logging",
     .type = PS_OPTION_BOOLEAN,
     .flags = PS_OPTION_ADVANCED,
     .default_value = "false",
     .help = "More lines in the log: what is planned, read and retried. Never a value or secret."},
    {.name = NULL},
};

size_t ps_batch_bytes(const struct ps_config *config)
{
    return (size_t)ps_config_integer(config, "batch_bytes", BATCH_BYTES);
}

size_t ps_message_bytes(const struct ps_source_ops *ops, const struct ps_config *config)
{
    int64_t otherwise = ops->message_bytes != 0 ? (int64_t)ops->message_bytes : MESSAGE_BYTES;
    return (size_t)ps_config_integer(config, "batch_bytes", otherwise);
}
