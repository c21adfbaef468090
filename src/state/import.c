/*
 * Flat documents of names and times. Which names mean which table can only be told once tables are
 * known, so what is taken over is kept as it is until a table has been read by this connector.
 */
#include "state/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

#define IGNORED_PREFIX "preprocessing_"
#define ALL_TABLES "last_updated_at"
#define NEVER ""
#define NAME_MAX_SIZE 1024
/* More digits than that after the point no cursor had. */
#define NUMBER_SCALE 12
#define HOUR INT64_C(3600)
/* Zones reach from 12 hours behind UTC to 14 before it. */
#define ZONE_BEHIND (12 * HOUR)
#define ZONE_AHEAD (14 * HOUR)

/* How a connector names what it keeps of a table, the most telling first. */
static const struct {
    bool with_schema;
    const char *after;
    /* The time is the client's clock when it began to read: it may go wrong, and what was open
     * then is not in it. */
    bool of_clock;
} shapes[] = {
    {false, "_last_updated_at", false},
    {false, "_last_sync", true},
    {true, "", true},
    {false, "", true},
};

static bool begins(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static bool ends(const char *text, const char *suffix)
{
    size_t size = strlen(text), suffix_size = strlen(suffix);
    return size >= suffix_size && strcasecmp(text + size - suffix_size, suffix) == 0;
}

/* A time, or a day, with or without a zone. */
static bool read_time(const char *text, size_t size, struct ps_timestamp *ret_time, bool *ret_zone)
{
    int32_t days;
    if (ps_date_parse(text, size, &days)) {
        *ret_time = (struct ps_timestamp){.seconds = days * 24 * HOUR};
        *ret_zone = false;
        return true;
    }
    return ps_timestamp_parse(text, size, ret_time, ret_zone);
}

/* The times that stand for "never" in these connectors. */
static bool is_never(struct ps_timestamp time)
{
    return time.nanos == 0 && (time.seconds == INT64_C(-2208988800) || /* 1900-01-01 */
                               time.seconds == 0 ||                    /* 1970-01-01 */
                               time.seconds == INT64_C(1577836800));   /* 2020-01-01 */
}

static bool is_number(const char *text, size_t size)
{
    ps_int128 number;
    return ps_decimal_parse(text, size, NUMBER_SCALE, &number);
}

enum kind { KIND_IGNORED, KIND_NEVER, KIND_VALUE, KIND_STRANGE };

/* What a member says. `ret_telling` is set where nobody but such a connector would write it. */
static enum kind kind_of(const struct ps_json *member, bool *ret_telling)
{
    bool named = ends(member->name, ALL_TABLES) || ends(member->name, "_last_sync");
    struct ps_timestamp time;
    bool zone;
    if (begins(member->name, IGNORED_PREFIX)) {
        *ret_telling = true;
        return KIND_IGNORED;
    }
    *ret_telling = *ret_telling || named;
    if (member->kind == PS_JSON_NULL) {
        return KIND_NEVER;
    }
    if (member->kind == PS_JSON_NUMBER) {
        return is_number(member->text, member->text_size) ? KIND_VALUE : KIND_STRANGE;
    }
    if (member->kind != PS_JSON_STRING || strlen(member->text) != member->text_size) {
        return KIND_STRANGE;
    }
    if (read_time(member->text, member->text_size, &time, &zone)) {
        *ret_telling = true;
        return is_never(time) ? KIND_NEVER : KIND_VALUE;
    }
    if (member->text_size == 0) {
        return KIND_NEVER;
    }
    return is_number(member->text, member->text_size) ? KIND_VALUE : KIND_STRANGE;
}

/* Without regard to case first, so that names that differ in it alone are neighbours. */
static int by_name(const void *a, const void *b)
{
    const struct ps_imported *one = a, *two = b;
    int order = strcasecmp(one->name, two->name);
    return order != 0 ? order : strcmp(one->name, two->name);
}

enum ps_status import_take(struct ps_state *state, const struct ps_json *object,
                           struct ps_error *err)
{
    bool telling = false;
    size_t count = 0, values = 0;
    struct ps_imported *imported =
        ps_arena_array(state->arena, object->count + 1, sizeof(*imported));
    if (imported == NULL) {
        return ps_fail_nomem(err, "taking a state over");
    }
    for (const struct ps_json *member = object->first; member != NULL; member = member->next) {
        const enum kind kind = kind_of(member, &telling);
        if (kind != KIND_VALUE && kind != KIND_NEVER) {
            continue;
        }
        struct ps_imported *made = &imported[count++];
        made->name = ps_arena_strdup(state->arena, member->name);
        made->value = kind == KIND_NEVER ? NEVER : ps_arena_strdup(state->arena, member->text);
        if (made->name == NULL || made->value == NULL) {
            return ps_fail_nomem(err, "taking a state over");
        }
        values += kind == KIND_VALUE;
    }
    /* A table's "never" counts before the time of all tables; where nothing has a time, it is a new
     * state. */
    count = values == 0 ? 0 : count;
    if (count > 0) {
        qsort(imported, count, sizeof(*imported), by_name);
    }
    state->imported = imported;
    state->imported_count = count;
    return PS_OK;
}

enum ps_status import_python(struct ps_state *state, const struct ps_json *root, bool *ret_is_one,
                             struct ps_error *err)
{
    bool telling = false;
    *ret_is_one = false;
    if (root->kind != PS_JSON_OBJECT || ps_json_member(root, "penstock") != NULL) {
        return PS_OK;
    }
    for (const struct ps_json *member = root->first; member != NULL; member = member->next) {
        if (kind_of(member, &telling) == KIND_STRANGE) {
            return PS_OK;
        }
    }
    *ret_is_one = telling;
    return telling ? import_take(state, root, err) : PS_OK;
}

/* The entry of that name; one spelt alike before one that differs in case. */
static const struct ps_imported *find(const struct ps_state *state, const char *name)
{
    size_t low = 0, high = state->imported_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcasecmp(state->imported[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct ps_imported *alike = NULL;
    for (; low < state->imported_count && strcasecmp(state->imported[low].name, name) == 0; low++) {
        if (strcmp(state->imported[low].name, name) == 0) {
            return &state->imported[low];
        }
        alike = alike == NULL ? &state->imported[low] : alike;
    }
    return alike;
}

static const struct ps_imported *find_table(const struct ps_state *state, const char *schema,
                                            const char *table, bool *ret_of_clock)
{
    char name[NAME_MAX_SIZE];
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        bool with_schema = shapes[i].with_schema;
        if (with_schema && schema[0] == '\0') {
            continue;
        }
        int size = snprintf(name, sizeof(name), "%s%s%s%s", with_schema ? schema : "",
                            with_schema ? "_" : "", table, shapes[i].after);
        const struct ps_imported *found =
            size > 0 && (size_t)size < sizeof(name) ? find(state, name) : NULL;
        if (found != NULL) {
            *ret_of_clock = shapes[i].of_clock;
            return found;
        }
    }
    *ret_of_clock = false;
    return NULL;
}

const struct ps_imported *ps_state_imported_entry(const struct ps_state *state, const char *schema,
                                                  const char *table)
{
    bool of_clock;
    return find_table(state, schema, table, &of_clock);
}

/*
 * A time for a cursor. Where one has a zone and the other has none, the earliest that it can mean
 * counts: rows that are read twice do no harm.
 */
static bool time_edge(const char *text, enum ps_type type, bool of_clock,
                      struct ps_scalar *ret_edge)
{
    struct ps_timestamp time;
    bool zone;
    if (!read_time(text, strlen(text), &time, &zone)) {
        return false;
    }
    if (zone && type != PS_TYPE_UTC_DATETIME) {
        time = ps_timestamp_add(time, -ZONE_BEHIND);
    } else if (!zone && type == PS_TYPE_UTC_DATETIME) {
        time = ps_timestamp_add(time, -ZONE_AHEAD);
    }
    time = ps_timestamp_add(time, of_clock ? -HOUR : 0);
    *ret_edge = (struct ps_scalar){.type = type, .present = true};
    if (type == PS_TYPE_NAIVE_DATE) {
        int64_t days = time.seconds / (24 * HOUR);
        ret_edge->integer = time.seconds % (24 * HOUR) < 0 ? days - 1 : days;
    } else {
        ret_edge->time = time;
    }
    return true;
}

enum ps_status ps_state_imported_edge(const struct ps_state *state,
                                      const struct ps_imported_cursor *cursor,
                                      struct ps_scalar *ret_edge, struct ps_error *err)
{
    bool of_clock;
    const struct ps_imported *entry = find_table(state, cursor->schema, cursor->table, &of_clock);
    entry = entry != NULL ? entry : find(state, ALL_TABLES);
    if (entry == NULL || strcmp(entry->value, NEVER) == 0) {
        return PS_END;
    }
    bool is_time = cursor->type == PS_TYPE_NAIVE_DATE || cursor->type == PS_TYPE_NAIVE_DATETIME ||
                   cursor->type == PS_TYPE_UTC_DATETIME;
    bool fits = is_time ? time_edge(entry->value, cursor->type, of_clock, ret_edge)
                        : ps_scalar_parse(entry->value, strlen(entry->value), cursor->type,
                                          cursor->scale, ret_edge);
    if (!fits) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "\"%.128s\" in the state that is taken over is `%.64s`, and the cursor "
                       "\"%.128s\" of the table \"%.128s\" has the type %s: set `timestamp_column` "
                       "to the column that it was made from, or take the member out",
                       entry->name, entry->value, cursor->column, cursor->table,
                       ps_type_name(cursor->type));
    }
    return PS_OK;
}
