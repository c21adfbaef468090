/*
 * Edges of cursor windows: pure functions over scalars.
 */
#include "engine/window.h"

#include <string.h>

#define SECONDS_A_DAY 86400

static bool is_time(enum ps_type type)
{
    return type == PS_TYPE_NAIVE_DATETIME || type == PS_TYPE_UTC_DATETIME;
}

/* The least value that the column can have: what is below it is no literal of its type. */
static ps_int128 least(const struct ps_column *cursor, const struct ps_scalar *edge)
{
    ps_int128 power = 1;
    switch (edge->type) {
    case PS_TYPE_SHORT:
        return INT16_MIN;
    case PS_TYPE_INT:
        return INT32_MIN;
    case PS_TYPE_LONG:
        return INT64_MIN;
    case PS_TYPE_NAIVE_DATE:
        return PS_DATE_DAYS_MIN;
    default:
        for (uint8_t i = 0; i < cursor->precision; i++) {
            power *= 10;
        }
        return 1 - power;
    }
}

struct ps_scalar window_lower(const struct ps_column *cursor, const struct ps_scalar *edge,
                              int64_t lookback_seconds)
{
    struct ps_scalar lower = *edge;
    if (!edge->present || lookback_seconds == 0 || cursor->counter) {
        return lower;
    }
    if (is_time(edge->type)) {
        lower.time = ps_timestamp_add(edge->time, -lookback_seconds);
    } else if (edge->type == PS_TYPE_NAIVE_DATE) {
        lower.integer -= (lookback_seconds + SECONDS_A_DAY - 1) / SECONDS_A_DAY;
    } else {
        ps_int128 unit = 1;
        for (uint8_t i = 0; i < edge->scale; i++) {
            unit *= 10;
        }
        /* A decimal of many digits has no room below for whole numbers: its edge stands. */
        if (edge->scale <= 30) {
            lower.integer -= WINDOW_NUMBERS_LOOKED_BACK * unit;
        }
    }
    /* An edge that lies there already stands. */
    if (!is_time(edge->type) && lower.integer < least(cursor, edge)) {
        const ps_int128 bound = least(cursor, edge);
        lower.integer = bound < edge->integer ? bound : edge->integer;
    }
    return lower;
}

static int64_t floor_days(int64_t seconds)
{
    return seconds >= 0 ? seconds / SECONDS_A_DAY
                        : -((-seconds + SECONDS_A_DAY - 1) / SECONDS_A_DAY);
}

struct ps_scalar window_limit(const struct ps_column *cursor, const struct ps_now *now)
{
    enum ps_type type = cursor->type;
    struct ps_scalar limit = {.type = type, .scale = cursor->scale};
    if (cursor->counter) {
        return now->counter.present ? now->counter : limit;
    }
    if (type == PS_TYPE_UTC_DATETIME) {
        limit.present = true;
        limit.time = now->horizon_known ? now->horizon_utc : now->utc;
    } else if (type == PS_TYPE_NAIVE_DATETIME) {
        limit.present = true;
        limit.time = now->horizon_known ? now->horizon_local : now->local;
    } else if (type == PS_TYPE_NAIVE_DATE) {
        limit.present = true;
        limit.integer = floor_days((now->horizon_known ? now->horizon_local : now->local).seconds);
    }
    return limit;
}

bool window_held(const struct ps_column *cursor, const struct ps_now *now)
{
    /* Transactions that are prepared have a number like any other. */
    return cursor->counter ? !now->counter.present : now->held;
}

struct ps_scalar window_earlier_limit(const struct ps_scalar *limit, const struct ps_scalar *other)
{
    bool earlier = limit->present && other->present && ps_scalar_compare(other, limit) < 0;
    return earlier ? *other : *limit;
}

struct ps_scalar window_next_edge(const struct ps_scalar *limit, bool held,
                                  const struct ps_scalar *largest, const struct ps_scalar *previous)
{
    if (held) {
        return *previous; /* kept before that transaction could begin */
    }
    struct ps_scalar edge = *previous;
    if (largest->present && (!edge.present || ps_scalar_compare(largest, &edge) > 0)) {
        edge = *largest;
    }
    if (!edge.present) {
        /* Nothing was seen yet: rows may still come with times of long ago, as those of a table
         * that is filled again after a truncate. Reading all of it costs what it holds. */
        return edge;
    }
    /* Also where the edge kept last lies beyond the limit: it may stem from a read to which the
     * horizon was not visible, and a transaction that was open then can still be. */
    if (limit->present && ps_scalar_compare(&edge, limit) > 0) {
        edge = *limit;
    }
    return edge;
}

static const uint8_t *counter_at(const struct ps_vector *vector, uint32_t row)
{
    return (const uint8_t *)vector->bytes + vector->offsets[row];
}

/* The index of the row with the largest value, or -1. */
static int64_t largest_row(const struct ps_vector *vector, uint32_t rows)
{
    int64_t best = -1;
    for (uint32_t i = 0; i < rows; i++) {
        if (!ps_vector_is_valid(vector, i)) {
            continue;
        }
        bool larger = best < 0;
        switch (larger ? PS_TYPE_UNSPECIFIED : vector->type) {
        case PS_TYPE_SHORT:
            larger = ((int16_t *)vector->values)[i] > ((int16_t *)vector->values)[best];
            break;
        case PS_TYPE_INT:
        case PS_TYPE_NAIVE_DATE:
            larger = ((int32_t *)vector->values)[i] > ((int32_t *)vector->values)[best];
            break;
        case PS_TYPE_LONG:
            larger = ((int64_t *)vector->values)[i] > ((int64_t *)vector->values)[best];
            break;
        case PS_TYPE_DECIMAL:
            larger = ((ps_int128 *)vector->values)[i] > ((ps_int128 *)vector->values)[best];
            break;
        case PS_TYPE_NAIVE_DATETIME:
        case PS_TYPE_UTC_DATETIME:
            larger = ps_timestamp_compare(((struct ps_timestamp *)vector->values)[i],
                                          ((struct ps_timestamp *)vector->values)[best]) > 0;
            break;
        case PS_TYPE_BINARY:
            larger = memcmp(counter_at(vector, i), counter_at(vector, (uint32_t)best),
                            PS_COUNTER_BYTES) > 0;
            break;
        default:
            break;
        }
        if (larger) {
            best = i;
        }
    }
    return best;
}

void window_observe(const struct ps_batch *batch, uint32_t column, struct ps_scalar *largest)
{
    const struct ps_vector *vector = &batch->vectors[column];
    int64_t row = largest_row(vector, batch->rows);
    if (row < 0) {
        return;
    }
    struct ps_scalar value = ps_vector_scalar(vector, (uint32_t)row);
    if (!largest->present || ps_scalar_compare(&value, largest) > 0) {
        *largest = value;
    }
}
