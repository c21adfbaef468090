/*
 * What a key of a configuration means: an option's name or alias, the same with the source's name
 * before it, or something that belongs to another source of the same form.
 */
#ifndef PS_CONFIG_KEYS_H
#define PS_CONFIG_KEYS_H

#include "config/options.h"

/* What the keys are looked up in, besides the option tables. */
struct key_scope {
    const char *const *ignored_keys;            /* known elsewhere; NULL-terminated; may be NULL */
    const struct ps_source_ops *source;         /* NULL: no key has a source's name before it */
    const struct ps_source_ops *const *sources; /* NULL-terminated; NULL: no others are known */
    bool source_named; /* the configuration says which source it means: it may hold keys of others
                        */
};

/* What follows "<source>_", case does not count; NULL where the key does not begin so. */
const char *key_after_source(const struct ps_source_ops *source, const char *key);

/* True where the key is the option's name or alias. */
bool key_is_option(const struct ps_option *option, const char *key);

bool key_is_ignored(const struct key_scope *scope, const char *key);

/* The option of another source that the key belongs to; NULL: none. */
const struct ps_option *key_of_other_source(const struct key_scope *scope, const char *key);

#endif
