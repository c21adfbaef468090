/*
 * The binary numeric: int16 digits, int16 weight, uint16 sign, uint16 dscale, then the digits in
 * base 10,000, the first of them times 10,000^weight; zeros are stripped at both ends (PostgreSQL,
 * src/backend/utils/adt/numeric.c, numeric_send).
 */
#include "sources/postgresql/decode.h"
#include "sources/postgresql/types.h"

#define HEADER 8
#define SIGN_PLUS 0x0000
#define SIGN_MINUS 0x4000
#define SIGN_NAN 0xc000
#define SIGN_PLUS_INFINITY 0xd000
#define SIGN_MINUS_INFINITY 0xf000

struct numeric {
    int32_t digits_count, weight, dscale;
    uint16_t sign;
    const uint8_t *digits;
};

static bool numeric_read(const uint8_t *bytes, uint32_t size, struct numeric *ret_numeric)
{
    if (size < HEADER) {
        return false;
    }
    struct numeric numeric = {
        .digits_count = (int16_t)decode_u16(bytes),
        .weight = (int16_t)decode_u16(bytes + 2),
        .sign = decode_u16(bytes + 4),
        .dscale = decode_u16(bytes + 6) & 0x3fff,
        .digits = bytes + HEADER,
    };
    if (numeric.digits_count < 0 || size != HEADER + 2 * (uint32_t)numeric.digits_count) {
        return false;
    }
    for (int32_t i = 0; i < numeric.digits_count; i++) {
        if (decode_u16(numeric.digits + 2 * i) > 9999) {
            return false;
        }
    }
    *ret_numeric = numeric;
    return true;
}

/* The i-th digit counted from the first; 0 outside. */
static uint32_t digit_at(const struct numeric *numeric, int32_t i)
{
    return i >= 0 && i < numeric->digits_count ? decode_u16(numeric->digits + 2 * i) : 0;
}

static const uint32_t powers[] = {1, 10, 100, 1000, 10000};

static int32_t length_of(uint32_t digit)
{
    return digit >= 1000 ? 4 : digit >= 100 ? 3 : digit >= 10 ? 2 : digit >= 1 ? 1 : 0;
}

/*
 * The magnitude times 10^scale. NULL, or why it does not fit: more than `precision` digits, or
 * digits below the scale.
 */
static const char *numeric_unscaled(const struct numeric *numeric, const struct type_field *field,
                                    ps_uint128 *ret_value)
{
    ps_uint128 value = 0;
    int32_t first = 0;
    while (first < numeric->digits_count && digit_at(numeric, first) == 0) {
        first++;
    }
    if (first == numeric->digits_count) {
        *ret_value = 0;
        return NULL;
    }
    int32_t exponent = 4 * (numeric->weight - first) + field->scale;
    if (exponent + length_of(digit_at(numeric, first)) > field->precision) {
        return "the number has more digits than its column";
    }
    /* From here on every intermediate value is below 10^38. */
    for (int32_t i = first; i < numeric->digits_count; i++, exponent -= 4) {
        uint32_t digit = digit_at(numeric, i);
        if (exponent >= 0) {
            value = value * 10000 + digit;
        } else {
            uint32_t below = exponent > -4 ? powers[-exponent] : 10000;
            if (digit % below != 0) {
                return "the number has more digits after its point than its column";
            }
            value = value * (10000 / below) + digit / below;
        }
    }
    for (exponent += 4; exponent >= 4; exponent -= 4) {
        value *= 10000;
    }
    if (exponent > 0) {
        value *= powers[exponent];
    }
    *ret_value = value;
    return NULL;
}

/* The powers of 10 that 64 bits hold. */
#define TENS_COUNT 20
static const uint64_t tens[TENS_COUNT] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

/*
 * The commonest numbers, of at most four digits in base 10,000 and a result of 64 bits, without a
 * branch that depends on how many there are: how long a number is cannot be foretold. False: all
 * others, and all that are bad.
 */
static bool decimal_quick(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                          ps_int128 *ret_value)
{
    static const uint64_t masks[] = {0, UINT16_MAX, UINT32_MAX, UINT64_MAX >> 16, UINT64_MAX};
    if (size < HEADER || size > HEADER + 8) {
        return false;
    }
    uint32_t count = decode_u16(bytes), sign = decode_u16(bytes + 4);
    if (size != HEADER + 2 * count || (sign != SIGN_PLUS && sign != SIGN_MINUS)) {
        return false;
    }
    /* The last eight bytes of the field are within it, whatever the number of digits. */
    uint64_t digits = decode_u64(bytes + size - 8) & masks[count];
    uint64_t a = digits >> 48, b = digits >> 32 & 0xffff, c = digits >> 16 & 0xffff,
             d = digits & 0xffff;
    uint64_t value = (a * 10000 + b) * 100000000 + c * 10000 + d;
    int32_t exponent = 4 * ((int16_t)decode_u16(bytes + 2) + 1 - (int32_t)count) + field->scale;
    if ((a > 9999) | (b > 9999) | (c > 9999) | (d > 9999) || exponent <= -4 ||
        exponent >= TENS_COUNT) {
        return false;
    }
    if (exponent < 0) {
        uint64_t below = tens[-exponent];
        if (value % below != 0) {
            return false;
        }
        value /= below;
    } else if (__builtin_mul_overflow(value, tens[exponent], &value)) {
        return false;
    }
    if (field->precision < TENS_COUNT && value >= tens[field->precision]) {
        return false;
    }
    *ret_value = sign == SIGN_MINUS ? -(ps_int128)value : (ps_int128)value;
    return true;
}

const char *decode_decimal(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                           struct ps_batch *batch, uint32_t column)
{
    struct numeric numeric;
    ps_uint128 value = 0;
    ps_int128 quick;
    if (decimal_quick(field, bytes, size, &quick)) {
        ps_batch_put_decimal(batch, column, quick);
        return NULL;
    }
    if (!numeric_read(bytes, size, &numeric)) {
        return decode_malformed;
    }
    switch (numeric.sign) {
    case SIGN_PLUS:
    case SIGN_MINUS:
        break;
    case SIGN_NAN:
        return "the number is NaN";
    case SIGN_PLUS_INFINITY:
    case SIGN_MINUS_INFINITY:
        return "the number is infinite";
    default:
        return decode_malformed;
    }
    const char *reason = numeric_unscaled(&numeric, field, &value);
    if (reason != NULL) {
        return reason;
    }
    ps_batch_put_decimal(batch, column,
                         numeric.sign == SIGN_MINUS ? -(ps_int128)value : (ps_int128)value);
    return NULL;
}

static char *put_digit(char *out, uint32_t digit)
{
    out[0] = (char)('0' + digit / 1000);
    out[1] = (char)('0' + digit / 100 % 10);
    out[2] = (char)('0' + digit / 10 % 10);
    out[3] = (char)('0' + digit % 10);
    return out + 4;
}

/* As the server prints it: no exponent, all dscale digits. Room for what numeric_text_max says. */
static size_t numeric_text(const struct numeric *numeric, char *out)
{
    char *at = out;
    char block[4];
    if (numeric->sign == SIGN_MINUS) {
        *at++ = '-';
    }
    if (numeric->weight < 0) {
        *at++ = '0';
    }
    for (int32_t i = 0; i <= numeric->weight; i++) {
        (void)put_digit(block, digit_at(numeric, i));
        size_t skipped = 0;
        while (i == 0 && skipped < 3 && block[skipped] == '0') {
            skipped++;
        }
        memcpy(at, block + skipped, 4 - skipped);
        at += 4 - skipped;
    }
    if (numeric->dscale > 0) {
        *at++ = '.';
        int32_t i = numeric->weight + 1;
        for (int32_t left = numeric->dscale; left > 0; left -= 4, i++) {
            (void)put_digit(block, digit_at(numeric, i));
            size_t taken = left < 4 ? (size_t)left : 4;
            memcpy(at, block, taken);
            at += taken;
        }
    }
    return (size_t)(at - out);
}

static size_t numeric_text_max(const struct numeric *numeric)
{
    size_t whole = numeric->weight >= 0 ? 4 * ((size_t)numeric->weight + 1) : 1;
    return 2 + whole + (size_t)numeric->dscale;
}

/* The word for what is no number; NULL: it is one, or the sign is none that there is. */
static const char *numeric_word(uint16_t sign)
{
    switch (sign) {
    case SIGN_NAN:
        return "\"NaN\"";
    case SIGN_PLUS_INFINITY:
        return "\"Infinity\"";
    case SIGN_MINUS_INFINITY:
        return "\"-Infinity\"";
    default:
        return NULL;
    }
}

const char *decode_put_numeric(struct ps_vector *vector, const uint8_t *bytes, uint32_t size,
                               bool json)
{
    struct numeric numeric;
    if (!numeric_read(bytes, size, &numeric)) {
        return decode_malformed;
    }
    /* The sign first: infinities carry a dscale that means nothing. */
    const char *word = numeric_word(numeric.sign);
    if (word != NULL) {
        size_t quote = json ? 0 : 1;
        return decode_put(vector, word + quote, strlen(word) - 2 * quote) ? NULL : decode_nomem;
    }
    if (numeric.sign != SIGN_PLUS && numeric.sign != SIGN_MINUS) {
        return decode_malformed;
    }
    if (!ps_vector_reserve(vector, numeric_text_max(&numeric))) {
        return decode_nomem;
    }
    char *text = (char *)vector->bytes + vector->bytes_size;
    vector->bytes_size += (uint32_t)numeric_text(&numeric, text);
    return NULL;
}

const char *decode_numeric_text(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                                struct ps_batch *batch, uint32_t column)
{
    (void)field;
    struct ps_vector *vector = &batch->vectors[column];
    uint32_t start = vector->bytes_size;
    return decode_text_end(batch, column, start, decode_put_numeric(vector, bytes, size, false));
}

const char *decode_numeric_key(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                               struct ps_batch *batch, uint32_t column)
{
    const char *reason = decode_numeric_text(field, bytes, size, batch, column);
    if (reason != NULL) {
        return reason;
    }
    struct ps_vector *vector = &batch->vectors[column];
    uint32_t start = vector->offsets[batch->rows], end = vector->bytes_size;
    const char *text = (const char *)vector->bytes;
    if (memchr(text + start, '.', end - start) != NULL) {
        while (text[end - 1] == '0') {
            end--;
        }
        end -= text[end - 1] == '.';
    }
    batch->bytes -= vector->bytes_size - end;
    vector->offsets[batch->rows + 1] = vector->bytes_size = end;
    return NULL;
}
