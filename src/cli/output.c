/*
 * Standard output with a memory for failures. See output.h.
 */
#include "cli/output.h"

#include <errno.h>
#include <unistd.h>

/* More than this is written before the next text is taken. */
#define HELD_BYTES 32768

void output_init(struct output *out, int fd)
{
    *out = (struct output){.fd = fd};
    ps_buffer_init(&out->held, 0);
}

void output_done(struct output *out)
{
    ps_buffer_done(&out->held);
}

bool output_flush(struct output *out)
{
    size_t written = 0;

    if (out->error_number == 0 && !ps_buffer_ok(&out->held)) {
        out->error_number = ENOMEM;
    }
    while (out->error_number == 0 && written < out->held.size) {
        ssize_t n = write(out->fd, out->held.data + written, out->held.size - written);
        if (n >= 0) {
            written += (size_t)n;
        } else if (errno != EINTR) {
            out->error_number = errno;
        }
    }
    ps_buffer_clear(&out->held);
    return out->error_number == 0;
}

/* A failed buffer stays as it is until the flush that reports it. */
static void flush_when_large(struct output *out)
{
    if (!ps_buffer_ok(&out->held) || out->held.size >= HELD_BYTES) {
        (void)output_flush(out);
    }
}

void output_puts(struct output *out, const char *text)
{
    ps_buffer_puts(&out->held, text);
    flush_when_large(out);
}

void output_printf(struct output *out, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    ps_buffer_vprintf(&out->held, format, arguments);
    va_end(arguments);
    flush_when_large(out);
}

void output_buffer(struct output *out, const struct ps_buffer *buffer)
{
    if (!ps_buffer_ok(buffer)) {
        if (out->error_number == 0) {
            out->error_number = ENOMEM;
        }
        return;
    }
    ps_buffer_append(&out->held, ps_buffer_text(buffer), buffer->size);
    flush_when_large(out);
}
