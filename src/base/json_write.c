/*
 * The JSON writer (base/json.h). What it writes, ps_json_parse reads.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

void ps_json_writer_init(struct ps_json_writer *writer, struct ps_buffer *out, bool pretty)
{
    *writer = (struct ps_json_writer){.out = out, .pretty = pretty};
}

static void put_escaped(struct ps_buffer *out, uint8_t byte)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *known = byte == '\0' ? NULL : strchr(from, byte);
    if (known != NULL) {
        ps_buffer_putc(out, '\\');
        ps_buffer_putc(out, to[known - from]);
    } else {
        ps_buffer_printf(out, "\\u%04x", byte);
    }
}

static void put_string(struct ps_buffer *out, const char *text, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t plain = 0; /* what is before it has been written */
    ps_buffer_putc(out, '"');
    for (size_t i = 0; i < size;) {
        uint8_t byte = bytes[i];
        size_t length = byte < 0x80 ? 1 : ps_utf8_length(bytes + i, size - i);
        if (length != 0 && byte >= 0x20 && byte != '"' && byte != '\\') {
            i += length;
            continue;
        }
        ps_buffer_append(out, text + plain, i - plain);
        if (length == 0) {
            ps_buffer_puts(out, "\xEF\xBF\xBD"); /* U+FFFD */
        } else {
            put_escaped(out, byte);
        }
        plain = ++i;
    }
    ps_buffer_append(out, text + plain, size - plain);
    ps_buffer_putc(out, '"');
}

static void put_break(struct ps_json_writer *writer)
{
    ps_buffer_putc(writer->out, '\n');
    for (uint32_t i = 0; i < writer->depth; i++) {
        ps_buffer_puts(writer->out, "  ");
    }
}

/* All that comes before a value. */
static void put_lead(struct ps_json_writer *writer, const char *name)
{
    if (writer->comma) {
        ps_buffer_putc(writer->out, ',');
    }
    if (writer->pretty && writer->depth > 0) {
        put_break(writer);
    }
    if (name != NULL) {
        put_string(writer->out, name, strlen(name));
        ps_buffer_puts(writer->out, writer->pretty ? ": " : ":");
    }
    writer->comma = true;
}

void ps_json_open(struct ps_json_writer *writer, const char *name, char bracket)
{
    put_lead(writer, name);
    ps_buffer_putc(writer->out, bracket);
    writer->depth++;
    writer->comma = false;
}

void ps_json_close(struct ps_json_writer *writer, char bracket)
{
    assert(writer->depth > 0);
    writer->depth--;
    /* With a comma due, something is between the brackets. */
    if (writer->pretty && writer->comma) {
        put_break(writer);
    }
    ps_buffer_putc(writer->out, bracket);
    writer->comma = true;
}

void ps_json_put_text(struct ps_json_writer *writer, const char *name, const char *text)
{
    ps_json_put_text_sized(writer, name, text, strlen(text));
}

void ps_json_put_text_sized(struct ps_json_writer *writer, const char *name, const char *text,
                            size_t size)
{
    put_lead(writer, name);
    put_string(writer->out, text, size);
}

void ps_json_put_integer(struct ps_json_writer *writer, const char *name, int64_t value)
{
    put_lead(writer, name);
    ps_buffer_printf(writer->out, "%lld", (long long)value);
}

void ps_json_put_number(struct ps_json_writer *writer, const char *name, double value, int decimals)
{
    put_lead(writer, name);
    if (!isfinite(value)) {
        ps_buffer_puts(writer->out, "null"); /* JSON has no word for it. */
        return;
    }
    char text[400]; /* 309 digits before the point, and some after it */
    int length = snprintf(text, sizeof(text), "%.*f", decimals > 64 ? 64 : decimals, value);
    for (int i = 0; i < length; i++) {
        if ((text[i] < '0' || text[i] > '9') && text[i] != '-') {
            text[i] = '.'; /* A locale may have put a comma. */
        }
    }
    ps_buffer_append(writer->out, text, (size_t)length);
}

void ps_json_put_boolean(struct ps_json_writer *writer, const char *name, bool value)
{
    put_lead(writer, name);
    ps_buffer_puts(writer->out, value ? "true" : "false");
}

void ps_json_put_null(struct ps_json_writer *writer, const char *name)
{
    put_lead(writer, name);
    ps_buffer_puts(writer->out, "null");
}

void ps_json_put_raw(struct ps_json_writer *writer, const char *name, const char *json)
{
    put_lead(writer, name);
    ps_buffer_puts(writer->out, json);
}
