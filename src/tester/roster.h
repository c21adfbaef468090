/*
 * The tables of a connector as the tester knows them: what Schema and schema_change declared, what
 * records brought besides, and the shape of each as the sink is told of it. Names are compared
 * without regard to case, since the destination knows none. Not for: values and rows.
 */
#ifndef PS_TESTER_ROSTER_H
#define PS_TESTER_ROSTER_H

#include "base/arena.h"
#include "data/widen.h"
#include "penstock/batch.h"
#include "tester/breach.h"
#include "tester/value.h"

#define ROSTER_NAME_MAX 1000u
#define ROSTER_TABLES_MAX 100000u
#define ROSTER_COLUMNS_MAX 10000u

struct tester_column {
    const char *name;
    size_t name_size;
    uint64_t hash;              /* of the name without regard to case */
    uint32_t next_in_bucket;    /* index plus 1 */
    bool declared;              /* by Schema or a schema_change */
    uint64_t declared_in;       /* the last declaration of its table that named it */
    bool platform;              /* the platform keeps the name: never sent on */
    enum ps_type declared_type; /* UNSPECIFIED: none */
    uint8_t declared_precision; /* of DECIMAL; 0: none */
    uint8_t declared_scale;
    struct ps_type_exact type; /* what it is now; UNSPECIFIED: not known yet */
    uint16_t key_position;     /* 0: not part of the key */
    uint32_t in_shape;         /* index there; UINT32_MAX: not in it */
};

/* What a sync did to one table. */
struct tester_counts {
    uint64_t upserts, updates, deletes, truncates, schema_changes, skipped, bytes;
};

struct tester_table {
    struct tester_table *next_in_bucket, *next; /* `next`: in the order they came */
    uint64_t hash;
    const char *schema, *name; /* schema "": none */
    size_t schema_size, name_size;
    bool declared;        /* by Schema or a schema_change */
    uint64_t declared_in; /* the last message that declared it */
    uint32_t expected;    /* columns that were declared and are no platform columns */
    bool keys_only;       /* only its key was declared: other columns are free */
    bool changed;         /* the shape is behind the columns */
    bool told;            /* the sink knows the shape */
    bool wanted;          /* the destination is to have it at the next checkpoint, rows or not */

    struct tester_column *columns;
    uint32_t columns_count, columns_capacity;
    uint32_t *buckets; /* of columns: index plus 1 */
    uint32_t buckets_count;
    uint16_t keys_count;
    const struct ps_table *shape; /* as last built; NULL: never */
    const struct ps_table
        *found;     /* as the destination has it from earlier syncs; NULL: not there */
    bool looked_up; /* `found` tells */

    /* The record being read (record.c): one cell a column; a cell counts where `seen` has the
     * record's number. `order` is the order in which the last record's columns came. */
    struct tester_value *cells;
    uint64_t *seen;
    uint32_t *order;
    uint32_t order_count, cells_capacity;

    bool truncate_deferred; /* rows older than the mark are soft-deleted if the sync succeeds */
    int64_t truncate_mark;

    bool written;      /* rows of it went on their way since the last checkpoint */
    bool waits;        /* records of it are in the backlog, and all that come go there */
    uint32_t calm;     /* how many of them came since its last change */
    uint32_t patience; /* they are released after so many; rises each time */

    struct tester_slot *slot; /* its open batch (slots.c); NULL: none */
    struct tester_counts counts;
};

#define ROSTER_BUCKETS 8192u
struct roster {
    struct ps_arena *names;  /* owned: names of tables and columns */
    struct ps_arena *shapes; /* owned: what the sink points to */
    struct breaches *breaches;
    struct tester_table *buckets[ROSTER_BUCKETS];
    struct tester_table *first, *last, *last_used;
    size_t count;
    bool declares;         /* Schema gave tables with more than keys: others are breaches */
    bool answered;         /* Schema gave tables at all */
    bool with_schema;      /* it gave them in schemas */
    uint64_t messages;     /* that declared something, counted */
    uint64_t declarations; /* of tables, likewise */
    uint64_t news;         /* tables and columns that were new */
    bool muted;            /* a record is read again: its breaches were counted when it came */
    bool streaming;        /* Schema is over: what is declared now is to be at the destination */
};

enum ps_status roster_init(struct roster *roster, struct breaches *breaches,
                           struct ps_error *err) PS_MUST_CHECK;
void roster_done(struct roster *roster);

/* A name as it came over the wire. */
struct wire_name {
    const uint8_t *bytes;
    size_t size;
};

/* False: empty, too long, not UTF-8, with U+0000. */
bool roster_name_valid(const struct wire_name *name);

/* The table; made where it is missing. Both names are valid; the schema may be empty. */
enum ps_status roster_table(struct roster *roster, const struct wire_name *schema,
                            const struct wire_name *name, struct tester_table **ret_table,
                            struct ps_error *err) PS_MUST_CHECK;
/* The same, but NULL where there is none. */
struct tester_table *roster_known(struct roster *roster, const struct wire_name *schema,
                                  const struct wire_name *name);
/* The column's index; made where it is missing (`ret_new`). The name is valid. */
enum ps_status roster_column(struct roster *roster, struct tester_table *table,
                             const struct wire_name *name, uint32_t *ret_column, bool *ret_new,
                             struct ps_error *err) PS_MUST_CHECK;

/* What a column is declared as. */
struct roster_declaration {
    struct wire_name name;
    uint64_t type; /* the wire's number */
    bool key;
    uint8_t precision, scale;
    bool has_decimal;
};
/* Merges a declared column: types widen, nothing is dropped. */
enum ps_status roster_declare(struct roster *roster, struct tester_table *table,
                              const struct roster_declaration *declaration,
                              struct ps_error *err) PS_MUST_CHECK;
/* A message that declares tables begins. */
void roster_message(struct roster *roster);
/* One of its tables; its columns follow. */
void roster_table_begin(struct roster *roster, struct tester_table *table);
/* All columns of one declaration of the table were given. */
void roster_declared(struct tester_table *table);

/* The destination has the table already: columns of unknown types have those that they have there.
 */
void roster_found(struct tester_table *table, const struct ps_table *found);

/* The column's type becomes one that also holds `type`. */
void roster_widen(struct tester_table *table, struct tester_column *column,
                  struct ps_type_exact type);

/*
 * Builds the shape anew where it is behind. Columns whose type nobody knows are left out, but for
 * the key's; with `all` they become text (DECIMAL(38,10) where DECIMAL was declared).
 */
enum ps_status roster_shape(struct roster *roster, struct tester_table *table, bool all,
                            struct ps_error *err) PS_MUST_CHECK;

/* Counts a breach of the table. */
void roster_breach(struct roster *roster, struct tester_table *table, enum breach_kind kind,
                   const char *column, const char *detail);

#endif
