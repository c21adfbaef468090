/*
 * A growing run of bytes with a ceiling, whose failures stick. Not thread-safe.
 */
#include "base/buffer.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#define CAPACITY_FIRST 64u

void ps_buffer_init(struct ps_buffer *buffer, size_t limit)
{
    *buffer = (struct ps_buffer){.limit = limit};
}

void ps_buffer_done(struct ps_buffer *buffer)
{
    ps_free(buffer->data);
    *buffer = (struct ps_buffer){.limit = buffer->limit};
}

void ps_buffer_clear(struct ps_buffer *buffer)
{
    buffer->size = 0;
    buffer->failed = false;
    if (buffer->data != NULL) {
        buffer->data[0] = '\0';
    }
}

/* Makes room for `more` bytes and the closing NUL; false: the buffer has failed. */
static bool buffer_reserve(struct ps_buffer *buffer, size_t more)
{
    if (buffer->failed) {
        return false;
    }
    if (more < buffer->capacity - buffer->size) {
        return true;
    }
    size_t limit = buffer->limit == 0 ? SIZE_MAX - 1 : buffer->limit;
    if (buffer->size > limit || more > limit - buffer->size) {
        buffer->failed = true;
        return false;
    }
    size_t needed = buffer->size + more + 1;
    size_t capacity = buffer->capacity < CAPACITY_FIRST ? CAPACITY_FIRST : buffer->capacity;
    while (capacity < needed) {
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    }
    if (capacity - 1 > limit) {
        capacity = limit + 1;
    }
    char *data = ps_realloc(buffer->data, capacity);
    if (data == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void ps_buffer_append(struct ps_buffer *buffer, const void *bytes, size_t size)
{
    if (!buffer_reserve(buffer, size)) {
        return;
    }
    if (size != 0) {
        memcpy(buffer->data + buffer->size, bytes, size);
    }
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void ps_buffer_puts(struct ps_buffer *buffer, const char *text)
{
    ps_buffer_append(buffer, text, strlen(text));
}

void ps_buffer_putc(struct ps_buffer *buffer, char byte)
{
    ps_buffer_append(buffer, &byte, 1);
}

void ps_buffer_printf(struct ps_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    ps_buffer_vprintf(buffer, format, arguments);
    va_end(arguments);
}

void ps_buffer_vprintf(struct ps_buffer *buffer, const char *format, va_list arguments)
{
    char first[256];
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(first, sizeof(first), format, again);
    va_end(again);
    if (length < 0) {
        buffer->failed = true;
    } else if ((size_t)length < sizeof(first)) {
        ps_buffer_append(buffer, first, (size_t)length);
    } else if (buffer_reserve(buffer, (size_t)length)) {
        vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, arguments);
        buffer->size += (size_t)length;
    }
}

bool ps_buffer_ok(const struct ps_buffer *buffer)
{
    return !buffer->failed;
}

const char *ps_buffer_text(const struct ps_buffer *buffer)
{
    return buffer->failed || buffer->data == NULL ? "" : buffer->data;
}

char *ps_buffer_steal(struct ps_buffer *buffer, size_t *ret_size)
{
    ps_buffer_append(buffer, "", 0);
    if (buffer->failed) {
        return NULL;
    }
    char *data = buffer->data;
    *ret_size = buffer->size;
    *buffer = (struct ps_buffer){.limit = buffer->limit};
    return data;
}
