/*
 * A source in memory, for tests: tables of scripted rows, scripted faults, a scripted clock, and
 * changes between and during syncs. All that is open shares one `struct fake_database`, so that
 * several workers see the same rows and a pinned source sees those of its point in time.
 *
 *     struct fake_database *database = fake_database_new();
 *     fake_table_add(database, "", "people", "id LONG key, name STRING, updated_at UTC_DATETIME");
 *     fake_row_add(database, "people", "1|Ann|2024-01-01T00:00:00Z");
 *     … run what is tested with fake_database_ops(database) …
 *     fake_database_free(database);
 *
 * A misuse of this file by a test (an unknown table, a value that is none of its type) aborts.
 *
 * Rows keep the place at which they were added; an update ends the old row and adds a new one at
 * the end, or, with fake_database_reuse, at the first place that nobody can see any more, as a heap
 * does. Partitions ("3-7", "7-") and positions ("5") are places; a mark is a count of changes.
 * Windows on an indexed cursor come by cursor and key, with the cursor and the key of a row as
 * positions; rows without a cursor come last and have none, as have other windows. With
 * PS_CAP_CHANGES a table's rows are read as upserts and deletes in the order in which they came;
 * not together with fake_database_reuse.
 */
#ifndef TESTS_SUPPORT_FAKE_SOURCE_H
#define TESTS_SUPPORT_FAKE_SOURCE_H

#include "penstock/source.h"

/* The members that can be made to fail and are counted. */
enum fake_call {
    FAKE_OPEN,
    FAKE_TEST,
    FAKE_LIST_TABLES,
    FAKE_DESCRIBE,
    FAKE_PLAN,
    FAKE_NOW,
    FAKE_PIN,
    FAKE_SNAPSHOT_NAME,
    FAKE_HOLD,
    FAKE_MARK,
    FAKE_READER_OPEN,
    FAKE_READER_NEXT,
    FAKE_COUNT,
    FAKE_EXECUTE,
    FAKE_CALLS,
};

struct fake_database;

/* Makes an empty one, which `open` finds from now on, until it is freed or another is made. */
struct fake_database *fake_database_new(void);
void fake_database_free(struct fake_database *database); /* NULL is fine; no source is open */

/* Its ops, by default with all of PS_CAP_SNAPSHOT, RESUME, COUNT_CHEAP, KEYS_ONCE and CHANGED. */
const struct ps_source_ops *fake_database_ops(struct fake_database *database);
void fake_database_set_caps(struct fake_database *database, uint32_t caps);

/* From now on new rows take the places of rows that no point in time held by a source can see. */
void fake_database_reuse(struct fake_database *database);

/* The clock at the start is 2024-01-01T00:00:00; horizon NULL: not known. */
void fake_database_set_now(struct fake_database *database, const char *now, const char *horizon);

/* From now on the clock says that points in time may be so old. */
void fake_database_set_stale(struct fake_database *database, int64_t ms);

/*
 * columns: "name TYPE[(p,s)] [key] [null] [indexed] [counter], …", TYPE one of the contract's
 * names. Keys count in order of their columns; what is not said to be `null` is not nullable. A
 * name ends at the first blank. A counter's values are numbers, those of a BINARY "0x" and 16
 * digits; all of a database have one type.
 */
void fake_table_add(struct fake_database *database, const char *schema, const char *name,
                    const char *columns);
/* From now on describe says SCHEMA, and so do reads. */
void fake_table_drop(struct fake_database *database, const char *name);
/* From now on the login may not read it: it is not listed, but warned about. */
void fake_table_refuse(struct fake_database *database, const char *name);
/* Adds a column; rows there are NULL in it. */
void fake_column_add(struct fake_database *database, const char *table, const char *column);
/* Changes a column's type, "LONG" or "DECIMAL(20,4)"; the rows' texts are read anew. */
void fake_column_retype(struct fake_database *database, const char *table, const char *column,
                        const char *type);
/* What the statistics say, where it is not the number of rows. */
void fake_table_set_estimate(struct fake_database *database, const char *table, int64_t rows);

/*
 * values: one text a column, separated by '|'. "\N" is NULL; "\bad" a value that cannot be carried
 * (its row is given up); "\count" the number of the transaction, which each call here is; fewer
 * values than columns leave the rest NULL.
 */
void fake_row_add(struct fake_database *database, const char *table, const char *values);
/* Rows first … last: `pattern` as values, with every '#' replaced by the number. */
void fake_rows_add(struct fake_database *database, const char *table, int64_t first, int64_t last,
                   const char *pattern);
/* The visible rows whose first value is `key` end; with values not NULL a new one is added. */
void fake_row_change(struct fake_database *database, const char *table, const char *key,
                     const char *values);
/*
 * A transaction that stays open: it takes its number now, and what it writes is seen once it is
 * committed. At most 16 at a time, and no two may write a row of one key. fake_write is as
 * fake_row_change, or with key NULL as fake_row_add.
 */
size_t fake_begin(struct fake_database *database);
void fake_write(struct fake_database *database, size_t transaction, const char *table,
                const char *key, const char *values);
void fake_commit(struct fake_database *database, size_t transaction);
/* With PS_CAP_CHANGES: the changes up to now are not kept any more. A read of them from the first
 * on begins with the rows that are visible now; a position of before is EXPIRED. */
void fake_log_cut(struct fake_database *database, const char *table);
/* All rows end, and the table has a new incarnation. */
void fake_table_truncate(struct fake_database *database, const char *table);
/* The rows that are visible now. */
int64_t fake_table_rows(struct fake_database *database, const char *table);

/* The values of the rows that are visible now, sorted, one row a line. Free it with free. */
char *fake_table_text(struct fake_database *database, const char *table);

/* What happens at the nth call of a member from now on. */
struct fake_fault {
    enum fake_call call;
    const char *table; /* only calls about this table; NULL: all */
    uint64_t nth;      /* 1: the next one; 0 is taken as 1 */
    bool forever;      /* and all later ones */
    bool hang;         /* READER_NEXT, COUNT: waits to be canceled, then ends with CANCELED */
    bool after_rows;   /* READER_NEXT: fills the batch first, then fails */
    enum ps_status status;
    enum ps_error_class error_class;
    int32_t vendor_code;
    const char *sqlstate; /* NULL: "" */
    uint32_t retry_after_ms;
    const char *message; /* NULL: "scripted fault" */
};
/* Texts are borrowed until the database is freed. At most 32. */
void fake_fault_add(struct fake_database *database, const struct fake_fault *fault);
void fake_faults_clear(struct fake_database *database);

/* The statements that were executed, one a line; each affects the table's visible rows. Lives until
 * the next call of anything here. */
const char *fake_executed(struct fake_database *database);

/* How often a member has been called; sources that are open now, and the most there were at once;
 * calls that hang now (wait for it before a cancel). */
uint64_t fake_calls(struct fake_database *database, enum fake_call call);
uint32_t fake_sources_open(struct fake_database *database, uint32_t *ret_peak);
uint32_t fake_readers_hanging(struct fake_database *database);

/* Called at the start of each member, on its thread and without the lock, so that it may change
 * the database; table is NULL where the member is about none. */
void fake_hook_set(struct fake_database *database,
                   void (*hook)(void *context, enum fake_call call, const char *table),
                   void *context);

/* Names of cursor and soft-delete columns: "updated_at", "_LastUpdatedInstant"; "_IsDeleted",
 * "deleted". Tests: "connect", "select". No options. */
extern const struct ps_source_ops fake_source_ops;

#endif
