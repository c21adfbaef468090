/*
 * From settings to a source and its checked configuration, and the form in which they are asked
 * for: the same for every command and call.
 */
#ifndef PS_ENGINE_CONFIGURE_H
#define PS_ENGINE_CONFIGURE_H

#include "config/form.h"
#include "config/options.h"
#include "penstock/source.h"

/*
 * The source that the settings mean: `fixed` where that is not NULL, else by the key `source`, else
 * by the other keys, else `otherwise`. CONFIG: this build has no such source; names those it has.
 */
enum ps_status ps_configure_source(const struct ps_settings *settings, const char *fixed,
                                   const char *otherwise, const struct ps_source_ops **ret_ops,
                                   struct ps_error *err) PS_MUST_CHECK;

/* Checks the settings against the options of the source and the engine: ps_config_new_of_source. */
enum ps_status ps_configure(struct ps_settings *settings, const struct ps_source_ops *ops,
                            struct ps_config **ret_config, struct ps_error *err) PS_MUST_CHECK;

/*
 * The setup form of the source so named, or, with NULL, of all of them. CONFIG: this build has no
 * such source.
 */
enum ps_status ps_configure_form(const char *source, struct ps_form **ret_form,
                                 struct ps_error *err) PS_MUST_CHECK;

#endif
