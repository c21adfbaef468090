/*
 * Memory that is freed all at once: a list of chunks that grow with the arena. Not for what is
 * freed one by one, nor for batches (they have pools).
 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#define ARENA_ALIGNMENT 16u
#define CHUNK_SIZE_FIRST ((size_t)4 << 10)
#define CHUNK_SIZE_MAX ((size_t)1 << 20)

/* The bytes follow the head, which is a multiple of the alignment long. */
struct chunk {
    struct chunk *next;
    size_t size, used;
    size_t unused; /* keeps the head a multiple of ARENA_ALIGNMENT long */
};
_Static_assert(sizeof(struct chunk) % ARENA_ALIGNMENT == 0, "what follows a chunk is aligned");

struct ps_arena {
    struct chunk *chunks; /* the first one is the one that is filled */
    size_t limit, used;
    size_t chunk_size; /* of the next chunk */
};

struct ps_arena *ps_arena_new(size_t limit)
{
    struct ps_arena *arena = ps_calloc(1, sizeof(*arena));
    if (arena != NULL) {
        arena->limit = limit;
        arena->chunk_size = CHUNK_SIZE_FIRST;
    }
    return arena;
}

void ps_arena_free(struct ps_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    for (struct chunk *chunk = arena->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        ps_free(chunk);
    }
    ps_free(arena);
}

/* Adds a chunk with room for `size` bytes at least. */
static struct chunk *arena_grow(struct ps_arena *arena, size_t size)
{
    size_t room = size > arena->chunk_size ? size : arena->chunk_size;
    size_t left = arena->limit - arena->used;
    if (room > left) {
        room = left > size ? left : size;
    }
    struct chunk *chunk = NULL;
    if (room <= SIZE_MAX - sizeof(*chunk)) {
        chunk = ps_calloc(1, sizeof(*chunk) + room);
    }
    if (chunk == NULL) {
        return NULL;
    }
    chunk->size = room;
    /* A piece that fills its own chunk does not displace one that still has room. */
    if (size > arena->chunk_size / 2 && arena->chunks != NULL) {
        chunk->next = arena->chunks->next;
        arena->chunks->next = chunk;
    } else {
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    if (arena->chunk_size < CHUNK_SIZE_MAX) {
        arena->chunk_size *= 2;
    }
    return chunk;
}

void *ps_arena_alloc(struct ps_arena *arena, size_t size)
{
    if (size > SIZE_MAX - ARENA_ALIGNMENT) {
        return NULL;
    }
    /* A piece of no bytes still has an address of its own. */
    size_t rounded =
        size == 0 ? ARENA_ALIGNMENT : (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    size_t counted = size == 0 ? 1 : size;
    if (counted > arena->limit - arena->used) {
        return NULL;
    }
    struct chunk *chunk = arena->chunks;
    if (chunk == NULL || rounded > chunk->size - chunk->used) {
        chunk = arena_grow(arena, rounded);
        if (chunk == NULL) {
            return NULL;
        }
    }
    void *piece = (char *)(chunk + 1) + chunk->used;
    chunk->used += rounded;
    arena->used += rounded < arena->limit - arena->used ? rounded : arena->limit - arena->used;
    return piece;
}

void *ps_arena_array(struct ps_arena *arena, size_t count, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(count, size, &total) ? NULL : ps_arena_alloc(arena, total);
}

char *ps_arena_strdup(struct ps_arena *arena, const char *text)
{
    return ps_arena_strndup(arena, text, strlen(text));
}

char *ps_arena_strndup(struct ps_arena *arena, const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    char *copy = length == SIZE_MAX ? NULL : ps_arena_alloc(arena, length + 1);
    if (copy != NULL) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *ps_arena_printf(struct ps_arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = ps_arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}

char *ps_arena_vprintf(struct ps_arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) {
        return NULL;
    }
    char *text = ps_arena_alloc(arena, (size_t)length + 1);
    if (text != NULL) {
        vsnprintf(text, (size_t)length + 1, format, arguments);
    }
    return text;
}

size_t ps_arena_used(const struct ps_arena *arena)
{
    return arena->used;
}
