/*
 * The name that somebody probably meant: by edit distance, for commands and options.
 */
#ifndef PS_CLI_SUGGEST_H
#define PS_CLI_SUGGEST_H

#include <stddef.h>

struct suggest {
    const char *wanted;
    const char *best; /* NULL: none is near enough */
    size_t distance;  /* of best */
};

void suggest_init(struct suggest *suggest, const char *wanted);
/* A name that exists; outlives the suggest. */
void suggest_offer(struct suggest *suggest, const char *name);

#endif
