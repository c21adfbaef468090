/*
 * Unpacks a request that was compressed, up to a ceiling: the library unpacks whatever it is given
 * before it looks at the size, and a megabyte of gzip can hold a gigabyte. Not for: answers, which
 * the library packs.
 */
#ifndef PS_RPC_INFLATE_H
#define PS_RPC_INFLATE_H

#include <grpc/byte_buffer.h>

#include "penstock/error.h"

/*
 * Unpacks gzip or zlib's format ("deflate") into memory of ps_malloc, which it gives. DATA: the
 * bytes are neither, or end too early. RETRY: they unpack to more than the ceiling.
 */
enum ps_status inflate_message(grpc_byte_buffer *packed, size_t size_max, uint8_t **ret_message,
                               size_t *ret_size, struct ps_error *err) PS_MUST_CHECK;

#endif
