/*
 * Searches the descriptor set (rpc/descriptor.h). It is small and asked rarely, so it is read anew
 * each time and no index is kept. Numbers of fields: google/protobuf/descriptor.proto.
 */
#include "rpc/descriptor.h"

#include <assert.h>
#include <string.h>

#include "base/protobuf.h"

#define FILES_MAX 32

enum { SET_FILE = 1 };
enum {
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_DEPENDENCY = 3,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6
};
enum { ELEMENT_NAME = 1 }; /* of messages, enums, services and methods alike */
enum { MESSAGE_NESTED = 3, MESSAGE_ENUM = 4 };
enum { SERVICE_METHOD = 2 };

struct descriptor_span descriptor_span_of(const char *text)
{
    return (struct descriptor_span){(const uint8_t *)text, strlen(text)};
}

bool descriptor_span_equal(struct descriptor_span a, struct descriptor_span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

static struct ps_pb_reader span_reader(struct descriptor_span span)
{
    return ps_pb_reader_of(span.bytes, span.size);
}

/* The next field of that number, which is bytes; false: no more. */
static bool next_bytes(struct ps_pb_reader *reader, uint32_t number, struct descriptor_span *ret)
{
    struct ps_pb_field field;
    while (ps_pb_next(reader, &field)) {
        if (field.number == number && field.wire == PS_PB_BYTES) {
            *ret = (struct descriptor_span){field.bytes, field.size};
            return true;
        }
    }
    assert(!reader->failed); /* The build made these bytes. */
    return false;
}

static struct descriptor_span first_bytes(struct descriptor_span message, uint32_t number)
{
    struct ps_pb_reader reader = span_reader(message);
    struct descriptor_span found = {NULL, 0};
    (void)next_bytes(&reader, number, &found);
    return found;
}

bool descriptor_find_file(struct descriptor_span name, struct descriptor_span *ret_file)
{
    struct ps_pb_reader set = ps_pb_reader_of(descriptor_set, descriptor_set_size);
    struct descriptor_span file;
    while (next_bytes(&set, SET_FILE, &file)) {
        if (descriptor_span_equal(first_bytes(file, FILE_NAME), name)) {
            *ret_file = file;
            return true;
        }
    }
    return false;
}

/* Takes "<head>." from the front of a name; false: it does not begin so. */
static bool strip_scope(struct descriptor_span *name, struct descriptor_span head)
{
    if (name->size <= head.size || name->bytes[head.size] != '.' ||
        memcmp(name->bytes, head.bytes, head.size) != 0) {
        return false;
    }
    name->bytes += head.size + 1;
    name->size -= head.size + 1;
    return true;
}

static bool any_has_name(struct descriptor_span parent, uint32_t number,
                         struct descriptor_span name)
{
    struct ps_pb_reader reader = span_reader(parent);
    struct descriptor_span element;
    while (next_bytes(&reader, number, &element)) {
        if (descriptor_span_equal(first_bytes(element, ELEMENT_NAME), name)) {
            return true;
        }
    }
    return false;
}

/* Messages lie in each other; the descent is as deep as the name has dots. */
static bool message_declares(struct descriptor_span parent, uint32_t number,
                             struct descriptor_span name)
{
    struct ps_pb_reader reader = span_reader(parent);
    struct descriptor_span message;
    while (next_bytes(&reader, number, &message)) {
        struct descriptor_span own = first_bytes(message, ELEMENT_NAME), rest = name;
        if (descriptor_span_equal(own, name)) {
            return true;
        }
        if (strip_scope(&rest, own) && (message_declares(message, MESSAGE_NESTED, rest) ||
                                        any_has_name(message, MESSAGE_ENUM, rest))) {
            return true;
        }
    }
    return false;
}

static bool service_declares(struct descriptor_span file, struct descriptor_span name)
{
    struct ps_pb_reader reader = span_reader(file);
    struct descriptor_span service;
    while (next_bytes(&reader, FILE_SERVICE, &service)) {
        struct descriptor_span own = first_bytes(service, ELEMENT_NAME), rest = name;
        if (descriptor_span_equal(own, name) ||
            (strip_scope(&rest, own) && any_has_name(service, SERVICE_METHOD, rest))) {
            return true;
        }
    }
    return false;
}

bool descriptor_find_symbol(struct descriptor_span name, struct descriptor_span *ret_file)
{
    struct ps_pb_reader set = ps_pb_reader_of(descriptor_set, descriptor_set_size);
    struct descriptor_span file;
    while (next_bytes(&set, SET_FILE, &file)) {
        struct descriptor_span rest = name;
        if (strip_scope(&rest, first_bytes(file, FILE_PACKAGE)) &&
            (message_declares(file, FILE_MESSAGE, rest) || any_has_name(file, FILE_ENUM, rest) ||
             service_declares(file, rest))) {
            *ret_file = file;
            return true;
        }
    }
    return false;
}

void descriptor_write_files(struct descriptor_span file, uint32_t field, struct ps_buffer *out)
{
    struct descriptor_span files[FILES_MAX] = {file};
    size_t count = 1;
    for (size_t i = 0; i < count; i++) {
        ps_pb_put_bytes(out, field, files[i].bytes, files[i].size);
        struct ps_pb_reader reader = span_reader(files[i]);
        struct descriptor_span name, imported;
        while (next_bytes(&reader, FILE_DEPENDENCY, &name)) {
            bool there = descriptor_find_file(name, &imported);
            assert(there); /* The set was made with its imports. */
            size_t known = 0;
            while (known < count && files[known].bytes != imported.bytes) {
                known++;
            }
            if (known == count) {
                assert(count < FILES_MAX);
                files[count++] = imported;
            }
        }
    }
}
