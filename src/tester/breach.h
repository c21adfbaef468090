/*
 * Breaches of the contract: what a connector did that the platform would not take, or would take
 * otherwise than it was meant. Each is named once for its kind, table and column, with a count. Not
 * for: what is done with the row at fault (record.c).
 */
#ifndef PS_TESTER_BREACH_H
#define PS_TESTER_BREACH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "penstock/error.h"

enum breach_kind {
    BREACH_RECORDS_COUNT,
    BREACH_KEY_MISSING,
    BREACH_KEY_NULL,
    BREACH_COLUMN_MISSING,
    BREACH_NO_KEY,
    BREACH_COLUMN_UNDECLARED,
    BREACH_DECLARED_TWICE,
    BREACH_TYPE_DIFFERS,
    BREACH_SHORT_RANGE,
    BREACH_NAIVE_TIME,
    BREACH_TABLE_UNKNOWN,
    BREACH_NO_CHECKPOINT,
    BREACH_PLATFORM_COLUMN,
    BREACH_TIME_RANGE,
    BREACH_DATE_NOT_MIDNIGHT,
    BREACH_DECIMAL_INVALID,
    BREACH_DECIMAL_PRECISION,
    BREACH_DECIMAL_RANGE,
    BREACH_TYPE_UNKNOWN,
    BREACH_JSON_INVALID,
    BREACH_XML_INVALID,
    BREACH_TEXT_INVALID,
    BREACH_VALUE_EMPTY,
    BREACH_NAME_INVALID,
    BREACH_NAME_CASE,
    BREACH_TABLE_UNNAMED,
    BREACH_SCHEMA_MIXED,
    BREACH_SCHEMA_EMPTY,
    BREACH_RECORD_TYPE,
    BREACH_OPERATION_EMPTY,
    BREACH_STATE_SIZE,
    BREACH_STATE_JSON,
    BREACH_MESSAGE_SIZE,
    BREACH_FILE_SIZE,
    BREACH_FILE_UNFINISHED,
    BREACH_FILE_PATH,
    BREACHES
};

/* "key_missing": the name that scripts know it by. */
const char *breach_kind_name(enum breach_kind kind);

struct ps_tester_breach {
    enum breach_kind kind;
    const char *schema, *table; /* table NULL: it is of no table */
    const char *message;        /* a sentence about the first one; no row data */
    const char *column;         /* NULL: of none, or of those beyond the ones that are named */
    uint64_t count;
    bool others; /* columns beyond the ones that are named are counted here */
};

#define BREACHES_MAX 2000u
/* Columns of one table that are named for one kind; the others are one breach, of the table. */
#define BREACH_COLUMNS_MAX 20u
/* A power of two, well above BREACHES_MAX. */
#define BREACH_PLACES 4096u

struct breaches {
    struct ps_arena *arena; /* borrowed: the texts */
    struct ps_tester_breach *list;
    size_t count, capacity;
    uint64_t total;
    void *context;
    void (*tell)(void *context, const struct ps_tester_breach *breach); /* at the first of each */
    bool failed;                                                        /* memory ran out */
    uint16_t places[BREACH_PLACES]; /* by hash: index in the list plus 1; 0: free */
};

/* Where it was met; NULL: not in one table, not in one column. */
struct breach_place {
    const char *schema, *table, *column;
};

void breaches_done(struct breaches *breaches);
/* Counts one. `detail` (NULL: none) ends the message of the first: what was met, without data. */
void breach_add(struct breaches *breaches, enum breach_kind kind, const struct breach_place *place,
                const char *detail);

#endif
