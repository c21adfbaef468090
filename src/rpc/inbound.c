/*
 * The connections that gRPC reads from, by descriptor (rpc/inbound.h).
 */
#include "rpc/inbound.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/thread.h"
#include "rpc/listen.h"
#include "rpc/message.h"

/* The server takes no connection with a larger number; nor has the client's one. */
#define DESCRIPTORS_MAX LISTENER_DESCRIPTORS_MAX

/* The lock guards what the pointers lead to and the rest. Whoever closes a descriptor that was
 * never read by the library takes no lock: a child between fork and exec may do so. */
static struct {
    struct ps_mutex lock;
    struct frames *_Atomic connections[DESCRIPTORS_MAX];
    uint64_t unfinished;       /* sum over those of clients */
    struct frames_fault fault; /* of servers */
} inbound = {.lock = {PTHREAD_MUTEX_INITIALIZER}};

/* What the linker makes of the library's calls, and the true ones. */
ssize_t __real_recvmsg(int handle, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int handle, struct msghdr *message, int flags);
int __real_close(int handle);
int __wrap_close(int handle);

struct frames_fault inbound_fault(void)
{
    ps_mutex_lock(&inbound.lock);
    struct frames_fault fault = inbound.fault;
    ps_mutex_unlock(&inbound.lock);
    return fault;
}

static struct frames *connection_of(int handle)
{
    struct frames *frames = atomic_load(&inbound.connections[handle]);
    if (frames == NULL && (frames = ps_calloc(1, sizeof(*frames))) != NULL) {
        frames_init(frames, (uint32_t)MESSAGE_SIZE_MAX);
        atomic_store(&inbound.connections[handle], frames);
    }
    return frames;
}

/* What it holds counts no more. */
static void connection_empty(struct frames *frames)
{
    inbound.unfinished -= frames->from_client ? frames->unfinished : 0;
    frames_init(frames, frames->message_size_max);
}

static int largest_connection(void)
{
    uint64_t most = 0;
    int handle = -1;
    for (int i = 0; i < DESCRIPTORS_MAX; i++) {
        const struct frames *frames = atomic_load(&inbound.connections[i]);
        if (frames != NULL && frames->from_client && frames->unfinished > most) {
            most = frames->unfinished;
            handle = i;
        }
    }
    return handle;
}

/* Ends it for both sides; the library closes it once it has read that. What still comes is not
 * taken. */
static void cut_off(int handle)
{
    struct frames *frames = atomic_load(&inbound.connections[handle]);
    if (frames != NULL) {
        connection_empty(frames);
        frames->state = FRAMES_REFUSED;
    }
    (void)shutdown(handle, SHUT_RDWR);
}

/* Bytes that came on a connection, under the lock: how many of them are sound. Fewer than all: it
 * must end. */
static size_t follow(struct frames *frames, const struct msghdr *message, size_t size)
{
    uint64_t before = frames->unfinished, faults = frames->fault.count;
    size_t sound = 0;
    for (size_t i = 0; sound < size && i < message->msg_iovlen; i++) {
        const struct iovec *part = &message->msg_iov[i];
        size_t left = size - sound, here = left < part->iov_len ? left : part->iov_len;
        size_t taken = frames_follow(frames, part->iov_base, here);
        sound += taken;
        if (taken < here) {
            break;
        }
    }
    if (frames->from_client) {
        inbound.unfinished = inbound.unfinished - before + frames->unfinished;
    } else if (frames->fault.count > faults) {
        uint64_t count = inbound.fault.count + 1;
        inbound.fault = frames->fault;
        inbound.fault.count = count;
    }
    return sound;
}

/* What is to be said of a connection of ours as a server that is cut off. */
struct verdict {
    const char *why;  /* NULL: nothing */
    uint64_t dropped; /* it held so much, the most of all */
};

static void tell(const struct verdict *verdict)
{
    static const char cut_off_text[] = "a connection is cut off";
    if (verdict->dropped > 0) {
        ps_log(PS_LOG_WARNING,
               "%s: requests that have not come whole are more than %llu MiB together, and it sent "
               "%llu MiB of them",
               cut_off_text, (unsigned long long)(INBOUND_UNFINISHED_MAX >> 20),
               (unsigned long long)(verdict->dropped >> 20));
    }
    if (verdict->why != NULL) {
        ps_log(PS_LOG_WARNING, "%s: %s", cut_off_text, verdict->why);
    }
}

/* How many of the bytes the library may have. Fewer than all: the connection ends after those. */
static size_t arrived(int handle, const struct msghdr *message, size_t size)
{
    struct verdict verdict = {.why = NULL};
    ps_mutex_lock(&inbound.lock);
    struct frames *frames = connection_of(handle);
    size_t sound = frames == NULL ? 0 : follow(frames, message, size);
    if (frames == NULL) {
        verdict.why = "memory ran out";
    } else if (sound < size && frames->from_client) {
        verdict.why = frames->fault.kind == FRAMES_FLAGS
                          ? "it sent a message with flags that gRPC does not have"
                          : "it sent data that belongs to no call";
    }
    if (sound < size) {
        cut_off(handle);
    }
    if (inbound.unfinished > INBOUND_UNFINISHED_MAX) {
        int largest = largest_connection();
        verdict.dropped = atomic_load(&inbound.connections[largest])->unfinished;
        cut_off(largest);
    }
    ps_mutex_unlock(&inbound.lock);
    tell(&verdict);
    return sound;
}

ssize_t __wrap_recvmsg(int handle, struct msghdr *message, int flags)
{
    ssize_t size = __real_recvmsg(handle, message, flags);
    if (size <= 0 || (flags & (MSG_ERRQUEUE | MSG_PEEK)) != 0 || handle >= DESCRIPTORS_MAX) {
        return size;
    }
    size_t sound = arrived(handle, message, (size_t)size);
    if (sound == 0) {
        errno = ECONNRESET;
        return -1;
    }
    return (ssize_t)sound;
}

int __wrap_close(int handle)
{
    if (handle >= 0 && handle < DESCRIPTORS_MAX &&
        atomic_load(&inbound.connections[handle]) != NULL) {
        ps_mutex_lock(&inbound.lock);
        struct frames *frames = atomic_exchange(&inbound.connections[handle], NULL);
        connection_empty(frames);
        ps_mutex_unlock(&inbound.lock);
        ps_free(frames);
    }
    return __real_close(handle);
}
