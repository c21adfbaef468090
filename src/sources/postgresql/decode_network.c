/*
 * Addresses and strings of bits, which the contract has no type for: from their binary form to the
 * text that the server's output functions give (PostgreSQL, src/backend/utils/adt/inet_net_ntop.c,
 * mac.c, mac8.c, varbit.c).
 */
#include "sources/postgresql/decode.h"
#include "sources/postgresql/types.h"

#define FAMILY_4 2
#define FAMILY_6 3
#define WORDS 8

static const char digits[] = "0123456789abcdef";

static char *put_decimal(char *out, uint32_t value)
{
    if (value >= 100) {
        *out++ = (char)('0' + value / 100);
    }
    if (value >= 10) {
        *out++ = (char)('0' + value / 10 % 10);
    }
    *out++ = (char)('0' + value % 10);
    return out;
}

static char *put_v4(char *out, const uint8_t *address)
{
    for (size_t i = 0; i < 4; i++) {
        if (i > 0) {
            *out++ = '.';
        }
        out = put_decimal(out, address[i]);
    }
    return out;
}

/* Without zeros in front. */
static char *put_word(char *out, uint32_t word)
{
    bool begun = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
        uint32_t digit = word >> shift & 15;
        begun = begun || digit != 0 || shift == 0;
        if (begun) {
            *out++ = digits[digit];
        }
    }
    return out;
}

/* The first of the longest runs of zero words, which "::" stands for; a length of 0: none. */
static size_t longest_zeros(const uint32_t words[WORDS], size_t *ret_first)
{
    size_t longest = 1;
    for (size_t i = 0; i < WORDS; i++) {
        size_t length = 0;
        while (i + length < WORDS && words[i + length] == 0) {
            length++;
        }
        if (length > longest) {
            longest = length;
            *ret_first = i;
        }
        i += length;
    }
    return longest > 1 ? longest : 0;
}

static char *put_v6(char *out, const uint8_t *address)
{
    uint32_t words[WORDS];
    for (size_t i = 0; i < WORDS; i++) {
        words[i] = decode_u16(address + 2 * i);
    }
    size_t first = WORDS;
    size_t length = longest_zeros(words, &first);
    /* An address of version 4 inside one of version 6 is printed as such. */
    bool mapped = first == 0 && (length == 6 || (length == 7 && words[7] != 1) ||
                                 (length == 5 && words[5] == 0xffff));
    for (size_t i = 0; i < WORDS; i++) {
        if (i >= first && i < first + length) {
            if (i == first) {
                *out++ = ':';
            }
            continue;
        }
        if (i > 0) {
            *out++ = ':';
        }
        if (i == 6 && mapped) {
            return put_v4(out, address + 12);
        }
        out = put_word(out, words[i]);
    }
    if (length > 0 && first + length == WORDS) {
        *out++ = ':';
    }
    return out;
}

/* Family, bits, whether it is a cidr, the address's size, the address. */
const char *decode_inet(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column)
{
    (void)field;
    char text[64];
    if (size < 4 || size != 4 + (uint32_t)bytes[3]) {
        return decode_malformed;
    }
    bool v4 = bytes[0] == FAMILY_4 && bytes[3] == 4 && bytes[1] <= 32;
    bool v6 = bytes[0] == FAMILY_6 && bytes[3] == 16 && bytes[1] <= 128;
    if (!v4 && !v6) {
        return decode_malformed;
    }
    char *end = v4 ? put_v4(text, bytes + 4) : put_v6(text, bytes + 4);
    if (bytes[2] != 0 || bytes[1] != (v4 ? 32 : 128)) {
        *end++ = '/';
        end = put_decimal(end, bytes[1]);
    }
    return ps_batch_put_bytes(batch, column, text, (size_t)(end - text)) ? NULL : decode_nomem;
}

const char *decode_macaddr(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                           struct ps_batch *batch, uint32_t column)
{
    (void)field;
    char text[3 * 8];
    if (size != 6 && size != 8) {
        return decode_malformed;
    }
    for (uint32_t i = 0; i < size; i++) {
        text[3 * i] = digits[bytes[i] >> 4];
        text[3 * i + 1] = digits[bytes[i] & 15];
        text[3 * i + 2] = ':';
    }
    return ps_batch_put_bytes(batch, column, text, 3 * (size_t)size - 1) ? NULL : decode_nomem;
}

/* How many bits, then the bits from the most significant one on. */
const char *decode_bits(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column)
{
    (void)field;
    uint32_t bits = size >= 4 ? decode_u32(bytes) : UINT32_MAX;
    if (bits > INT32_MAX || size != 4 + (bits + 7) / 8) {
        return decode_malformed;
    }
    struct ps_vector *vector = &batch->vectors[column];
    uint32_t start = vector->bytes_size;
    if (!ps_vector_reserve(vector, bits)) {
        return decode_nomem;
    }
    uint8_t *out = vector->bytes + start;
    for (uint32_t i = 0; i < bits; i++) {
        out[i] = (uint8_t)('0' + (bytes[4 + i / 8] >> (7 - i % 8) & 1));
    }
    vector->bytes_size += bits;
    return decode_text_end(batch, column, start, NULL);
}
