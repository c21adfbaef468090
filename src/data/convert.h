/*
 * Values of one type as values of another, without loss: what `column_types` asks for, and how
 * columns that grew are filled. Pure functions. Not for: what a destination does with a type.
 */
#ifndef PS_DATA_CONVERT_H
#define PS_DATA_CONVERT_H

#include "data/widen.h"
#include "penstock/batch.h"

/*
 * NULL where each value of the column either is one of `to` too or is found out to be none when it
 * is put (numbers that the source gives as text, texts that should be JSON); else why not, for
 * people: a static text.
 */
const char *ps_convert_refusal(const struct ps_column *from, struct ps_type_exact to);

/*
 * Puts the vector's value of that row, which may be NULL, into a column of the row begun. `ret_bad`
 * is NULL, or why the value is none of the column's type (a static text; nothing was put: give the
 * row up). For pairs that ps_convert_refusal lets pass. NOMEM.
 */
enum ps_status ps_convert_put(struct ps_batch *target, uint32_t column,
                              const struct ps_vector *from, uint32_t row, const char **ret_bad,
                              struct ps_error *err) PS_MUST_CHECK;

/* The shortest text that reads back as the same value; "NaN", "Infinity", "-Infinity". */
size_t ps_double_format(double value, char out[PS_VALUE_TEXT_SIZE]);
size_t ps_float_format(float value, char out[PS_VALUE_TEXT_SIZE]);

/* A type as `column_types` writes it: "STRING", "DECIMAL(12,2)". False: there is no such type. */
bool ps_type_exact_parse(const char *text, size_t size, struct ps_type_exact *ret_type);

#endif
