/*
 * The names of the services that a server has: those of its methods, and reflection and health. Not
 * for: what is in them (rpc/descriptor.h).
 */
#ifndef PS_RPC_CATALOG_H
#define PS_RPC_CATALOG_H

#include "rpc/descriptor.h"
#include "rpc/server.h"

#define CATALOG_SERVICES_MAX 16

/* Borrows from the methods. Constant once made. */
struct catalog {
    struct descriptor_span services[CATALOG_SERVICES_MAX];
    size_t count;
};

/* methods: ends with a path of NULL; of at most 13 services. */
void catalog_init(struct catalog *catalog, const struct ps_rpc_method *methods);
bool catalog_has(const struct catalog *catalog, struct descriptor_span service);

#endif
