/*
 * The known name that a misspelt one was probably meant to be, by edit distance.
 */
#ifndef PS_CONFIG_NEAREST_H
#define PS_CONFIG_NEAREST_H

#include <stddef.h>

#define NEAREST_NAME_MAX 64

/*
 * Insertions, deletions, replacements and swaps of neighbours that make one of the other; case
 * does not count. Gives NEAREST_NAME_MAX + 1 where either is longer than NEAREST_NAME_MAX.
 */
size_t nearest_distance(const char *a, const char *b);

/* How far a name may be from what was written: a third of its length, from 1 to 3. */
size_t nearest_limit(const char *written);

#endif
