/*
 * The sources there are.
 */
#ifndef PS_SOURCES_REGISTRY_H
#define PS_SOURCES_REGISTRY_H

#include "penstock/source.h"

/* The source of that name (case counts), or NULL. */
const struct ps_source_ops *ps_source_find(const char *name);

/* All of them, NULL-terminated, in the order in which they are shown to people. */
const struct ps_source_ops *const *ps_sources(void);

#endif
