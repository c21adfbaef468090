/*
 * Every allocation of Penstock goes through here, so that tests can make the Nth one fail and see
 * that the failure is answered (tests/support/). Not for: memory that a library gives and frees by
 * its own functions.
 */
#ifndef PS_BASE_ALLOC_H
#define PS_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include "penstock/error.h"

/* As malloc and friends; NULL when memory ran out. A size of 0 gives a valid pointer. */
PS_PUBLIC void *ps_malloc(size_t size) __attribute__((malloc));
PS_PUBLIC void *ps_calloc(size_t count, size_t size) __attribute__((malloc));
/* count * size, checked before it is multiplied. */
PS_PUBLIC void *ps_malloc_array(size_t count, size_t size) __attribute__((malloc));
PS_PUBLIC void *ps_realloc(void *memory, size_t size);
/* On a 64-byte boundary; freed with ps_free like all others. */
PS_PUBLIC void *ps_malloc_aligned(size_t size) __attribute__((malloc));
PS_PUBLIC char *ps_strdup(const char *text);
PS_PUBLIC char *ps_strndup(const char *text, size_t size);
PS_PUBLIC void ps_free(void *memory); /* NULL is fine */

/* Gives free memory that the C library keeps back to the system: after work that took much. */
void ps_alloc_trim(void);

/*
 * For tests: the allocation after `count` further ones fails, and so do all later ones where
 * `forever`; count < 0 turns it off. ps_alloc_count tells how many there have been. All threads.
 */
void ps_alloc_fail_after(int64_t count, int forever);
uint64_t ps_alloc_count(void);

#endif
