/*
 * The one canonical text of a state, which the checksum covers, so that a document passes its
 * check whatever white space or order of members another program has given it.
 */
#ifndef PS_STATE_CHECKSUM_H
#define PS_STATE_CHECKSUM_H

#include "state/state.h"

#define CHECKSUM_TEXT_SIZE 17

/* Appends the document without its checksum and without a line break. As ps_state_write. */
enum ps_status state_write_canonical(const struct ps_state *state, struct ps_buffer *out,
                                     struct ps_error *err) PS_MUST_CHECK;

/* FNV-1a (64 bits) as 16 hexadecimal digits. */
void checksum_format(const char *text, size_t size, char out[CHECKSUM_TEXT_SIZE]);

#endif
