/*
 * A read under way, in the document. Of a load: bounds in their order, finished parts as ranges
 * ("0-17,19"), the positions of those that were begun. Of a window: the one position in it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "state/document.h"

static void put_optional(struct ps_json_writer *writer, const char *name, const char *text)
{
    if (text != NULL) {
        ps_json_put_text(writer, name, text);
    }
}

static enum ps_status put_scalar(struct ps_json_writer *writer, const char *name,
                                 const struct ps_scalar *value, struct ps_error *err)
{
    char text[PS_VALUE_TEXT_SIZE];
    if (!value->present) {
        return PS_OK;
    }
    if (!ps_scalar_type_supported(value->type) ||
        !scalar_reads_back(value, text, ps_scalar_format(value, text))) {
        return ps_fail(err, PS_BUG, PS_CLASS_NONE,
                       "a cursor of a read is no value of its type and cannot be kept in the "
                       "state");
    }
    ps_json_put_text(writer, name, text);
    return PS_OK;
}

static enum ps_status put_cursor(struct ps_json_writer *writer, const struct ps_load_state *load,
                                 struct ps_error *err)
{
    if (load->cursor_column == NULL) {
        return PS_OK;
    }
    ps_json_open(writer, "cursor", '{');
    ps_json_put_text(writer, "column", load->cursor_column);
    ps_json_put_text(writer, "type", ps_type_name(load->limit.type));
    ps_json_put_integer(writer, "scale", load->limit.scale);
    enum ps_status status = put_scalar(writer, "limit", &load->limit, err);
    if (status == PS_OK) {
        status = put_scalar(writer, "largest", &load->largest, err);
    }
    if (load->held) {
        ps_json_put_boolean(writer, "held", true);
    }
    ps_json_close(writer, '}');
    return status;
}

/* "0-17,19": the finished parts. */
static enum ps_status put_finished(struct ps_json_writer *writer, const struct ps_load_state *load,
                                   struct ps_error *err)
{
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    for (size_t i = 0; i < load->parts_count; i++) {
        if (!load->parts[i].finished) {
            continue;
        }
        size_t first = i;
        while (i + 1 < load->parts_count && load->parts[i + 1].finished) {
            i++;
        }
        ps_buffer_printf(&text, "%s%zu", text.size == 0 ? "" : ",", first);
        if (i > first) {
            ps_buffer_printf(&text, "-%zu", i);
        }
    }
    bool ok = ps_buffer_ok(&text);
    if (ok && text.size > 0) {
        ps_json_put_text(writer, "finished", ps_buffer_text(&text));
    }
    ps_buffer_done(&text);
    return ok ? PS_OK : ps_fail_nomem(err, "writing the state");
}

static void put_positions(struct ps_json_writer *writer, const struct ps_load_state *load)
{
    bool open = false;
    for (size_t i = 0; i < load->parts_count; i++) {
        const struct ps_load_part *part = &load->parts[i];
        if (part->position == NULL || part->finished) {
            continue;
        }
        char name[24];
        snprintf(name, sizeof(name), "%zu", i);
        if (!open) {
            ps_json_open(writer, "positions", '{');
            open = true;
        }
        ps_json_put_text(writer, name, part->position);
    }
    if (open) {
        ps_json_close(writer, '}');
    }
}

static void put_skipped(struct ps_json_writer *writer, const struct ps_load_state *load)
{
    if (load->skipped > 0) {
        ps_json_put_integer(writer, "skipped", (int64_t)load->skipped);
    }
    if (load->told > 0) {
        ps_json_put_integer(writer, "told", (int64_t)load->told);
    }
}

enum ps_status window_put(struct ps_json_writer *writer, const struct ps_table_state *table,
                          struct ps_error *err)
{
    if (!ps_window_under_way(table)) {
        return PS_OK;
    }
    const struct ps_load_state *window = table->load;
    ps_json_open(writer, "window", '{');
    put_optional(writer, "fingerprint", window->fingerprint);
    put_optional(writer, "incarnation", window->incarnation);
    enum ps_status status = put_cursor(writer, window, err);
    put_skipped(writer, window);
    ps_json_put_text(writer, "position", window->parts[0].position);
    ps_json_close(writer, '}');
    return status;
}

enum ps_status load_put(struct ps_json_writer *writer, const struct ps_table_state *table,
                        struct ps_error *err)
{
    const struct ps_load_state *load = table->load;
    if (load == NULL || !table->loading) {
        return PS_OK;
    }
    ps_json_open(writer, "load", '{');
    put_optional(writer, "fingerprint", load->fingerprint);
    put_optional(writer, "incarnation", load->incarnation);
    put_optional(writer, "mark", load->mark);
    enum ps_status status = put_cursor(writer, load, err);
    if (load->repeats) {
        ps_json_put_boolean(writer, "repeats", true);
    }
    put_skipped(writer, load);
    ps_json_open(writer, "bounds", '[');
    for (size_t i = 0; i < load->parts_count; i++) {
        ps_json_put_text(writer, NULL, load->parts[i].bounds);
    }
    ps_json_close(writer, ']');
    if (status == PS_OK) {
        status = put_finished(writer, load, err);
    }
    put_positions(writer, load);
    ps_json_close(writer, '}');
    return status;
}

static bool is_text(const struct ps_json *member)
{
    return member->kind == PS_JSON_STRING && strlen(member->text) == member->text_size;
}

/* An owned copy of a text member; absent leaves NULL. */
static enum ps_status read_text(const struct reading *reading, const struct ps_json *object,
                                const char *name, char **ret_text, struct ps_error *err)
{
    const struct ps_json *member = ps_json_member(object, name);
    if (reading_is_absent(member)) {
        return PS_OK;
    }
    if (!is_text(member)) {
        return reading_damaged(reading, "a text of \"load\" or \"window\" is none", err);
    }
    *ret_text = ps_strdup(member->text);
    return *ret_text == NULL ? ps_fail_nomem(err, "reading the state") : PS_OK;
}

static bool read_flag(const struct ps_json *object, const char *name, bool *ret_flag)
{
    const struct ps_json *member = ps_json_member(object, name);
    *ret_flag = member != NULL && member->kind == PS_JSON_TRUE;
    return member == NULL || member->kind == PS_JSON_NULL || member->kind == PS_JSON_TRUE ||
           member->kind == PS_JSON_FALSE;
}

static bool read_scalar(const struct ps_json *object, const char *name, struct ps_scalar *value)
{
    const struct ps_json *member = ps_json_member(object, name);
    return reading_is_absent(member) ||
           (member->kind == PS_JSON_STRING &&
            ps_scalar_parse(member->text, member->text_size, value->type, value->scale, value));
}

static enum ps_status read_cursor(const struct reading *reading, const struct ps_json *object,
                                  struct ps_load_state *load, struct ps_error *err)
{
    if (reading_is_absent(object)) {
        return PS_OK;
    }
    int64_t scale = 0;
    enum ps_type type = reading_type(ps_json_string(object, "type", ""));
    enum ps_status status = read_text(reading, object, "column", &load->cursor_column, err);
    if (status != PS_OK) {
        return status;
    }
    bool scaled =
        ps_json_integer(object, "scale", &scale) && scale >= 0 && scale <= PS_DECIMAL_PRECISION_MAX;
    load->limit = load->largest =
        (struct ps_scalar){.type = type, .scale = scaled ? (uint8_t)scale : 0};
    if (load->cursor_column == NULL || !ps_scalar_type_supported(type) || !scaled ||
        !read_scalar(object, "limit", &load->limit) ||
        !read_scalar(object, "largest", &load->largest) ||
        !read_flag(object, "held", &load->held)) {
        return reading_damaged(reading, "the \"cursor\" of \"load\" or \"window\" is none", err);
    }
    return PS_OK;
}

/* A count at *text, moved beyond it; false: there is none, or it is too large. */
static bool take_index(const char **text, size_t limit, size_t *ret_index)
{
    char *end;
    if (**text < '0' || **text > '9') {
        return false;
    }
    unsigned long long value = strtoull(*text, &end, 10);
    *text = end;
    *ret_index = (size_t)value;
    return value < limit;
}

static bool read_finished(const char *text, struct ps_load_state *load)
{
    size_t next = 0; /* ranges rise */
    while (*text != '\0') {
        size_t first, last;
        if (!take_index(&text, load->parts_count, &first)) {
            return false;
        }
        last = first;
        if (*text == '-') {
            text++;
            if (!take_index(&text, load->parts_count, &last)) {
                return false;
            }
        }
        if (first < next || last < first || (*text != ',' && *text != '\0') ||
            (*text == ',' && text[1] == '\0')) {
            return false;
        }
        for (size_t i = first; i <= last; i++) {
            load->parts[i].finished = true;
        }
        next = last + 1;
        text += *text == ',';
    }
    return true;
}

static enum ps_status read_positions(const struct reading *reading, const struct ps_json *object,
                                     struct ps_load_state *load, struct ps_error *err)
{
    if (reading_is_absent(object)) {
        return PS_OK;
    }
    if (object->kind != PS_JSON_OBJECT) {
        return reading_damaged(reading, "\"positions\" of \"load\" is no object", err);
    }
    for (const struct ps_json *member = object->first; member != NULL; member = member->next) {
        const char *name = member->name;
        size_t index = 0;
        if (!take_index(&name, load->parts_count, &index) || *name != '\0' || !is_text(member) ||
            load->parts[index].finished || load->parts[index].position != NULL) {
            return reading_damaged(reading, "\"positions\" does not fit the \"load\"", err);
        }
        load->parts[index].position = ps_strdup(member->text);
        if (load->parts[index].position == NULL) {
            return ps_fail_nomem(err, "reading the state");
        }
    }
    return PS_OK;
}

static enum ps_status read_bounds(const struct reading *reading, const struct ps_json *bounds,
                                  struct ps_load_state *load, struct ps_error *err)
{
    size_t at = 0;
    for (const struct ps_json *text = bounds->first; text != NULL; text = text->next) {
        if (!is_text(text)) {
            return reading_damaged(reading, "\"bounds\" of \"load\" holds what is no text", err);
        }
        load->parts[at].bounds = ps_strdup(text->text);
        if (load->parts[at++].bounds == NULL) {
            return ps_fail_nomem(err, "reading the state");
        }
    }
    return PS_OK;
}

static bool read_count(const struct ps_json *object, const char *name, uint64_t *ret_count)
{
    int64_t count = 0;
    if (!reading_is_absent(ps_json_member(object, name)) &&
        (!ps_json_integer(object, name, &count) || count < 0)) {
        return false;
    }
    *ret_count = (uint64_t)count;
    return true;
}

static bool read_skipped(const struct ps_json *object, struct ps_load_state *load)
{
    return read_count(object, "skipped", &load->skipped) &&
           read_count(object, "told", &load->told) && load->told <= load->skipped;
}

/* What must be there again. */
static enum ps_status read_begun_with(const struct reading *reading, const struct ps_json *object,
                                      struct ps_load_state *load, struct ps_error *err)
{
    enum ps_status status = read_text(reading, object, "fingerprint", &load->fingerprint, err);
    if (status == PS_OK) {
        status = read_text(reading, object, "incarnation", &load->incarnation, err);
    }
    return status == PS_OK ? read_cursor(reading, ps_json_member(object, "cursor"), load, err)
                           : status;
}

static enum ps_status read_members(const struct reading *reading, const struct ps_json *object,
                                   struct ps_load_state *load, struct ps_error *err)
{
    enum ps_status status = read_bounds(reading, ps_json_member(object, "bounds"), load, err);
    if (status == PS_OK) {
        status = read_text(reading, object, "mark", &load->mark, err);
    }
    if (status == PS_OK) {
        status = read_begun_with(reading, object, load, err);
    }
    if (status != PS_OK) {
        return status;
    }
    const struct ps_json *finished = ps_json_member(object, "finished");
    if (!read_skipped(object, load) || !read_flag(object, "repeats", &load->repeats) ||
        (!reading_is_absent(finished) &&
         (!is_text(finished) || !read_finished(finished->text, load)))) {
        return reading_damaged(reading, "\"load\" does not hold together", err);
    }
    return read_positions(reading, ps_json_member(object, "positions"), load, err);
}

enum ps_status load_read(const struct reading *reading, const struct ps_json *object,
                         struct ps_table_state *table, struct ps_error *err)
{
    if (reading_is_absent(object)) {
        return PS_OK;
    }
    const struct ps_json *bounds = ps_json_member(object, "bounds");
    if (object->kind != PS_JSON_OBJECT || reading_is_absent(bounds) ||
        bounds->kind != PS_JSON_ARRAY || bounds->count == 0 || !table->loading) {
        return reading_damaged(reading, "\"load\" is no load under way", err);
    }
    struct ps_load_state *load = NULL;
    enum ps_status status = ps_load_new(bounds->count, &load, err);
    if (status == PS_OK) {
        status = read_members(reading, object, load, err);
    }
    if (status == PS_OK) {
        ps_load_keep(table, load);
    } else {
        ps_load_free(load);
    }
    return status;
}

enum ps_status window_read(const struct reading *reading, const struct ps_json *object,
                           struct ps_table_state *table, struct ps_error *err)
{
    struct ps_load_state *window = NULL;
    if (reading_is_absent(object)) {
        return PS_OK;
    }
    if (object->kind != PS_JSON_OBJECT || table->loading) {
        return reading_damaged(reading, "\"window\" is no window under way", err);
    }
    enum ps_status status = ps_load_new(1, &window, err);
    if (status != PS_OK) {
        return status;
    }
    struct ps_load_part *part = &window->parts[0];
    status = read_begun_with(reading, object, window, err);
    if (status == PS_OK) {
        status = read_text(reading, object, "position", &part->position, err);
    }
    if (status == PS_OK && (part->position == NULL || window->cursor_column == NULL ||
                            !read_skipped(object, window))) {
        status = reading_damaged(reading, "\"window\" does not hold together", err);
    }
    if (status == PS_OK && (part->bounds = ps_strdup("")) == NULL) {
        status = ps_fail_nomem(err, "reading the state");
    }
    if (status == PS_OK) {
        ps_load_keep(table, window);
    } else {
        ps_load_free(window);
    }
    return status;
}
