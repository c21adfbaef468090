/*
 * The nearest name. See suggest.h.
 */
#include "cli/suggest.h"

#include <string.h>

#include "config/nearest.h"

void suggest_init(struct suggest *suggest, const char *wanted)
{
    *suggest = (struct suggest){.wanted = wanted};
}

void suggest_offer(struct suggest *suggest, const char *name)
{
    size_t wanted_size = strlen(suggest->wanted);
    size_t distance = nearest_distance(suggest->wanted, name);

    if (wanted_size < 2) { /* one letter is near to anything */
        return;
    }
    /* The start of a name counts as one slip. */
    if (wanted_size >= 3 && strncmp(suggest->wanted, name, wanted_size) == 0 && distance > 1) {
        distance = 1;
    }
    if (distance > nearest_limit(suggest->wanted) ||
        (suggest->best != NULL && distance >= suggest->distance)) {
        return;
    }
    suggest->best = name;
    suggest->distance = distance;
}
