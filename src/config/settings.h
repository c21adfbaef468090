/*
 * What the files of this folder share of `struct ps_settings` (options.h).
 */
#ifndef PS_CONFIG_SETTINGS_H
#define PS_CONFIG_SETTINGS_H

#include "config/options.h"

/* Adds a warning, one line; beyond 100 the last one says that there are more. NOMEM. */
enum ps_status settings_warn(struct ps_settings *settings, struct ps_error *err, const char *format,
                             ...) PS_PRINTF(3, 4) PS_MUST_CHECK;

/* ps_settings_read_file without the reading; `path` is for messages and for relative @paths. */
enum ps_status settings_read_text(struct ps_settings *settings, const char *path, const char *text,
                                  size_t size, struct ps_error *err) PS_MUST_CHECK;

#endif
