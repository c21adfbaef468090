/*
 * A value as a connector sends it (ValueType, or an entry of row_data): read, checked, given the
 * type it asks for, and put into a batch. Not for: which column and table it belongs to.
 */
#ifndef PS_TESTER_VALUE_H
#define PS_TESTER_VALUE_H

#include "base/arena.h"
#include "data/widen.h"
#include "penstock/batch.h"
#include "tester/breach.h"

/* The members of ValueType's oneof, with the wire's numbers. */
enum value_kind {
    VALUE_EMPTY = 0, /* nothing set */
    VALUE_NULL = 1,
    VALUE_BOOL = 2,
    VALUE_SHORT = 3,
    VALUE_INT = 4,
    VALUE_LONG = 5,
    VALUE_FLOAT = 6,
    VALUE_DOUBLE = 7,
    VALUE_DATE = 8,
    VALUE_DATETIME = 9,
    VALUE_UTC = 10,
    VALUE_DECIMAL = 11,
    VALUE_BINARY = 12,
    VALUE_STRING = 13,
    VALUE_JSON = 14,
    VALUE_XML = 15,
    VALUE_TIME = 16,
    VALUE_KINDS,
};

struct tester_value {
    enum value_kind kind;
    union {
        int64_t integer; /* BOOL, SHORT, INT, LONG */
        double number;   /* FLOAT (exact), DOUBLE */
        struct ps_timestamp time;
        struct {
            const uint8_t *bytes; /* in the message */
            size_t size;
        } text;
    } as;
};

/* Reads a ValueType. False: the bytes are none. An unknown member counts as EMPTY. */
bool value_read(const uint8_t *bytes, size_t size, struct tester_value *ret_value);

/*
 * Reads a value of row_data, whose scalars are text: of the declared type, or of the one that the
 * text looks like. False: no such value.
 */
bool value_read_row_data(const uint8_t *bytes, size_t size, enum ps_type declared,
                         struct tester_value *ret_value);

/* The type that a kind of value is declared by; UNSPECIFIED for NULL. */
enum ps_type value_type(enum value_kind kind);

/* What is wrong with the value, whatever its column. BREACHES: nothing. `ret_skip`: its row cannot
 * be carried. A DATE that is not midnight becomes the day it lies in. */
enum breach_kind value_check(struct tester_value *value, bool *ret_skip);

/* The type of a column whose first value it is. */
struct ps_type_exact value_exact(const struct tester_value *value);
/* The same for a column of another type: an integer counts by its size, not by its kind. */
struct ps_type_exact value_tightest(const struct tester_value *value);

/* True where a column of that type holds the value without loss. */
bool value_fits(const struct tester_value *value, struct ps_type_exact type);

/* Puts a checked value that fits. False: no memory. */
bool value_put(struct ps_batch *batch, uint32_t column,
               const struct tester_value *value) PS_MUST_CHECK;

#endif
