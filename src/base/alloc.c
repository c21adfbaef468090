/*
 * The allocator behind all of Penstock: libc's, with a counter and a switch by which tests make
 * the Nth allocation fail. It keeps no memory of its own.
 */
#include "base/alloc.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64u

static _Atomic uint64_t allocations;
/* How many allocations still succeed; negative: no failure is due. */
static _Atomic int64_t allowed = -1;
static atomic_bool fail_forever;

/* Counts an allocation and tells whether a test wants it to fail. */
static bool refused(void)
{
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    int64_t left = atomic_load_explicit(&allowed, memory_order_relaxed);
    while (left >= 0) {
        int64_t next = left - 1;
        if (left == 0 && atomic_load(&fail_forever)) {
            next = 0;
        }
        if (atomic_compare_exchange_weak(&allowed, &left, next)) {
            return left == 0;
        }
    }
    return false;
}

void *ps_malloc(size_t size)
{
    return refused() ? NULL : malloc(size == 0 ? 1 : size);
}

void *ps_calloc(size_t count, size_t size)
{
    if (refused()) {
        return NULL;
    }
    return count == 0 || size == 0 ? calloc(1, 1) : calloc(count, size);
}

void *ps_malloc_array(size_t count, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(count, size, &total) ? NULL : ps_malloc(total);
}

void *ps_realloc(void *memory, size_t size)
{
    return refused() ? NULL : realloc(memory, size == 0 ? 1 : size);
}

void *ps_malloc_aligned(size_t size)
{
    void *memory = NULL;
    if (refused() || posix_memalign(&memory, ALIGNMENT, size == 0 ? 1 : size) != 0) {
        return NULL;
    }
    return memory;
}

char *ps_strdup(const char *text)
{
    return ps_strndup(text, strlen(text));
}

char *ps_strndup(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    char *copy = length == SIZE_MAX ? NULL : ps_malloc(length + 1);
    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

void ps_free(void *memory)
{
    free(memory);
}

void ps_alloc_trim(void)
{
    (void)malloc_trim(0);
}

void ps_alloc_fail_after(int64_t count, int forever)
{
    atomic_store(&fail_forever, forever != 0);
    atomic_store(&allowed, count < 0 ? -1 : count);
}

uint64_t ps_alloc_count(void)
{
    return atomic_load_explicit(&allocations, memory_order_relaxed);
}
