/*
 * A growing run of bytes with a ceiling. A failure sticks: append as often as you like, then ask
 * once with ps_buffer_ok. `data` always ends in a NUL that `size` does not count, once anything
 * was appended (an empty buffer's data may be NULL; ps_buffer_text never is).
 */
#ifndef PS_BASE_BUFFER_H
#define PS_BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "penstock/error.h"

struct ps_buffer {
    char *data;
    size_t size, capacity;
    size_t limit; /* the most bytes; 0: none */
    bool failed;  /* no memory, or beyond the limit */
};

void ps_buffer_init(struct ps_buffer *buffer, size_t limit);
void ps_buffer_done(struct ps_buffer *buffer);  /* frees; a {0} buffer is fine */
void ps_buffer_clear(struct ps_buffer *buffer); /* empty, not failed, memory kept */
void ps_buffer_append(struct ps_buffer *buffer, const void *bytes, size_t size);
void ps_buffer_puts(struct ps_buffer *buffer, const char *text);
void ps_buffer_putc(struct ps_buffer *buffer, char byte);
void ps_buffer_printf(struct ps_buffer *buffer, const char *format, ...) PS_PRINTF(2, 3);
void ps_buffer_vprintf(struct ps_buffer *buffer, const char *format, va_list arguments)
    PS_PRINTF(2, 0);
bool ps_buffer_ok(const struct ps_buffer *buffer);
/* The text, "" where nothing was appended or the buffer failed. */
const char *ps_buffer_text(const struct ps_buffer *buffer);
/* Gives the memory to the caller (ps_free) and leaves the buffer empty; NULL where it failed. */
char *ps_buffer_steal(struct ps_buffer *buffer, size_t *ret_size);

#endif
