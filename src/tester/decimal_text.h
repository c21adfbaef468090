/*
 * Decimals as connectors write them: digits with an optional sign, point and exponent ("-12.50",
 * "1E+3", as Java and Python print them). Not for: canonical texts (penstock/value.h).
 */
#ifndef PS_TESTER_DECIMAL_TEXT_H
#define PS_TESTER_DECIMAL_TEXT_H

#include "penstock/value.h"

struct decimal_text {
    bool negative;
    int before, scale; /* digits before the point without leading zeros; digits after it */
};

/* False: it is no number. */
bool decimal_text_read(const char *text, size_t size, struct decimal_text *ret_decimal);
/* False: it is no number, or does not fit into so many digits without loss. */
bool decimal_text_parse(const char *text, size_t size, uint8_t precision, uint8_t scale,
                        ps_int128 *ret_unscaled);

#endif
