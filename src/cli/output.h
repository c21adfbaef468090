/*
 * Standard output, where results go: buffered, and a failure to write (closed pipe, full disk) is
 * kept, so that a command never ends well whose result nobody got. Not for progress or logs.
 */
#ifndef PS_CLI_OUTPUT_H
#define PS_CLI_OUTPUT_H

#include "base/buffer.h"

struct output {
    int fd;
    int error_number; /* errno of the first failure; 0: none. What follows it is dropped */
    struct ps_buffer held;
};

void output_init(struct output *out, int fd);
void output_done(struct output *out); /* frees; what was not flushed is lost */
void output_puts(struct output *out, const char *text);
void output_printf(struct output *out, const char *format, ...) PS_PRINTF(2, 3);
/* Appends a buffer's bytes; a failed buffer counts as memory that ran out. */
void output_buffer(struct output *out, const struct ps_buffer *buffer);
/* Writes what is held. False: something could not be written, now or before. */
bool output_flush(struct output *out);

#endif
