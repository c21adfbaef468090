/*
 * Certificates and keys that stand in the configuration as text. libpq takes files alone: the text
 * becomes a file in memory that has no name, which nobody else can open and which is gone with the
 * process, however that ends.
 */
#ifndef PS_SOURCES_POSTGRESQL_PEM_H
#define PS_SOURCES_POSTGRESQL_PEM_H

#include <stdbool.h>

#include "base/buffer.h"

/* True where the value is PEM text and not a path. */
bool pem_is_text(const char *value);

/*
 * Appends the text as OpenSSL reads it. Forms and environment variables lose line breaks, or hold
 * them as "\n": blocks get theirs back. False: a block has no end, or ends as another kind.
 */
bool pem_normalise(const char *text, struct ps_buffer *out);

/* True where one of the blocks is of a kind that ends so: "CERTIFICATE", "PRIVATE KEY". */
bool pem_has(const char *text, const char *kind);

/*
 * A file in memory that only this process can open, under the path of size `path_size` that is
 * written to ret_path. -1: errno says why not.
 */
int pem_file(const char *text, size_t size, char *ret_path, size_t path_size);

#endif
