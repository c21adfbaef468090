/*
 * The compiled descriptors of proto/, as they lie in the executable: found by file and by name. Not
 * for: reading messages, which needs no descriptor (base/protobuf.h).
 */
#ifndef PS_RPC_DESCRIPTOR_H
#define PS_RPC_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_buffer;

/* A google.protobuf.FileDescriptorSet; the build makes it (cmake/protos.cmake). */
extern const uint8_t descriptor_set[];
extern const size_t descriptor_set_size;

/* Bytes that somebody else owns: a name, or a message. */
struct descriptor_span {
    const uint8_t *bytes;
    size_t size;
};

struct descriptor_span descriptor_span_of(const char *text);
bool descriptor_span_equal(struct descriptor_span a, struct descriptor_span b);

/* A serialised FileDescriptorProto, by the file's name as imports say it; false: there is none. */
bool descriptor_find_file(struct descriptor_span name, struct descriptor_span *ret_file);
/*
 * The file that declares a symbol, by its full name: a service, a method, a message (nested ones
 * too) or an enum. False: none does.
 */
bool descriptor_find_symbol(struct descriptor_span name, struct descriptor_span *ret_file);
/* Writes the file and then all that it imports, each once, as that field of a message. */
void descriptor_write_files(struct descriptor_span file, uint32_t field, struct ps_buffer *out);

#endif
