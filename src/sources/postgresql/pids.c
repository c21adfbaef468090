/* The list of our own backends in a transaction: see pids.h. */
#include "sources/postgresql/pids.h"

#include <pthread.h>
#include <stdint.h>

#define PIDS_MAX 256

struct entry {
    uint64_t server; /* a hash of its address */
    int pid;         /* 0: a free place */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards entries */
static struct entry entries[PIDS_MAX];

/* FNV-1a. */
static uint64_t hash(const char *text)
{
    uint64_t value = UINT64_C(14695981039346656037);
    for (; *text != '\0'; text++) {
        value = (value ^ (unsigned char)*text) * UINT64_C(1099511628211);
    }
    return value;
}

static void replace(uint64_t server, int from, int to)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < PIDS_MAX; i++) {
        if (entries[i].pid == from && (from == 0 || entries[i].server == server)) {
            entries[i] = (struct entry){server, to};
            break;
        }
    }
    pthread_mutex_unlock(&lock);
}

void pids_add(const char *server, int pid)
{
    if (pid != 0) {
        replace(hash(server), 0, pid);
    }
}

void pids_remove(const char *server, int pid)
{
    if (pid != 0) {
        replace(hash(server), pid, 0);
    }
}

void pids_write(const char *server, struct ps_buffer *out)
{
    uint64_t wanted = hash(server);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < PIDS_MAX; i++) {
        if (entries[i].pid != 0 && entries[i].server == wanted) {
            ps_buffer_printf(out, ", %d", entries[i].pid);
        }
    }
    pthread_mutex_unlock(&lock);
}
