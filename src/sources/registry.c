/*
 * The one file that names every source.
 */
#include "sources/registry.h"

#include <string.h>

#include "sources/ehr/ehr.h"
#include "sources/example/example.h"
#include "sources/postgresql/postgresql.h"

static const struct ps_source_ops *const sources[] = {
    &ps_source_ehr, &ps_source_postgresql, &ps_source_yugabytedb, &ps_source_example, NULL,
};

const struct ps_source_ops *ps_source_find(const char *name)
{
    for (size_t i = 0; sources[i] != NULL; i++) {
        if (strcmp(sources[i]->name, name) == 0) {
            return sources[i];
        }
    }
    return NULL;
}

const struct ps_source_ops *const *ps_sources(void)
{
    return sources;
}
