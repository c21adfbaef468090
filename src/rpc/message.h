/*
 * Messages that have come, as one piece of our own memory, unpacked where they were compressed, up
 * to a ceiling: the library unpacks whatever it is given before it looks at the size, and a
 * megabyte of gzip can hold a gigabyte. Both sides therefore turn its unpacking off. Not for:
 * sending, where the library packs.
 */
#ifndef PS_RPC_MESSAGE_H
#define PS_RPC_MESSAGE_H

#include <grpc/byte_buffer.h>
#include <stddef.h>
#include <stdint.h>

#include "penstock/error.h"

/* The most that the protocol lets a message be, in both directions. */
#define MESSAGE_SIZE_MAX ((size_t)128 << 20)

/*
 * Copies or unpacks a message (gzip or zlib's format, "deflate") into memory of ps_malloc, which it
 * gives. DATA: the bytes are of neither format, or end too early. RETRY: they unpack to more than
 * `size_max`. NOMEM.
 */
enum ps_status message_read(grpc_byte_buffer *received, size_t size_max, uint8_t **ret_message,
                            size_t *ret_size, struct ps_error *err) PS_MUST_CHECK;

#endif
