/*
 * The widening rule (data/widen.h; docs/sinks/duckdb.md has it as a table).
 */
#include "data/widen.h"

/* Decimal digits that hold every value of an integer type; 0: it is none. */
static uint8_t integer_digits(enum ps_type type)
{
    switch (type) {
    case PS_TYPE_SHORT:
        return 5;
    case PS_TYPE_INT:
        return 10;
    case PS_TYPE_LONG:
        return 19;
    default:
        return 0;
    }
}

static const struct ps_type_exact text = {.type = PS_TYPE_STRING};

static struct ps_type_exact widen_decimals(struct ps_type_exact a, struct ps_type_exact b)
{
    int before_a = a.precision - a.scale;
    int before_b = b.precision - b.scale;
    int before = before_a > before_b ? before_a : before_b;
    int scale = a.scale > b.scale ? a.scale : b.scale;
    if (before + scale > PS_DECIMAL_PRECISION_MAX) {
        return text;
    }
    return (struct ps_type_exact){
        .type = PS_TYPE_DECIMAL, .precision = (uint8_t)(before + scale), .scale = (uint8_t)scale};
}

/* FLOAT holds every integer of 16 bits, DOUBLE every one of 32 and every FLOAT; none holds more. */
static struct ps_type_exact widen_float(struct ps_type_exact floating, struct ps_type_exact other)
{
    switch (other.type) {
    case PS_TYPE_SHORT:
        return floating;
    case PS_TYPE_INT:
    case PS_TYPE_FLOAT:
    case PS_TYPE_DOUBLE:
        return (struct ps_type_exact){.type = PS_TYPE_DOUBLE};
    default:
        return text;
    }
}

static bool is_float(struct ps_type_exact type)
{
    return type.type == PS_TYPE_FLOAT || type.type == PS_TYPE_DOUBLE;
}

struct ps_type_exact ps_type_widen(struct ps_type_exact a, struct ps_type_exact b)
{
    if (a.type == b.type && a.type != PS_TYPE_DECIMAL) {
        return a;
    }
    uint8_t digits_a = integer_digits(a.type);
    uint8_t digits_b = integer_digits(b.type);
    if (digits_a != 0 && digits_b != 0) {
        return digits_a > digits_b ? a : b;
    }
    if (is_float(a)) {
        return widen_float(a, b);
    }
    if (is_float(b)) {
        return widen_float(b, a);
    }
    bool decimal_a = a.type == PS_TYPE_DECIMAL;
    bool decimal_b = b.type == PS_TYPE_DECIMAL;
    if ((decimal_a || digits_a != 0) && (decimal_b || digits_b != 0)) {
        struct ps_type_exact exact_a = a;
        struct ps_type_exact exact_b = b;
        if (!decimal_a) {
            exact_a = (struct ps_type_exact){.type = PS_TYPE_DECIMAL, .precision = digits_a};
        }
        if (!decimal_b) {
            exact_b = (struct ps_type_exact){.type = PS_TYPE_DECIMAL, .precision = digits_b};
        }
        return widen_decimals(exact_a, exact_b);
    }
    if ((a.type == PS_TYPE_NAIVE_DATE && b.type == PS_TYPE_NAIVE_DATETIME) ||
        (b.type == PS_TYPE_NAIVE_DATE && a.type == PS_TYPE_NAIVE_DATETIME)) {
        return (struct ps_type_exact){.type = PS_TYPE_NAIVE_DATETIME};
    }
    return text;
}
