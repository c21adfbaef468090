/*
 * Where the server listens: all addresses of both families, or one host's. It accepts connections
 * itself and hands them to the library, whose own listener (1.51) is deaf for ever once descriptors
 * have run out. See docs/rpc.md.
 */
#include "rpc/listen.h"

#include <assert.h>
#include <errno.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

/* Connections that nobody has accepted yet; the kernel has its own bound. */
#define BACKLOG 4096
/* How long after a connection could not be accepted it is tried again. */
#define AGAIN_MS 100
/* Descriptors that connections leave for the calls: files, sources. A quarter where there are few.
 */
#define DESCRIPTORS_KEPT 256
/* So much is said about connections that are turned away. */
#define SAY_NS INT64_C(60000000000)

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

/* 0, or why it cannot listen there. A port of 0 becomes the one that it has got. */
static int listen_at(struct listener *listener, union address *address, socklen_t size)
{
    int family = address->any.sa_family, on = 1, off = 0, code = 0;
    int handle = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (handle < 0) {
        return errno;
    }
    (void)setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (family == AF_INET6) {
        (void)setsockopt(handle, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(handle, &address->any, size) != 0 || listen(handle, BACKLOG) != 0 ||
        getsockname(handle, &address->any, &size) != 0) {
        code = errno;
        close(handle);
        return code;
    }
    listener->handles[listener->count++] = handle;
    listener->port = ntohs(family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port);
    return 0;
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

static enum ps_status listen_everywhere(struct listener *listener, uint16_t port,
                                        struct ps_error *err)
{
    union address six = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
    union address four = {.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
    int code = listen_at(listener, &six, sizeof(six.v6)); /* It takes IPv4 as well. */
    if (code == EAFNOSUPPORT || code == EADDRNOTAVAIL) {
        code = listen_at(listener, &four, sizeof(four.v4));
    }
    return code == 0 ? PS_OK : fail_port(port, code, err);
}

static enum ps_status listen_on_host(struct listener *listener, const char *host, uint16_t port,
                                     struct ps_error *err)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *addresses = NULL;
    int code = getaddrinfo(host, NULL, &wanted, &addresses) == 0 ? 0 : EADDRNOTAVAIL;
    for (const struct addrinfo *at = addresses;
         at != NULL && code == 0 && listener->count < LISTENER_ADDRESSES_MAX; at = at->ai_next) {
        union address address = {.room = {0}};
        memcpy(&address, at->ai_addr, at->ai_addrlen);
        in_port_t *number =
            at->ai_family == AF_INET6 ? &address.v6.sin6_port : &address.v4.sin_port;
        *number = htons(listener->count == 0 ? port : listener->port);
        code = listen_at(listener, &address, at->ai_addrlen);
    }
    if (addresses != NULL) {
        freeaddrinfo(addresses);
    }
    return code == 0 ? PS_OK
                     : ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                               "cannot listen on %.200s, port %u: the port is in use, or the "
                               "address is none of this machine's",
                               host, port);
}

/* The least number that a connection may not have: numbers are given out from the lowest, so it
 * says how many descriptors are in use. */
static int connection_limit(void)
{
    struct rlimit limit;
    rlim_t most = LISTENER_DESCRIPTORS_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < most) {
        most = limit.rlim_cur;
    }
    rlim_t kept = most / 4 < DESCRIPTORS_KEPT ? most / 4 : DESCRIPTORS_KEPT;
    return (int)(most - kept);
}

/* As many as this process may have, within reason: a shell's limit is made for `select`. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= LISTENER_DESCRIPTORS_MAX) {
        return;
    }
    limit.rlim_cur =
        limit.rlim_max < LISTENER_DESCRIPTORS_MAX ? limit.rlim_max : LISTENER_DESCRIPTORS_MAX;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void say(struct listener *listener, const char *what)
{
    int64_t now_ns = ps_monotonic_ns();
    if (listener->said_ns == 0 || now_ns - listener->said_ns >= SAY_NS) {
        listener->said_ns = now_ns;
        ps_log(PS_LOG_WARNING, "%s; clients may try again later", what);
    }
}

/* A peer that leaves its socket unread is given up after the same time as one that is silent. */
static void hand_over(struct listener *listener, int handle)
{
    int on = 1, patience_ms = listener->patience_ms;
    (void)setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(handle, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof(patience_ms));
    grpc_server_credentials *plaintext = grpc_insecure_server_credentials_create();
    grpc_server_add_channel_from_fd(listener->server, handle, plaintext);
    grpc_server_credentials_release(plaintext);
}

/* Takes what waits on one address. False: the machine lets it take none now. */
static bool accept_all(struct listener *listener, int from)
{
    for (;;) {
        int handle = accept4(from, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (handle < 0 &&
            (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            char text[160];
            snprintf(text, sizeof(text), "connections cannot be accepted: %s", strerror(errno));
            say(listener, text);
            return false;
        }
        if (handle < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return true;
        }
        if (handle >= connection_limit()) {
            (void)close(handle);
            say(listener, "connections are turned away: too many descriptors are in use");
        } else if (handle >= 0) {
            hand_over(listener, handle);
        }
    }
}

static void accept_until_stopped(void *context)
{
    struct listener *listener = context;
    struct pollfd waits[LISTENER_ADDRESSES_MAX + 1] = {{.fd = listener->wake, .events = POLLIN}};
    for (size_t i = 0; i < listener->count; i++) {
        waits[i + 1] = (struct pollfd){.fd = listener->handles[i], .events = POLLIN};
    }
    bool able = true;
    while (waits[0].revents == 0) {
        /* While it cannot accept it waits for the end alone, and for a moment. */
        (void)poll(waits, able ? (nfds_t)listener->count + 1 : 1, able ? -1 : AGAIN_MS);
        able = true;
        for (size_t i = 0; waits[0].revents == 0 && i < listener->count; i++) {
            able = accept_all(listener, listener->handles[i]) && able;
        }
    }
}

enum ps_status listener_open(struct listener *listener, const char *host, uint16_t port,
                             struct ps_error *err)
{
    raise_limit();
    listener->wake = eventfd(0, EFD_CLOEXEC);
    if (listener->wake < 0) {
        return ps_fail(err, PS_RETRY, PS_CLASS_NONE, "starting the server: %s", strerror(errno));
    }
    return host == NULL ? listen_everywhere(listener, port, err)
                        : listen_on_host(listener, host, port, err);
}

enum ps_status listener_start(struct listener *listener, grpc_server *server, int patience_ms,
                              struct ps_error *err)
{
    listener->server = server;
    listener->patience_ms = patience_ms;
    return ps_thread_start(&listener->thread, "accept", accept_until_stopped, listener, err);
}

void listener_close(struct listener *listener)
{
    const uint64_t one = 1;
    if (listener->thread.started) {
        ssize_t written = write(listener->wake, &one, sizeof(one));
        assert(written == (ssize_t)sizeof(one)); /* It holds far more. */
    }
    ps_thread_join(&listener->thread);
    for (size_t i = 0; i < listener->count; i++) {
        (void)close(listener->handles[i]);
    }
    if (listener->wake >= 0) {
        (void)close(listener->wake);
    }
    listener_init(listener);
}

void listener_init(struct listener *listener)
{
    *listener = (struct listener){.wake = -1};
}
