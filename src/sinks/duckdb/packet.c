/*
 * What is done to a batch before the writer has it: the hash that is the key of rows without one.
 *
 * `_fivetran_id` is the SHA-256, as lower-case hexadecimal digits, of the row's columns that are
 * not NULL, in byte order of their names, so that neither a new column without a value nor another
 * order of columns changes it. Each column contributes
 *     length of the name (32 bits) · name · kind (8 bits) · length of the value (32 bits) · value
 * with numbers in little-endian order. Kinds and values:
 *     'n' SHORT, INT, LONG, DECIMAL: scale (8 bits), unscaled (128 bits), without trailing zeros
 *     'f' FLOAT, DOUBLE: 64 bits of the double · 'b' BOOLEAN: one byte · 'd' NAIVE_DATE: days (32)
 *     't' NAIVE_DATETIME, 'u' UTC_DATETIME: seconds (64), nanoseconds (32)
 *     's' text and JSON, 'x' BINARY: the bytes
 */
#include "sinks/duckdb/packet.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/alloc.h"

/* The order of a batch's columns by name, for the hash. */
struct named_column {
    const char *name;
    uint32_t name_size;
    uint32_t index;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct named_column *)a)->name, ((const struct named_column *)b)->name);
}

struct hash_value {
    char kind;
    const void *bytes;
    uint32_t size;
    uint8_t fixed[24];
};

static void hash_number(struct hash_value *value, ps_int128 number, uint8_t scale)
{
    while (scale > 0 && number % 10 == 0) {
        number /= 10;
        scale--;
    }
    value->kind = 'n';
    value->fixed[0] = scale;
    memcpy(value->fixed + 1, &number, sizeof number);
    value->size = 1 + sizeof number;
}

static void hash_double(struct hash_value *value, double number)
{
    if (isnan(number)) {
        number = NAN; /* one of the many */
    }
    value->kind = 'f';
    memcpy(value->fixed, &number, sizeof number);
    value->size = sizeof number;
}

static void hash_timestamp(struct hash_value *value, char kind, struct ps_timestamp time)
{
    value->kind = kind;
    memcpy(value->fixed, &time.seconds, sizeof time.seconds);
    memcpy(value->fixed + sizeof time.seconds, &time.nanos, sizeof time.nanos);
    value->size = sizeof time.seconds + sizeof time.nanos;
}

static void hash_value_of(const struct ps_vector *vector, uint32_t row, struct hash_value *value)
{
    value->bytes = value->fixed;
    switch (vector->type) {
    case PS_TYPE_BOOLEAN:
        value->kind = 'b';
        value->fixed[0] = ((const uint8_t *)vector->values)[row];
        value->size = 1;
        break;
    case PS_TYPE_SHORT:
        hash_number(value, ((const int16_t *)vector->values)[row], 0);
        break;
    case PS_TYPE_INT:
        hash_number(value, ((const int32_t *)vector->values)[row], 0);
        break;
    case PS_TYPE_LONG:
        hash_number(value, ((const int64_t *)vector->values)[row], 0);
        break;
    case PS_TYPE_DECIMAL:
        hash_number(value, ((const ps_int128 *)vector->values)[row], vector->scale);
        break;
    case PS_TYPE_FLOAT:
        hash_double(value, (double)((const float *)vector->values)[row]);
        break;
    case PS_TYPE_DOUBLE:
        hash_double(value, ((const double *)vector->values)[row]);
        break;
    case PS_TYPE_NAIVE_DATE:
        value->kind = 'd';
        memcpy(value->fixed, (const int32_t *)vector->values + row, sizeof(int32_t));
        value->size = sizeof(int32_t);
        break;
    case PS_TYPE_NAIVE_DATETIME:
        hash_timestamp(value, 't', ((const struct ps_timestamp *)vector->values)[row]);
        break;
    case PS_TYPE_UTC_DATETIME:
        hash_timestamp(value, 'u', ((const struct ps_timestamp *)vector->values)[row]);
        break;
    default: {
        size_t size = 0;
        value->kind = vector->type == PS_TYPE_BINARY ? 'x' : 's';
        value->bytes = ps_vector_bytes(vector, row, &size);
        value->size = (uint32_t)size;
    }
    }
}

static bool hash_row(EVP_MD_CTX *context, const struct ps_batch *batch,
                     const struct named_column *order, uint32_t row)
{
    bool good = EVP_DigestInit_ex(context, NULL, NULL) == 1;
    for (uint32_t i = 0; good && i < batch->columns_count; i++) {
        const struct ps_vector *vector = &batch->vectors[order[i].index];
        if (!ps_vector_is_valid(vector, row)) {
            continue;
        }
        struct hash_value value;
        hash_value_of(vector, row, &value);
        uint8_t head[1 + sizeof value.size];
        head[0] = (uint8_t)value.kind;
        memcpy(head + 1, &value.size, sizeof value.size);
        good = EVP_DigestUpdate(context, &order[i].name_size, sizeof order[i].name_size) == 1 &&
               EVP_DigestUpdate(context, order[i].name, order[i].name_size) == 1 &&
               EVP_DigestUpdate(context, head, sizeof head) == 1 &&
               (value.size == 0 || EVP_DigestUpdate(context, value.bytes, value.size) == 1);
    }
    return good;
}

static enum ps_status make_ids(struct duck_packet *packet, struct ps_error *err)
{
    const struct ps_batch *batch = packet->batch;
    if (batch->table->keys_count != 0 || batch->rows == 0) {
        return PS_OK;
    }
    enum ps_status status = PS_OK;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct named_column *order = ps_malloc_array(batch->columns_count, sizeof *order);
    packet->ids = ps_malloc_array(batch->rows, DUCK_ID_SIZE);
    if (context == NULL || order == NULL || packet->ids == NULL) {
        status = ps_fail_nomem(err, "hashing rows");
        goto out;
    }
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        const char *name = batch->table->columns[batch->columns[i]].name;
        order[i] = (struct named_column){name, (uint32_t)strlen(name), i};
    }
    qsort(order, batch->columns_count, sizeof *order, compare_names);
    bool good = EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (uint32_t row = 0; good && row < batch->rows; row++) {
        uint8_t digest[EVP_MAX_MD_SIZE];
        good =
            hash_row(context, batch, order, row) && EVP_DigestFinal_ex(context, digest, NULL) == 1;
        char *out = packet->ids + (size_t)row * DUCK_ID_SIZE;
        for (uint32_t i = 0; good && i < DUCK_ID_SIZE / 2; i++) {
            out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
            out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
        }
    }
    if (!good) {
        status = ps_fail(err, PS_BUG, PS_CLASS_NONE, "hashing rows of %s: SHA-256 is not to be had",
                         batch->table->name);
    }
out:
    ps_free(order);
    EVP_MD_CTX_free(context);
    return status;
}

enum ps_status duck_packet_new(struct ps_batch *batch, struct duck_packet **ret_packet,
                               struct ps_error *err)
{
    struct duck_packet *packet = ps_calloc(1, sizeof *packet);
    if (packet == NULL) {
        ps_batch_release(batch);
        return ps_fail_nomem(err, "making a packet");
    }
    packet->batch = batch;
    enum ps_status status = make_ids(packet, err);
    if (status != PS_OK) {
        duck_packet_free(packet);
        return status;
    }
    packet->base.rows = packet->batch->rows;
    packet->base.bytes = ps_batch_memory(packet->batch) +
                         (packet->ids != NULL ? (size_t)packet->batch->rows * DUCK_ID_SIZE : 0);
    *ret_packet = packet;
    return PS_OK;
}

void duck_packet_free(struct duck_packet *packet)
{
    if (packet == NULL) {
        return;
    }
    ps_batch_release(packet->batch);
    ps_free(packet->ids);
    ps_free(packet);
}
