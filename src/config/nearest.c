/*
 * Edit distance (optimal string alignment: a swap of two neighbours counts as one) for the
 * warning about an unknown key.
 */
#include "config/nearest.h"

#include <string.h>

#include "config/text.h"

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t nearest_distance(const char *a, const char *b)
{
    size_t a_size = strnlen(a, NEAREST_NAME_MAX + 1);
    size_t b_size = strnlen(b, NEAREST_NAME_MAX + 1);
    if (a_size > NEAREST_NAME_MAX || b_size > NEAREST_NAME_MAX) {
        return NEAREST_NAME_MAX + 1;
    }
    size_t rows[3][NEAREST_NAME_MAX + 1];
    for (size_t j = 0; j <= b_size; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            char p = text_fold(a[i - 1]);
            char q = text_fold(b[j - 1]);
            size_t best = least(above[j], row[j - 1]) + 1;
            best = least(best, above[j - 1] + (p == q ? 0 : 1));
            if (i > 1 && j > 1 && p == text_fold(b[j - 2]) && text_fold(a[i - 2]) == q) {
                best = least(best, above2[j - 2] + 1);
            }
            row[j] = best;
        }
    }
    return rows[a_size % 3][b_size];
}

size_t nearest_limit(const char *written)
{
    size_t third = strlen(written) / 3;
    return third < 1 ? 1 : least(third, 3);
}
