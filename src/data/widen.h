/*
 * Which type holds what two others hold: the rule by which columns grow, the same wherever a column
 * meets values of another type. Pure functions. Not for: what a type is at a destination.
 */
#ifndef PS_DATA_WIDEN_H
#define PS_DATA_WIDEN_H

#include "penstock/schema.h"

/* A column's type with its parameters. */
struct ps_type_exact {
    enum ps_type type;
    uint8_t precision, scale; /* DECIMAL; else 0 */
};

/*
 * The most specific type that holds every value of both without loss; STRING where no other does.
 * Symmetric, and widen(a, widen(a, b)) is widen(a, b).
 */
struct ps_type_exact ps_type_widen(struct ps_type_exact a, struct ps_type_exact b);

#endif
