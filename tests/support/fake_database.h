/*
 * The inside of the fake source, shared by its files: fake_database.c holds tables, rows and
 * faults, fake_source.c and fake_count.c the members of struct ps_source_ops. Tests include
 * fake_source.h.
 */
#ifndef TESTS_SUPPORT_FAKE_DATABASE_H
#define TESTS_SUPPORT_FAKE_DATABASE_H

#include "base/buffer.h"
#include "base/thread.h"
#include "fake_source.h"
#include "penstock/batch.h"

#define FAKE_COLUMNS_MAX 64
#define FAKE_FAULTS_MAX 32
#define FAKE_FOREVER UINT64_MAX
#define FAKE_TRANSACTIONS_MAX 16

struct fake_column {
    char name[64];
    enum ps_type type;
    uint8_t precision, scale;
    uint16_t key;
    bool nullable, indexed, counter;
};

struct fake_row {
    uint64_t born, died; /* visible from `born` to before `died` */
    char *values;        /* "1|Ann|\N" */
};

struct fake_table {
    char schema[64], name[64];
    struct fake_column columns[FAKE_COLUMNS_MAX];
    uint32_t columns_count;
    struct fake_row *rows;
    size_t rows_count, rows_capacity;
    uint32_t incarnation;
    uint64_t log_begins; /* changes up to that time are not kept any more */
    int64_t estimate;    /* -1: the number of rows */
    bool dropped, refused;
};

/* What a transaction that is open has written. */
struct fake_write {
    size_t transaction;
    char *table, *key, *values; /* owned; key NULL: a new row, values NULL: its end */
};

struct fake_armed {
    struct fake_fault fault;
    uint64_t seen;
};

struct fake_source {
    struct ps_source base;
    struct fake_database *database;
    struct fake_source *next;       /* open ones */
    const struct ps_cancel *cancel; /* of the request that opened it; may be NULL */
    bool pinned;
    uint64_t snapshot; /* the point in time, where pinned */
    char snapshot_name[32], mark[32];
};

/* `lock` guards everything but `ops`, which tests set before sources are open. */
struct fake_database {
    struct ps_source_ops ops;
    struct ps_mutex lock;
    struct ps_condition canceled; /* a reader was canceled */
    struct fake_table **tables;   /* in byte order of schema, then name */
    size_t tables_count;
    uint64_t time;                           /* counts changes */
    uint64_t counter;                        /* the number that was given last */
    enum ps_type counter_type;               /* of its columns; UNSPECIFIED: there are none */
    uint64_t numbers[FAKE_TRANSACTIONS_MAX]; /* of open transactions; 0: there is none */
    struct fake_write *writes;
    size_t writes_count;
    struct ps_timestamp now, horizon;
    bool horizon_known;
    int64_t stale_ms;
    bool reuse;
    struct fake_armed faults[FAKE_FAULTS_MAX];
    uint32_t faults_count;
    uint64_t calls[FAKE_CALLS];
    struct fake_source *open;
    uint32_t open_count, open_peak, hanging;
    void (*hook)(void *context, enum fake_call call, const char *table);
    void *hook_context;
    struct ps_buffer executed;
};

/* The one that was made last; NULL: none. */
struct fake_database *fake_database_current(void);

/* With the lock held. NULL: no such table, or dropped. */
struct fake_table *fake_table_get(struct fake_database *database, const char *name);
int64_t fake_rows_visible(const struct fake_table *table, uint64_t time);
static inline bool fake_row_visible(const struct fake_row *row, uint64_t time)
{
    return row->born <= time && time < row->died;
}

/*
 * With the lock held: the rows that were visible `before` and have that key end; with values, which
 * it takes, a new one is added, at the present time. key NULL: none ends.
 */
void fake_row_put(struct fake_database *database, struct fake_table *table, const char *key,
                  uint64_t before, char *values);

/* fake_transactions.c, with the lock held: the next number; a row's text with that number in it,
 * which the caller frees; and the lowest one that a row may still be committed with. */
uint64_t fake_number(struct fake_database *database);
char *fake_counted(const struct fake_database *database, const char *values, uint64_t number);
struct ps_scalar fake_counter(const struct fake_database *database);
void fake_transactions_free(struct fake_database *database);

/* fake_order.c: what is read one after the other. */
struct fake_item {
    enum ps_operation operation;
    char *values, *position; /* owned; the position after it */
    uint64_t time;           /* of a change … */
    size_t place;            /* … and where its row lies */
};
struct fake_order {
    struct fake_item *items;
    size_t count, next;
};
void fake_order_done(struct fake_order *order);

/* With the lock held: the rows of a window, by cursor and key, those without a cursor last. */
struct fake_window {
    uint32_t cursor; /* place of the column */
    struct ps_scalar lower;
    uint64_t time;
    const char *position; /* NULL: from the first */
};
void fake_order_window(struct fake_order *order, const struct fake_table *table,
                       const struct fake_window *window);
/* As struct ps_source_ops says. */
bool fake_join(const char *first, const char *second, struct ps_buffer *ret_bounds);

/* With the lock held: the changes up to that time. CONFIG: the position is none. EXPIRED: what
 * comes after it is not kept any more. */
enum ps_status fake_order_changes(struct fake_order *order, const struct fake_table *table,
                                  uint64_t time, const char *position, struct ps_error *err);

/*
 * Counts the call, runs the hook, and looks for a fault that is due; true: `ret_fault` holds it.
 * Without the lock.
 */
bool fake_enter(struct fake_database *database, enum fake_call call, const char *table,
                struct fake_fault *ret_fault);
/* The text of the value at that place of a row; false: it is NULL, or not there. */
bool fake_value_at(const char *values, uint32_t place, const char **ret_text, size_t *ret_size);

/* fake_count.c */
enum ps_status fake_count(struct ps_source *base, const struct ps_count_request *request,
                          int64_t *ret_rows, struct ps_error *err);

/* Fills err from the fault. */
enum ps_status fake_fail(const struct fake_fault *fault, struct ps_error *err);

#endif
