/*
 * Text for a terminal: how wide it is, cut to a width, and without bytes that a terminal would
 * obey. Names of tables and columns come from databases: they may hold anything. Widths follow the
 * common rule of wcwidth (0, 1 or 2 columns) for the ranges that matter; no locale is asked.
 */
#ifndef PS_CLI_TEXT_H
#define PS_CLI_TEXT_H

#include "base/buffer.h"

/* Columns that text_clean's output takes. */
size_t text_width(const char *text);
/* Appends the text; control characters and what is no UTF-8 become '?'. */
void text_clean(struct ps_buffer *out, const char *text);
/* The same, at most `width` columns; what is cut ends in "…". Returns the columns used. */
size_t text_cut(struct ps_buffer *out, const char *text, size_t width);
/* The same, as one word of a POSIX shell's command line: quoted where a shell would change it. */
void text_shell_word(struct ps_buffer *out, const char *text);

#endif
