/*
 * Where the server listens: all addresses of both families, or one host's. Says in a person's words
 * why a port cannot be had, which the library logs at best.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <grpc/grpc_security.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/core.h"

#define ADDRESS_SIZE_MAX 300

/* The port that the library listens on; 0: it does not. */
static uint16_t listen_on(struct core *core, const char *address)
{
    grpc_server_credentials *plaintext = grpc_insecure_server_credentials_create();
    int port = grpc_server_add_http2_port(core->server, address, plaintext);
    grpc_server_credentials_release(plaintext);
    return (uint16_t)port;
}

/* Tries to bind all addresses of a family; 0, or why it cannot be done. */
static int probe_family(int family, uint16_t port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t size = 0;
    if (family == AF_INET6) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_addr = in6addr_any;
        address.v6.sin6_port = htons(port);
        size = sizeof(address.v6);
    } else {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(port);
        size = sizeof(address.v4);
    }
    int handle = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (handle < 0) {
        return errno;
    }
    int on = 1, off = 0, code = 0;
    (void)setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (family == AF_INET6) {
        (void)setsockopt(handle, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(handle, &address.any, size) != 0 || listen(handle, 1) != 0) {
        code = errno;
    }
    close(handle);
    return code;
}

static enum ps_status fail_port(uint16_t port, int code, struct ps_error *err)
{
    if (code == EADDRINUSE) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "cannot listen on port %u: it is in use already; stop what listens there, "
                       "or choose another port",
                       port);
    }
    if (code == EACCES || code == EPERM) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "cannot listen on port %u: this user may not (ports below 1024 need more "
                       "rights); choose another port",
                       port);
    }
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "cannot listen on port %u: %s; choose another",
                   port, code == 0 ? "the network does not let it" : strerror(code));
}

static enum ps_status listen_everywhere(struct core *core, uint16_t port, uint16_t *ret_port,
                                        struct ps_error *err)
{
    char address[ADDRESS_SIZE_MAX];
    const char *any = "[::]"; /* With this the library takes IPv4 as well. */
    int code = probe_family(AF_INET6, port);
    if (code == EAFNOSUPPORT || code == EADDRNOTAVAIL) {
        code = probe_family(AF_INET, port);
        any = "0.0.0.0";
    }
    if (code != 0) {
        return fail_port(port, code, err);
    }
    snprintf(address, sizeof(address), "%s:%u", any, port);
    uint16_t bound = listen_on(core, address);
    if (bound == 0) {
        return fail_port(port, 0, err);
    }
    *ret_port = bound;
    return PS_OK;
}

enum ps_status core_listen(struct core *core, uint16_t *ret_port, struct ps_error *err)
{
    const struct ps_rpc_options *options = core->options;
    if (options->host == NULL) {
        return listen_everywhere(core, options->port, ret_port, err);
    }
    char address[ADDRESS_SIZE_MAX];
    bool v6 = strchr(options->host, ':') != NULL && options->host[0] != '[';
    int size =
        snprintf(address, sizeof(address), v6 ? "[%s]:%u" : "%s:%u", options->host, options->port);
    uint16_t bound = 0;
    if (size > 0 && (size_t)size < sizeof(address)) {
        bound = listen_on(core, address);
    }
    if (bound == 0) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "cannot listen on %.200s, port %u: the port is in use, or the address is "
                       "none of this machine's",
                       options->host, options->port);
    }
    *ret_port = bound;
    return PS_OK;
}
