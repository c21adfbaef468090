/*
 * Tables and columns as Penstock knows them, whatever database they come from.
 *
 * The types and their numbers are those of the Partner SDK's `DataType` (proto/common.proto), so
 * that a type goes to the wire as it is. Not for: values (batch.h) or names at the destination
 * (the engine decides those).
 */
#ifndef PENSTOCK_SCHEMA_H
#define PENSTOCK_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "penstock/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The contract's types. What each one holds in a batch is said in batch.h. */
enum ps_type {
    PS_TYPE_UNSPECIFIED = 0,
    PS_TYPE_BOOLEAN = 1,
    PS_TYPE_SHORT = 2,
    PS_TYPE_INT = 3,
    PS_TYPE_LONG = 4,
    PS_TYPE_DECIMAL = 5,
    PS_TYPE_FLOAT = 6,
    PS_TYPE_DOUBLE = 7,
    PS_TYPE_NAIVE_DATE = 8,
    PS_TYPE_NAIVE_DATETIME = 9,
    PS_TYPE_UTC_DATETIME = 10,
    PS_TYPE_BINARY = 11,
    PS_TYPE_XML = 12,
    PS_TYPE_STRING = 13,
    PS_TYPE_JSON = 14,
};
#define PS_TYPES 15

/* "BOOLEAN", "UTC_DATETIME", …: the contract's own names. */
PS_PUBLIC const char *ps_type_name(enum ps_type type);

/* True for BINARY, XML, STRING, JSON and UNSPECIFIED (which travels as text). */
PS_PUBLIC bool ps_type_is_variable(enum ps_type type);

/* The most digits a DECIMAL can have: what a signed 128-bit integer holds in full. */
#define PS_DECIMAL_PRECISION_MAX 38

/* When two values of a column that arrives as text are one value to its database. */
enum ps_text_kind {
    PS_TEXT_PLAIN,  /* when their texts are the same */
    PS_TEXT_PADDED, /* char(n): also when blanks at their ends differ */
    PS_TEXT_NUMBER, /* when they are the same number: 1 and 1.00 */
};

struct ps_column {
    const char *name;        /* as the source spells it, UTF-8, never empty */
    const char *source_type; /* as the source prints it, for people: "numeric(12,2)" */
    enum ps_type type;
    uint8_t precision;     /* DECIMAL: 1..38; else 0 */
    uint8_t scale;         /* DECIMAL: 0..precision; else 0 */
    uint16_t key_position; /* 1, 2, … in key order; 0: not part of the key */
    bool nullable;
    bool indexed;         /* an index begins with this column, so that a window on it is cheap */
    bool json_valid;      /* JSON: the source has validated every value */
    bool loose;           /* values that are equal at the source may arrive as different ones */
    bool backfilled;      /* added with a default: rows older than the column are not NULL in it */
    double null_fraction; /* 0..1 from statistics; negative: unknown */
    double distinct_estimate; /* values that differ, from statistics; 0 or less: unknown */
    uint32_t source_id;       /* the source's own handle (PostgreSQL: attnum) */
    enum ps_text_kind text_kind;
    /*
     * A row that is written gets the present value of the source's counter, which never goes down:
     * ps_now.counter tells below which value everything is committed. A whole number, or a BINARY
     * of PS_COUNTER_BYTES; one type for all counters of a source.
     */
    bool counter;
    /* Why it cannot be a cursor though its type could: what comes after "since". NULL: its type
     * decides. */
    const char *no_cursor;
};

enum ps_table_kind {
    PS_TABLE_ORDINARY = 0,
    PS_TABLE_PARTITIONED,
    PS_TABLE_VIEW,
    PS_TABLE_MATERIALIZED_VIEW,
    PS_TABLE_FOREIGN,
};

/*
 * One table. All it points to lives as long as the arena it was described in. Immutable once
 * handed out: a table that changes is described anew.
 */
struct ps_table {
    const char *schema; /* "" where the source has no schemas */
    const char *name;
    enum ps_table_kind kind;
    const struct ps_column *columns; /* NULL until described */
    uint32_t columns_count;
    uint16_t keys_count;     /* columns with a key_position; 0: the table has no key */
    int64_t rows_estimate;   /* from statistics; -1: unknown */
    int64_t bytes_estimate;  /* from statistics; -1: unknown */
    const char *incarnation; /* changes when the table is emptied or rewritten behind every cursor
                                (PostgreSQL: pg_relation_filenode), and where it has counters, when
                                those may have gone back; NULL: cannot be told. Commas
                                part a list, of which "part:file" may come and go with its part,
                                and "part:file-" says that the part has no rows. Up to the last
                                slash stands whose table it is: fields with dots between, each a
                                name, or several with plus signs, of which one that stays is enough;
                                an empty field says nothing */
    uint32_t source_id;      /* the source's own handle (PostgreSQL: oid) */
    bool own_rows_only;      /* without those of tables that inherit from it */
    bool partial;            /* the login may read some of its columns, and nothing but those */
    bool key_derived;        /* the key is not declared as one: a unique index stands in for it */
};

/* The index of the named column (exact, case counts), or -1. */
PS_PUBLIC int32_t ps_table_column(const struct ps_table *table, const char *name);

/*
 * A list of tables that grows in an arena. `tables` points to the entries in the order found;
 * warnings say what was left out and why (a missing right, row-level security, an empty
 * materialised view), each one line for a person.
 */
struct ps_arena;
struct ps_table_list {
    struct ps_arena *arena; /* given by the caller; everything in the list lives there */
    struct ps_table **tables;
    size_t tables_count, tables_capacity;
    const char **warnings;
    size_t warnings_count, warnings_capacity;
    struct ps_table **refused; /* tables that are there, but not for this login; names alone */
    size_t refused_count, refused_capacity;
};

/* Adds an entry, zeroed but for the estimates (-1); its strings are to be put into the arena. */
PS_PUBLIC enum ps_status ps_table_list_add(struct ps_table_list *list, struct ps_table **ret_table,
                                           struct ps_error *err) PS_MUST_CHECK;
/* Notes a table that the login may not read; a warning says why. Copies the names. */
PS_PUBLIC enum ps_status ps_table_list_refuse(struct ps_table_list *list, const char *schema,
                                              const char *name, struct ps_error *err) PS_MUST_CHECK;
PS_PUBLIC enum ps_status ps_table_list_warn(struct ps_table_list *list, struct ps_error *err,
                                            const char *format, ...) PS_PRINTF(3, 4) PS_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
