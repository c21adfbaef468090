/*
 * Arrays of common elements, from their binary form to JSON: int32 dimensions, int32 has-null,
 * uint32 element type; for each dimension int32 size and int32 lower bound; then the elements row
 * by row, int32 length (-1: NULL) and bytes (PostgreSQL, src/backend/utils/adt/arrayfuncs.c,
 * array_send). The text is byte for byte what the server's to_json() gives, which writes all other
 * arrays (query.c).
 */
#include "sources/postgresql/decode.h"
#include "sources/postgresql/types.h"

#define HEADER 12
#define DIMENSIONS_MAX 6
#define DIMENSION_SIZE 8

struct array {
    uint32_t dimensions;
    uint32_t sizes[DIMENSIONS_MAX];
    int32_t lower[DIMENSIONS_MAX];
    /* How many elements one step in the dimension before passes over. */
    uint32_t strides[DIMENSIONS_MAX];
    uint32_t elements;
    bool shifted; /* a lower bound is not 1 */
    const uint8_t *at, *end;
};

static bool array_read(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                       struct array *ret_array)
{
    if (size < HEADER) {
        return false;
    }
    struct array array = {.dimensions = decode_u32(bytes), .end = bytes + size};
    if (array.dimensions > DIMENSIONS_MAX || decode_u32(bytes + 8) != field->element ||
        size < HEADER + DIMENSION_SIZE * array.dimensions) {
        return false;
    }
    array.at = bytes + HEADER + (size_t)DIMENSION_SIZE * array.dimensions;
    uint64_t most = (size_t)(array.end - array.at) / 4;
    uint64_t elements = array.dimensions > 0 ? 1 : 0;
    for (uint32_t i = array.dimensions; i-- > 0;) {
        const uint8_t *dimension = bytes + HEADER + (size_t)DIMENSION_SIZE * i;
        array.sizes[i] = decode_u32(dimension);
        array.lower[i] = (int32_t)decode_u32(dimension + 4);
        array.shifted = array.shifted || array.lower[i] != 1;
        elements *= array.sizes[i];
        if (elements == 0 || elements > most) {
            return false;
        }
        array.strides[i] = (uint32_t)elements;
    }
    array.elements = (uint32_t)elements;
    *ret_array = array;
    return true;
}

static size_t integer_text(int64_t value, char out[20])
{
    char digits[20];
    size_t count = 0, size = 0;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        digits[count++] = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    if (value < 0) {
        out[size++] = '-';
    }
    while (count > 0) {
        out[size++] = digits[--count];
    }
    return size;
}

static const char *put_integer(struct ps_vector *vector, int64_t value)
{
    char text[20];
    return decode_put(vector, text, integer_text(value, text)) ? NULL : decode_nomem;
}

/* The letter after a backslash; 0: none, 'u': a code of four digits. */
static char escape_of(uint8_t byte)
{
    static const char control[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (byte < sizeof control) {
        return control[byte] != 0 ? control[byte] : 'u';
    }
    return byte == '"' || byte == '\\' ? (char)byte : 0;
}

static const char *put_string(struct ps_vector *vector, const uint8_t *bytes, uint32_t size,
                              uint64_t room)
{
    static const char digits[] = "0123456789abcdef";
    size_t escapes = 0, codes = 0;
    for (uint32_t i = 0; i < size; i++) {
        char escape = escape_of(bytes[i]);
        escapes += escape != 0;
        codes += escape == 'u';
    }
    if ((uint64_t)size + 2 + escapes + 4 * codes > room) {
        return decode_too_large;
    }
    if (!ps_vector_reserve(vector, (size_t)size + 2 + escapes + 4 * codes)) {
        return decode_nomem;
    }
    uint8_t *out = vector->bytes + vector->bytes_size;
    *out++ = '"';
    for (uint32_t i = 0; i < size; i++) {
        char escape = escapes > 0 ? escape_of(bytes[i]) : 0;
        if (escape == 0) {
            *out++ = bytes[i];
            continue;
        }
        *out++ = '\\';
        *out++ = (uint8_t)escape;
        if (escape == 'u') {
            *out++ = '0';
            *out++ = '0';
            *out++ = (uint8_t)digits[bytes[i] >> 4];
            *out++ = (uint8_t)digits[bytes[i] & 15];
        }
    }
    *out++ = '"';
    vector->bytes_size = (uint32_t)(out - vector->bytes);
    return NULL;
}

static const char *put_uuid(struct ps_vector *vector, const uint8_t *bytes)
{
    char text[UUID_TEXT_SIZE + 2];
    text[0] = '"';
    decode_uuid_text(bytes, text + 1);
    text[sizeof text - 1] = '"';
    return decode_put(vector, text, sizeof text) ? NULL : decode_nomem;
}

static const char *put_raw(struct ps_vector *vector, const void *bytes, size_t size)
{
    return decode_put(vector, bytes, size) ? NULL : decode_nomem;
}

/* One element that is not NULL, with all its bytes there. `room`: for as many bytes. */
static const char *put_element(uint32_t type, struct ps_vector *vector, const uint8_t *bytes,
                               uint32_t size, uint64_t room)
{
    switch (type) {
    case OID_BOOL:
        return size != 1     ? decode_malformed
               : *bytes != 0 ? put_raw(vector, "true", 4)
                             : put_raw(vector, "false", 5);
    case OID_INT2:
        return size == 2 ? put_integer(vector, (int16_t)decode_u16(bytes)) : decode_malformed;
    case OID_INT4:
        return size == 4 ? put_integer(vector, (int32_t)decode_u32(bytes)) : decode_malformed;
    case OID_INT8:
        return size == 8 ? put_integer(vector, (int64_t)decode_u64(bytes)) : decode_malformed;
    case OID_NUMERIC:
        return decode_put_numeric(vector, bytes, size, true);
    case OID_UUID:
        return size == 16 ? put_uuid(vector, bytes) : decode_malformed;
    case OID_JSON:
        return put_raw(vector, bytes, size);
    case OID_JSONB:
        return size > 0 && *bytes == 1 ? put_raw(vector, bytes + 1, size - 1) : decode_malformed;
    default:
        return put_string(vector, bytes, size, room);
    }
}

static const char *put_elements(const struct type_field *field, struct array *array,
                                struct ps_vector *vector, uint64_t end)
{
    for (uint32_t i = 0; i < array->elements; i++) {
        if (vector->bytes_size > end) {
            return decode_too_large;
        }
        char brackets[DIMENSIONS_MAX + 1];
        size_t count = 0;
        if (i > 0) {
            brackets[count++] = ',';
        }
        for (uint32_t d = 0; d < array->dimensions; d++) {
            if (i % array->strides[d] == 0) {
                brackets[count++] = '[';
            }
        }
        if (!decode_put(vector, brackets, count)) {
            return decode_nomem;
        }
        if (array->end - array->at < 4) {
            return decode_malformed;
        }
        uint32_t size = decode_u32(array->at);
        array->at += 4;
        const char *reason;
        if (size == UINT32_MAX) {
            reason = put_raw(vector, "null", 4);
        } else if (size > (size_t)(array->end - array->at)) {
            reason = decode_malformed;
        } else {
            uint64_t room = vector->bytes_size < end ? end - vector->bytes_size : 0;
            reason = put_element(field->element, vector, array->at, size, room);
            array->at += size;
        }
        if (reason != NULL) {
            return reason;
        }
        count = 0;
        for (uint32_t d = 0; d < array->dimensions; d++) {
            if ((i + 1) % array->strides[d] == 0) {
                brackets[count++] = ']';
            }
        }
        if (!decode_put(vector, brackets, count)) {
            return decode_nomem;
        }
    }
    if (vector->bytes_size > end) {
        return decode_too_large;
    }
    return array->at == array->end ? NULL : decode_malformed;
}

/* {"[2:4]" : as json_build_object(array_dims(a), to_json(a)) begins. */
static const char *put_bounds(const struct array *array, struct ps_vector *vector)
{
    static const char name_end[] = {'"', ' ', ':', ' '};
    char text[DIMENSIONS_MAX * 48 + 8];
    size_t size = 0;
    text[size++] = '{';
    text[size++] = '"';
    for (uint32_t d = 0; d < array->dimensions; d++) {
        text[size++] = '[';
        size += integer_text(array->lower[d], text + size);
        text[size++] = ':';
        size += integer_text((int64_t)array->lower[d] + array->sizes[d] - 1, text + size);
        text[size++] = ']';
    }
    memcpy(text + size, name_end, sizeof name_end);
    return put_raw(vector, text, size + sizeof name_end);
}

const char *decode_array(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                         struct ps_batch *batch, uint32_t column)
{
    struct array array;
    if (!array_read(field, bytes, size, &array)) {
        return decode_malformed;
    }
    struct ps_vector *vector = &batch->vectors[column];
    uint32_t start = vector->bytes_size;
    uint64_t end = field->bytes_max == 0 ? UINT64_MAX : (uint64_t)start + field->bytes_max;
    const char *reason = NULL;
    if (array.elements == 0) {
        reason = array.at == array.end ? put_raw(vector, "[]", 2) : decode_malformed;
    } else if (array.shifted) {
        reason = put_bounds(&array, vector);
        if (reason == NULL) {
            reason = put_elements(field, &array, vector, end);
        }
        if (reason == NULL) {
            reason = put_raw(vector, "}", 1);
        }
    } else {
        reason = put_elements(field, &array, vector, end);
    }
    return decode_text_end(batch, column, start, reason);
}
