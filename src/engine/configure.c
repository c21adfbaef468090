/*
 * Which source a configuration means, and its options beside the engine's.
 */
#include "engine/configure.h"

#include "base/buffer.h"
#include "engine/column_types.h"
#include "engine/engine.h"
#include "engine/preprocess.h"
#include "engine/retry.h"
#include "engine/size_class.h"
#include "engine/tuning.h"
#include "sources/registry.h"

enum ps_status ps_configure_source(const struct ps_settings *settings, const char *fixed,
                                   const char *otherwise, const struct ps_source_ops **ret_ops,
                                   struct ps_error *err)
{
    const char *name = fixed != NULL ? fixed : ps_settings_source(settings, otherwise);
    const struct ps_source_ops *ops = ps_source_find(name);
    if (ops == NULL) {
        struct ps_buffer known;
        ps_buffer_init(&known, 1024);
        const struct ps_source_ops *const *sources = ps_sources();
        for (size_t i = 0; sources[i] != NULL; i++) {
            ps_buffer_printf(&known, "%s%s", i == 0 ? "" : ", ", sources[i]->name);
        }
        enum ps_status status =
            ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                    "the source `%.64s` is meant, which this penstock does not have; it has: %s. "
                    "The key `source` names one",
                    name, ps_buffer_text(&known));
        ps_buffer_done(&known);
        return status;
    }
    *ret_ops = ops;
    return PS_OK;
}

enum ps_status ps_configure(struct ps_settings *settings, const struct ps_source_ops *ops,
                            struct ps_config **ret_config, struct ps_error *err)
{
    const struct ps_config_request request = {
        .source = ops,
        .sources = ps_sources(),
        .engine_options = ps_engine_options,
    };
    struct ps_config *config = NULL;
    enum ps_status status = ps_config_new_of_source(settings, &request, &config, err);
    if (status == PS_OK) {
        int64_t small, large;
        status = size_thresholds(config, &small, &large, err);
    }
    if (status == PS_OK) {
        status = ps_retry_check(config, err);
    }
    if (status == PS_OK) {
        status = column_types_check(config, err);
    }
    if (status == PS_OK) {
        status = preprocess_check(config, ops, err);
    }
    if (status == PS_OK) {
        struct tuner_limits limits;
        status = tuning_limits(config, &limits, err);
    }
    if (status != PS_OK) {
        ps_config_free(config);
        return status;
    }
    *ret_config = config;
    return PS_OK;
}

enum ps_status ps_configure_form(const char *source, struct ps_form **ret_form,
                                 struct ps_error *err)
{
    const struct ps_source_ops *one[] = {NULL, NULL};
    if (source != NULL) {
        const struct ps_settings none = {0};
        enum ps_status status = ps_configure_source(&none, source, source, &one[0], err);
        if (status != PS_OK) {
            return status;
        }
    }
    const struct ps_form_request request = {
        .sources = source != NULL ? one : ps_sources(),
        .engine_options = ps_engine_options,
    };
    return ps_form_new(&request, ret_form, err);
}
