/*
 * Takes the services from the paths of the methods (rpc/catalog.h).
 */
#include "rpc/catalog.h"

#include <assert.h>
#include <string.h>

static void catalog_add(struct catalog *catalog, struct descriptor_span service)
{
    if (!catalog_has(catalog, service)) {
        assert(catalog->count < CATALOG_SERVICES_MAX);
        catalog->services[catalog->count++] = service;
    }
}

void catalog_init(struct catalog *catalog, const struct ps_rpc_method *methods)
{
    catalog->count = 0;
    for (const struct ps_rpc_method *method = methods; method->path != NULL; method++) {
        const char *end = strrchr(method->path, '/');
        assert(method->path[0] == '/' && end > method->path);
        catalog_add(catalog, (struct descriptor_span){(const uint8_t *)method->path + 1,
                                                      (size_t)(end - method->path) - 1});
    }
    catalog_add(catalog, descriptor_span_of("grpc.health.v1.Health"));
    catalog_add(catalog, descriptor_span_of("grpc.reflection.v1.ServerReflection"));
    catalog_add(catalog, descriptor_span_of("grpc.reflection.v1alpha.ServerReflection"));
}

bool catalog_has(const struct catalog *catalog, struct descriptor_span service)
{
    for (size_t i = 0; i < catalog->count; i++) {
        if (descriptor_span_equal(catalog->services[i], service)) {
            return true;
        }
    }
    return false;
}
