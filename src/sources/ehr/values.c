/*
 * The makers of values: each puts one value into the batch, from the row and a hash.
 */
#include "values.h"

#include <assert.h>
#include <float.h>

#include "base/random.h"

#define RARE 509 /* one value in so many is an extreme one */

static bool is_rare(uint64_t hash)
{
    return ps_hash64(hash) % RARE == 0;
}

static void put_integer(const struct ehr_row *row, const struct ehr_column *column, int64_t value,
                        uint32_t at)
{
    switch (column->type) {
    case PS_TYPE_SHORT:
        ps_batch_put_short(row->batch, at, (int16_t)value);
        break;
    case PS_TYPE_INT:
        ps_batch_put_int(row->batch, at, (int32_t)value);
        break;
    default:
        assert(column->type == PS_TYPE_LONG);
        ps_batch_put_long(row->batch, at, value);
        break;
    }
}

static bool put_bytes(struct ehr_row *row, const void *bytes, size_t size, uint32_t at)
{
    if (row->value_bytes_max != 0 && size > row->value_bytes_max) {
        row->bad_reason = "the value is larger than max_value_bytes";
        return false;
    }
    return ps_batch_put_bytes(row->batch, at, bytes, size);
}

static bool put_text(struct ehr_row *row, uint32_t at)
{
    return put_bytes(row, row->text.bytes, row->text.size, at);
}

static int64_t between(const struct ehr_column *column, uint64_t hash)
{
    return column->low + ehr_pick(hash, column->high - column->low + 1);
}

bool make_key(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    (void)hash;
    put_integer(row, column, row->index + 1, at);
    return true;
}

bool make_line(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    (void)hash;
    put_integer(row, column, row->index % column->low + column->high, at);
    return true;
}

bool make_durable_key(struct ehr_row *row, const struct ehr_column *column, uint64_t hash,
                      uint32_t at)
{
    (void)hash;
    /* An odd factor permutes the numbers below 2^48, so that the keys stay unique. */
    uint64_t mixed = (uint64_t)row->index * UINT64_C(0x5deece66d) & UINT64_C(0xffffffffffff);
    put_integer(row, column, (int64_t)mixed, at);
    return true;
}

bool make_patient_key(struct ehr_row *row, const struct ehr_column *column, uint64_t hash,
                      uint32_t at)
{
    (void)hash;
    put_integer(row, column, row->patient + 1, at);
    return true;
}

bool make_encounter_key(struct ehr_row *row, const struct ehr_column *column, uint64_t hash,
                        uint32_t at)
{
    (void)hash;
    put_integer(row, column, row->encounter + 1, at);
    return true;
}

static int64_t some_row(const struct ehr_row *row, enum ehr_table_id table, uint64_t hash)
{
    return ehr_pick(hash, hospital_rows(row->hospital, table, row->life.created));
}

bool make_provider_key(struct ehr_row *row, const struct ehr_column *column, uint64_t hash,
                       uint32_t at)
{
    put_integer(row, column, some_row(row, EHR_PROVIDER, hash) + 1, at);
    return true;
}

bool make_department_key(struct ehr_row *row, const struct ehr_column *column, uint64_t hash,
                         uint32_t at)
{
    put_integer(row, column, some_row(row, EHR_DEPARTMENT, hash) + 1, at);
    return true;
}

bool make_epic_id(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    (void)hash;
    text_clear(&row->text);
    text_puts(&row->text, column->choices[0]);
    text_digits(&row->text, row->index + 1, (int)column->low);
    return put_text(row, at);
}

bool make_case_number(struct ehr_row *row, const struct ehr_column *column, uint64_t hash,
                      uint32_t at)
{
    (void)column;
    (void)hash;
    ps_batch_put_decimal(row->batch, at, (ps_int128)100000000 + row->index);
    return true;
}

bool make_updated(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    (void)column;
    (void)hash;
    ps_batch_put_timestamp(row->batch, at, row_updated(row->table, &row->life));
    return true;
}

bool make_deleted(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    if (!row->life.deleted && column->low != 0 && ehr_pick(hash, 1000) < column->low) {
        ps_batch_put_null(row->batch, at);
    } else if (column->type == PS_TYPE_BOOLEAN) {
        ps_batch_put_bool(row->batch, at, row->life.deleted);
    } else {
        put_integer(row, column, row->life.deleted, at);
    }
    return true;
}

bool make_boolean(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    ps_batch_put_bool(row->batch, at, ehr_pick(hash, 100) < column->low);
    return true;
}

bool make_integer(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    put_integer(row, column, between(column, hash), at);
    return true;
}

bool make_any_integer(struct ehr_row *row, const struct ehr_column *column, uint64_t hash,
                      uint32_t at)
{
    if (!is_rare(hash)) {
        return make_integer(row, column, hash, at);
    }
    bool least = (hash & 1) != 0;
    switch (column->type) {
    case PS_TYPE_SHORT:
        ps_batch_put_short(row->batch, at, least ? INT16_MIN : INT16_MAX);
        break;
    case PS_TYPE_INT:
        ps_batch_put_int(row->batch, at, least ? INT32_MIN : INT32_MAX);
        break;
    default:
        ps_batch_put_long(row->batch, at, least ? INT64_MIN : INT64_MAX);
        break;
    }
    return true;
}

bool make_decimal(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    ps_batch_put_decimal(row->batch, at, between(column, hash));
    return true;
}

bool make_any_decimal(struct ehr_row *row, const struct ehr_column *column, uint64_t hash,
                      uint32_t at)
{
    ps_int128 limit = 1;
    for (unsigned digit = 0; digit < column->precision; digit++) {
        limit *= 10;
    }
    ps_int128 value = limit - 1;
    if (!is_rare(hash)) {
        /* Numbers of every length: the limit's digits are cut off at a random place. */
        ps_uint128 wide = (ps_uint128)ps_hash64(hash + 1) << 64 | ps_hash64(hash + 2);
        for (int64_t cut = ehr_pick(hash, column->precision); cut > 0; cut--) {
            limit /= 10;
        }
        assert(limit > 0); /* fewer digits were cut off than there are */
        value = (ps_int128)(wide % (ps_uint128)limit);
    }
    ps_batch_put_decimal(row->batch, at, (hash & 1) != 0 ? -value : value);
    return true;
}

static void put_real(const struct ehr_row *row, const struct ehr_column *column, double value,
                     uint32_t at)
{
    if (column->type == PS_TYPE_FLOAT) {
        ps_batch_put_float(row->batch, at, (float)value);
    } else {
        ps_batch_put_double(row->batch, at, value);
    }
}

bool make_real(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    int64_t thousandths =
        column->low * 1000 + ehr_pick(hash, (column->high - column->low) * 1000 + 1);
    put_real(row, column, (double)thousandths / 1000, at);
    return true;
}

bool make_any_real(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    bool wide = column->type == PS_TYPE_DOUBLE;
    if (!is_rare(hash)) {
        return make_real(row, column, hash, at);
    }
    switch (hash % 4) {
    case 0:
        put_real(row, column, -0.0, at);
        break;
    case 1:
        put_real(row, column, wide ? DBL_TRUE_MIN : (double)FLT_TRUE_MIN, at);
        break;
    case 2:
        put_real(row, column, wide ? -DBL_MAX : -(double)FLT_MAX, at);
        break;
    default:
        put_real(row, column, 1.0 / 3, at);
        break;
    }
    return true;
}

bool make_date(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    int64_t days = EHR_DAY_ZERO / EHR_DAY_SECONDS + between(column, hash);
    if (is_rare(hash)) {
        days = (hash & 1) != 0 ? PS_DATE_DAYS_MIN : PS_DATE_DAYS_MAX;
    }
    ps_batch_put_date(row->batch, at, (int32_t)days);
    return true;
}

static struct ps_timestamp instant_of(const struct ehr_row *row, const struct ehr_column *column,
                                      uint64_t hash)
{
    int64_t start = row->encounter >= 0 ? row->admission : EHR_DAY_ZERO;
    return (struct ps_timestamp){
        .seconds = start + between(column, hash),
        .nanos = (int32_t)ehr_pick(ps_hash64(hash + 1), 1000000000),
    };
}

bool make_instant(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    struct ps_timestamp instant = instant_of(row, column, hash);
    instant.nanos -= instant.nanos % 100;
    ps_batch_put_timestamp(row->batch, at, instant);
    return true;
}

bool make_any_instant(struct ehr_row *row, const struct ehr_column *column, uint64_t hash,
                      uint32_t at)
{
    struct ps_timestamp instant = instant_of(row, column, hash);
    if (is_rare(hash)) {
        instant = (hash & 1) != 0 ? (struct ps_timestamp){.seconds = PS_TIMESTAMP_SECONDS_MIN}
                                  : (struct ps_timestamp){PS_TIMESTAMP_SECONDS_MAX, 999999900};
    }
    ps_batch_put_timestamp(row->batch, at, instant);
    return true;
}

bool make_choice(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    const char *choice = text_choice(column->choices, hash);
    return put_bytes(row, choice, strlen(choice), at);
}

bool make_person(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    (void)column;
    text_clear(&row->text);
    text_person(&row->text, hash);
    return put_text(row, at);
}

bool make_email(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    (void)column;
    text_clear(&row->text);
    if (hash % 10 != 0) {
        text_puts(&row->text, "patient");
        text_number(&row->text, (int64_t)(hash >> 44));
        text_puts(&row->text, "@example.org");
    }
    return put_text(row, at);
}

bool make_note(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    (void)column;
    int64_t characters = 0; /* an empty note now and then */
    if (hash % 200 == 0) {
        characters = 20000 + ehr_pick(hash, EHR_NOTE_MAX - 20000);
    } else if (hash % 50 != 1) {
        characters = 100 + ehr_pick(hash, 1500);
    }
    text_clear(&row->text);
    text_note(&row->text, hash, characters);
    return put_text(row, at);
}

bool make_json(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    (void)column;
    text_clear(&row->text);
    text_json(&row->text, hash);
    return put_text(row, at);
}

bool make_xml(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    (void)column;
    text_clear(&row->text);
    text_xml(&row->text, hash);
    return put_text(row, at);
}

bool make_bytes(struct ehr_row *row, const struct ehr_column *column, uint64_t hash, uint32_t at)
{
    int64_t size = between(column, hash);
    text_clear(&row->text);
    for (int64_t i = 0; i < size; i += 8) {
        hash = ps_hash64(hash);
        for (int64_t byte = i; byte < size && byte < i + 8; byte++) {
            text_putc(&row->text, (char)(hash >> (byte - i) * 8 & 0xff));
        }
    }
    return put_text(row, at);
}
