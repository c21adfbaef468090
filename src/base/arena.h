/*
 * Memory that is freed all at once: for what lives as long as a plan, a table list or a document.
 * One thread at a time. Bounded by the limit given at creation.
 */
#ifndef PS_BASE_ARENA_H
#define PS_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "penstock/error.h"

struct ps_arena;

/* limit: the most bytes it may hold in all. NULL when memory ran out. */
PS_PUBLIC struct ps_arena *ps_arena_new(size_t limit);
PS_PUBLIC void ps_arena_free(struct ps_arena *arena); /* NULL is fine */

/* Zeroed, aligned for any type. NULL: no memory, or beyond the limit. */
PS_PUBLIC void *ps_arena_alloc(struct ps_arena *arena, size_t size);
PS_PUBLIC void *ps_arena_array(struct ps_arena *arena, size_t count, size_t size);
PS_PUBLIC char *ps_arena_strdup(struct ps_arena *arena, const char *text);
PS_PUBLIC char *ps_arena_strndup(struct ps_arena *arena, const char *text, size_t size);
PS_PUBLIC char *ps_arena_printf(struct ps_arena *arena, const char *format, ...) PS_PRINTF(2, 3);
PS_PUBLIC char *ps_arena_vprintf(struct ps_arena *arena, const char *format, va_list arguments)
    PS_PRINTF(2, 0);
/* Bytes handed out so far. */
PS_PUBLIC size_t ps_arena_used(const struct ps_arena *arena);

#endif
