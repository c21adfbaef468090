/*
 * See keys.h.
 */
#include "config/keys.h"

#include <string.h>

#include "config/text.h"

const char *key_after_source(const struct ps_source_ops *source, const char *key)
{
    size_t size = strlen(source->name);
    return text_begins(key, source->name) && key[size] == '_' ? key + size + 1 : NULL;
}

bool key_is_option(const struct ps_option *option, const char *key)
{
    if (text_equal(key, option->name)) {
        return true;
    }
    for (size_t i = 0; option->aliases != NULL && option->aliases[i] != NULL; i++) {
        if (text_equal(key, option->aliases[i])) {
            return true;
        }
    }
    return false;
}

bool key_is_ignored(const struct key_scope *scope, const char *key)
{
    for (size_t i = 0; scope->ignored_keys != NULL && scope->ignored_keys[i] != NULL; i++) {
        if (text_equal(key, scope->ignored_keys[i])) {
            return true;
        }
    }
    return false;
}

const struct ps_option *key_of_other_source(const struct key_scope *scope, const char *key)
{
    if (!scope->source_named) {
        return NULL;
    }
    for (size_t i = 0; scope->sources != NULL && scope->sources[i] != NULL; i++) {
        const struct ps_source_ops *other = scope->sources[i];
        const char *rest = key_after_source(other, key);
        if (other == scope->source) {
            continue;
        }
        for (const struct ps_option *option = other->options; option->name != NULL; option++) {
            if (key_is_option(option, key) || (rest != NULL && key_is_option(option, rest))) {
                return option;
            }
        }
    }
    return NULL;
}
