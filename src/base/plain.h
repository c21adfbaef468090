/*
 * Texts of others (a server, a connector) on a terminal: which characters would steer it, or make a
 * line read other than it is. Not for: JSON, which escapes what it must.
 */
#ifndef PS_BASE_PLAIN_H
#define PS_BASE_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Controls (C0, DEL, C1), directions and line separators. */
bool ps_plain_is_obeyed(uint32_t point);
/* Puts one `?` in the place of each of these, but for tabs, and of each byte that is no UTF-8.
 * Gives the new size, which is not larger; no NUL is put behind it. */
size_t ps_plain(char *text, size_t size);

#endif
