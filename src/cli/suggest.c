/*
 * The nearest name by edit distance (a swap of neighbours counts as one). See suggest.h.
 */
#include "cli/suggest.h"

#include <string.h>

/* Longer names have no neighbours: commands and options are short. */
#define NAME_MAX_BYTES 31

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance; both at most NAME_MAX_BYTES long. */
static size_t distance_of(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t cost[NAME_MAX_BYTES + 1][NAME_MAX_BYTES + 1];

    for (size_t i = 0; i <= a_size; i++) {
        cost[i][0] = i;
    }
    for (size_t j = 0; j <= b_size; j++) {
        cost[0][j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        for (size_t j = 1; j <= b_size; j++) {
            size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            size_t here =
                least(least(cost[i - 1][j] + 1, cost[i][j - 1] + 1), cost[i - 1][j - 1] + change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                here = least(here, cost[i - 2][j - 2] + 1);
            }
            cost[i][j] = here;
        }
    }
    return cost[a_size][b_size];
}

void suggest_init(struct suggest *suggest, const char *wanted)
{
    *suggest = (struct suggest){.wanted = wanted};
}

void suggest_offer(struct suggest *suggest, const char *name)
{
    size_t wanted_size = strlen(suggest->wanted);
    size_t name_size = strlen(name);
    size_t distance;

    if (wanted_size > NAME_MAX_BYTES || name_size > NAME_MAX_BYTES || wanted_size < 2) {
        return;
    }
    distance = distance_of(suggest->wanted, wanted_size, name, name_size);
    /* One slip in three letters; the start of a name counts as one slip. */
    if (wanted_size >= 3 && strncmp(suggest->wanted, name, wanted_size) == 0) {
        distance = least(distance, 1);
    }
    if (distance > (name_size + 2) / 3 ||
        (suggest->best != NULL && distance >= suggest->distance)) {
        return;
    }
    suggest->best = name;
    suggest->distance = distance;
}
