/*
 * The scalar values that need more than a C type: decimals, timestamps, and a typed scalar for
 * cursors. Their text forms are canonical: what is formatted parses back to the same value.
 */
#ifndef PENSTOCK_VALUE_H
#define PENSTOCK_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "penstock/error.h"
#include "penstock/schema.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The unscaled value of a DECIMAL: value = integer / 10^scale, |integer| < 10^38. */
__extension__ typedef __int128 ps_int128;
__extension__ typedef unsigned __int128 ps_uint128;

/*
 * A point on a time line: seconds since 1970-01-01T00:00:00 and 0..999,999,999 nanoseconds after
 * them. UTC_DATETIME: on UTC's line. NAIVE_DATETIME: the wall clock read as if it were UTC. Valid
 * from year 1 to year 9999 (google.protobuf.Timestamp has the same bounds).
 */
struct ps_timestamp {
    int64_t seconds;
    int32_t nanos;
};
#define PS_TIMESTAMP_SECONDS_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00 */
#define PS_TIMESTAMP_SECONDS_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59 */
#define PS_DATE_DAYS_MIN (-719162)                     /* 0001-01-01 */
#define PS_DATE_DAYS_MAX 2932896                       /* 9999-12-31 */

/* Big enough for every format function below, with the closing NUL. */
#define PS_VALUE_TEXT_SIZE 64

/* "2024-02-29" of days since 1970-01-01. Returns the length. */
PS_PUBLIC size_t ps_date_format(int32_t days, char out[PS_VALUE_TEXT_SIZE]);
/* Strict "YYYY-MM-DD", a real date from year 1 to 9999. False: it is not. */
PS_PUBLIC bool ps_date_parse(const char *text, size_t size, int32_t *ret_days);

/*
 * "2024-02-29T23:59:59.1234567" with as many digits as the value needs (none, or 1 to 9), a "Z"
 * after it where `utc`. Returns the length.
 */
PS_PUBLIC size_t ps_timestamp_format(struct ps_timestamp value, bool utc,
                                     char out[PS_VALUE_TEXT_SIZE]);
/*
 * "YYYY-MM-DD[T ]HH:MM:SS[.f{1,9}][Z|±HH[:]MM|±HH]"; an offset is taken off, so that the result is
 * UTC; `ret_had_zone` (may be NULL) tells whether there was one. False: not such a text.
 */
PS_PUBLIC bool ps_timestamp_parse(const char *text, size_t size, struct ps_timestamp *ret_value,
                                  bool *ret_had_zone);
/* <0, 0, >0 as memcmp. */
PS_PUBLIC int ps_timestamp_compare(struct ps_timestamp a, struct ps_timestamp b);
/* value + seconds, held inside year 1 to 9999. */
PS_PUBLIC struct ps_timestamp ps_timestamp_add(struct ps_timestamp value, int64_t seconds);

/* "-12.3400": all `scale` digits, no exponent, "-" only where the value is below zero. */
PS_PUBLIC size_t ps_decimal_format(ps_int128 unscaled, uint8_t scale, char out[PS_VALUE_TEXT_SIZE]);
/*
 * Reads digits with an optional sign and point into an integer at `scale`. False where the text is
 * no such number, has more than 38 digits at that scale, or would lose a digit other than 0.
 */
PS_PUBLIC bool ps_decimal_parse(const char *text, size_t size, uint8_t scale,
                                ps_int128 *ret_unscaled);

/* The bytes of a counter that is a BINARY (ps_column.counter): a number, the highest byte first. */
#define PS_COUNTER_BYTES 8

/* One value of a cursor column, or none. */
struct ps_scalar {
    /* SHORT, INT, LONG, DECIMAL, NAIVE_DATE, NAIVE_DATETIME, UTC_DATETIME; BINARY: a counter of
     * PS_COUNTER_BYTES, of which the text is "0x" and 16 digits */
    enum ps_type type;
    bool present;  /* false: no value yet */
    uint8_t scale; /* DECIMAL */
    ps_int128
        integer; /* SHORT, INT, LONG, BINARY; DECIMAL: unscaled; NAIVE_DATE: days since 1970 */
    struct ps_timestamp time;
};

/* True where a column of this type can be a cursor; of BINARY those alone that are counters. */
PS_PUBLIC bool ps_scalar_type_supported(enum ps_type type);
/* Both present and of one type (and scale). */
PS_PUBLIC int ps_scalar_compare(const struct ps_scalar *a, const struct ps_scalar *b);
PS_PUBLIC size_t ps_scalar_format(const struct ps_scalar *value, char out[PS_VALUE_TEXT_SIZE]);
/* False where the text does not fit the type. `scale` counts for DECIMAL alone. */
PS_PUBLIC bool ps_scalar_parse(const char *text, size_t size, enum ps_type type, uint8_t scale,
                               struct ps_scalar *ret_value);

#ifdef __cplusplus
}
#endif

#endif
