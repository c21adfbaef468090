/* getaddrinfo may wait long for servers of names that do not answer, so it is sent on an errand. */
#include "sources/postgresql/resolve.h"

#include <stddef.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/errand.h"

struct lookup {
    struct ps_errand base;
    char *name;
    struct addrinfo *found;
    int error;
};

static void run_lookup(struct ps_errand *errand)
{
    struct lookup *lookup = (struct lookup *)errand;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    lookup->error = getaddrinfo(lookup->name, NULL, &hints, &lookup->found);
}

static void free_lookup(struct ps_errand *errand)
{
    struct lookup *lookup = (struct lookup *)errand;
    if (lookup->found != NULL) {
        freeaddrinfo(lookup->found);
    }
    ps_free(lookup->name);
    ps_free(lookup);
}

int resolve_name(const char *name, int64_t timeout_ms, const struct ps_cancel *cancel,
                 struct addrinfo **ret_found)
{
    struct lookup *lookup = ps_calloc(1, sizeof *lookup);
    char *copy = ps_strdup(name);
    if (lookup == NULL || copy == NULL) {
        ps_free(lookup);
        ps_free(copy);
        return EAI_MEMORY;
    }
    *lookup = (struct lookup){.base = {.run = run_lookup, .free = free_lookup}, .name = copy};
    switch (ps_errand_send(&lookup->base, "penstock-names", timeout_ms, cancel)) {
    case PS_ERRAND_DONE:
        break;
    case PS_ERRAND_FAILED:
        return EAI_MEMORY;
    case PS_ERRAND_LATE:
    case PS_ERRAND_CANCELED:
        return EAI_AGAIN;
    }
    int error = lookup->error;
    if (error == 0) {
        *ret_found = lookup->found;
        lookup->found = NULL;
    }
    free_lookup(&lookup->base);
    return error;
}
