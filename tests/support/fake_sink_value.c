/*
 * The canonical text of one value, as the fake sink shows rows. Not what any real sink writes.
 */
#include <assert.h>
#include <string.h>

#include "base/buffer.h"
#include "support/fake_sink.h"

void fake_sink_value(struct ps_buffer *out, const struct ps_vector *vector, uint32_t row)
{
    char text[PS_VALUE_TEXT_SIZE];
    size_t size = 0;
    switch (vector->type) {
    case PS_TYPE_BOOLEAN:
        ps_buffer_puts(out, ((const uint8_t *)vector->values)[row] ? "true" : "false");
        return;
    case PS_TYPE_SHORT:
        ps_buffer_printf(out, "%d", ((const int16_t *)vector->values)[row]);
        return;
    case PS_TYPE_INT:
        ps_buffer_printf(out, "%d", ((const int32_t *)vector->values)[row]);
        return;
    case PS_TYPE_LONG:
        ps_buffer_printf(out, "%lld", (long long)((const int64_t *)vector->values)[row]);
        return;
    case PS_TYPE_DECIMAL:
        ps_decimal_format(((const ps_int128 *)vector->values)[row], vector->scale, text);
        ps_buffer_puts(out, text);
        return;
    case PS_TYPE_FLOAT:
        ps_buffer_printf(out, "%.9g", (double)((const float *)vector->values)[row]);
        return;
    case PS_TYPE_DOUBLE:
        ps_buffer_printf(out, "%.17g", ((const double *)vector->values)[row]);
        return;
    case PS_TYPE_NAIVE_DATE:
        ps_date_format(((const int32_t *)vector->values)[row], text);
        ps_buffer_puts(out, text);
        return;
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        ps_timestamp_format(((const struct ps_timestamp *)vector->values)[row],
                            vector->type == PS_TYPE_UTC_DATETIME, text);
        ps_buffer_puts(out, text);
        return;
    case PS_TYPE_BINARY: {
        const uint8_t *bytes = ps_vector_bytes(vector, row, &size);
        for (size_t i = 0; i < size; i++) {
            ps_buffer_printf(out, "%02x", bytes[i]);
        }
        return;
    }
    default: {
        const uint8_t *bytes = ps_vector_bytes(vector, row, &size);
        ps_buffer_append(out, bytes, size);
    }
    }
}

char *fake_sink_cell(const struct ps_vector *vector, uint32_t row)
{
    if (!ps_vector_is_valid(vector, row)) {
        return NULL;
    }
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    fake_sink_value(&text, vector, row);
    char *cell = strdup(ps_buffer_text(&text));
    assert(cell != NULL);
    ps_buffer_done(&text);
    return cell;
}
