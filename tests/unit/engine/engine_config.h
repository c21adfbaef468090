/*
 * A configuration of the engine's options alone, for its unit tests.
 */
#ifndef TESTS_UNIT_ENGINE_ENGINE_CONFIG_H
#define TESTS_UNIT_ENGINE_ENGINE_CONFIG_H

#include "config/options.h"
#include "engine/engine.h"

struct engine_config {
    struct ps_settings settings;
    struct ps_config *config;
};

/* Pairs of key and value, ended by NULL. Aborts where they are no good. */
static inline const struct ps_config *engine_config_make(struct engine_config *made,
                                                         const char *const *pairs)
{
    static const struct ps_option *const tables[] = {ps_engine_options, NULL};
    struct ps_error err = {0};
    *made = (struct engine_config){.config = NULL};
    for (; pairs != NULL && *pairs != NULL; pairs += 2) {
        assert_int_equal(ps_settings_add(&made->settings, pairs[0], pairs[1], &err), PS_OK);
    }
    if (ps_config_new(&made->settings, tables, NULL, &made->config, &err) != PS_OK) {
        fail_msg("%s", err.message);
    }
    return made->config;
}

static inline void engine_config_done(struct engine_config *made)
{
    ps_config_free(made->config);
    ps_settings_done(&made->settings);
}

#endif
