/* The addresses of a host. */
#ifndef PS_SOURCES_POSTGRESQL_RESOLVE_H
#define PS_SOURCES_POSTGRESQL_RESOLVE_H

#include <netdb.h>
#include <stdint.h>

struct ps_cancel;

/*
 * As getaddrinfo for a stream of either family, whose code it gives; 0: *ret_found is to be freed
 * by freeaddrinfo. Called off, or not answered within that many milliseconds: EAI_AGAIN.
 */
int resolve_name(const char *name, int64_t timeout_ms, const struct ps_cancel *cancel,
                 struct addrinfo **ret_found);

#endif
