/*
 * The list of breaches and the sentence for each kind. See breach.h.
 */
#include "tester/breach.h"

#include <string.h>

#include "base/alloc.h"
#include "base/random.h"

static const struct {
    const char *name, *text;
} kinds[BREACHES] = {
    [BREACH_RECORDS_COUNT] = {"records_count", "a message holds more than 100 records"},
    [BREACH_KEY_MISSING] = {"key_missing", "a record lacks a key column"},
    [BREACH_KEY_NULL] = {"key_null", "a key column is NULL"},
    [BREACH_COLUMN_MISSING] = {"column_missing",
                               "an UPSERT lacks a declared column, which becomes NULL; send NULL, "
                               "or an UPDATE"},
    [BREACH_NO_KEY] = {"no_key", "an UPDATE or DELETE of a table without a primary key"},
    [BREACH_COLUMN_UNDECLARED] = {"column_undeclared",
                                  "a column that neither Schema nor a schema_change declared"},
    [BREACH_DECLARED_TWICE] = {"declared_twice",
                               "a table or column is declared twice in one message"},
    [BREACH_TYPE_DIFFERS] = {"type_differs", "a value of another type than its column's"},
    [BREACH_SHORT_RANGE] = {"short_range", "a SHORT outside -32768 to 32767"},
    [BREACH_NAIVE_TIME] = {"naive_time",
                           "NAIVE_TIME, which a source must not use; send times as STRING"},
    [BREACH_TABLE_UNKNOWN] = {"table_unknown", "records of a table before it was declared"},
    [BREACH_NO_CHECKPOINT] = {"no_checkpoint",
                              "the stream ended without a checkpoint after its last operations"},
    [BREACH_PLATFORM_COLUMN] = {"platform_column",
                                "a column whose name the platform keeps for itself; it is left "
                                "out"},
    [BREACH_TIME_RANGE] = {"time_range",
                           "a time outside the years 0001 to 9999, or nanos outside 0 to "
                           "999999999; the row is skipped"},
    [BREACH_DATE_NOT_MIDNIGHT] = {"date_not_midnight", "a NAIVE_DATE that is not midnight UTC"},
    [BREACH_DECIMAL_INVALID] = {"decimal_invalid",
                                "a DECIMAL whose text is no number; the row is skipped"},
    [BREACH_DECIMAL_PRECISION] = {"decimal_precision", "a DECIMAL of more than 38 digits"},
    [BREACH_DECIMAL_RANGE] = {"decimal_range",
                              "a DECIMAL beyond the precision and scale that its column declares; "
                              "the column is widened"},
    [BREACH_TYPE_UNKNOWN] = {"type_unknown",
                             "a column is declared with a data type that does not exist; the "
                             "values decide"},
    [BREACH_JSON_INVALID] = {"json_invalid", "a JSON value that is no JSON; the row is skipped"},
    [BREACH_XML_INVALID] = {"xml_invalid", "an XML value that is not well-formed"},
    [BREACH_TEXT_INVALID] = {"text_invalid", "a text that is not UTF-8; the row is skipped"},
    [BREACH_VALUE_EMPTY] = {"value_empty", "a ValueType with nothing set; it is taken as NULL"},
    [BREACH_NAME_INVALID] = {"name_invalid",
                             "a name that is empty, not UTF-8, holds U+0000 or has more than "
                             "1,000 bytes"},
    [BREACH_NAME_CASE] = {"name_case",
                          "two names that differ by case alone; at the destination they are one"},
    [BREACH_TABLE_UNNAMED] = {"table_unnamed", "a record without a table's name; it is skipped"},
    [BREACH_SCHEMA_MIXED] = {"schema_mixed",
                             "with_schema and without_schema are mixed: records must name a "
                             "schema exactly where Schema does"},
    [BREACH_SCHEMA_EMPTY] = {"schema_empty",
                             "Schema's answer has nothing set: it must give tables, or say that it "
                             "is not supported (schema_response_not_supported)"},
    [BREACH_RECORD_TYPE] = {"record_type", "a record type that does not exist; it is skipped"},
    [BREACH_OPERATION_EMPTY] = {"operation_empty", "a message without any operation known here"},
    [BREACH_STATE_SIZE] = {"state_size", "a state of more than 10 MB"},
    [BREACH_STATE_JSON] = {"state_json", "a state that is no JSON"},
    [BREACH_MESSAGE_SIZE] = {"message_size", "a message of more than 128 MiB"},
    [BREACH_FILE_SIZE] = {"file_size", "a file whose size is not the one announced"},
    [BREACH_FILE_UNFINISHED] = {"file_unfinished",
                                "a file whose last chunk (is_last) never came before another "
                                "file, a checkpoint or the end"},
    [BREACH_FILE_PATH] = {"file_path",
                          "a file whose path leads out of its folder or is no path; it is skipped"},
};

const char *breach_kind_name(enum breach_kind kind)
{
    return kinds[kind].name;
}

void breaches_done(struct breaches *breaches)
{
    ps_free(breaches->list);
    *breaches = (struct breaches){0};
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return ps_hash64(hash ^ (text == NULL ? 0 : ps_hash_bytes(text, strlen(text))));
}

static bool is_at(const struct ps_tester_breach *breach, enum breach_kind kind,
                  const struct breach_place *place)
{
    return breach->kind == kind && same_text(breach->table, place->table) &&
           same_text(breach->schema, place->schema);
}

/* Where it is, or would be, among the places. */
static uint16_t *find(struct breaches *breaches, enum breach_kind kind,
                      const struct breach_place *place)
{
    uint64_t hash =
        hash_text(hash_text(hash_text(kind, place->schema), place->table), place->column);
    for (;; hash++) {
        uint16_t *at = &breaches->places[hash % BREACH_PLACES];
        if (*at == 0 || (is_at(&breaches->list[*at - 1], kind, place) &&
                         same_text(breaches->list[*at - 1].column, place->column))) {
            return at;
        }
    }
}

/* As many columns of its table are named for its kind as may be. */
static bool is_full(const struct breaches *breaches, enum breach_kind kind,
                    const struct breach_place *place)
{
    size_t named = 0;
    for (size_t i = 0; i < breaches->count; i++) {
        named += breaches->list[i].column != NULL && is_at(&breaches->list[i], kind, place);
    }
    return named >= BREACH_COLUMNS_MAX;
}

static bool reserve(struct breaches *breaches)
{
    if (breaches->count < breaches->capacity) {
        return true;
    }
    size_t capacity = breaches->capacity == 0 ? 16 : 2 * breaches->capacity;
    struct ps_tester_breach *list = ps_realloc(breaches->list, capacity * sizeof *list);
    if (list == NULL) {
        return false;
    }
    breaches->list = list;
    breaches->capacity = capacity;
    return true;
}

static const char *copy(struct breaches *breaches, const char *text)
{
    char *copied = text == NULL ? NULL : ps_arena_strdup(breaches->arena, text);
    breaches->failed = breaches->failed || (text != NULL && copied == NULL);
    return copied;
}

static bool add_new(struct breaches *breaches, enum breach_kind kind,
                    const struct breach_place *place, const char *detail)
{
    if (!reserve(breaches)) {
        breaches->failed = true;
        return false;
    }
    struct ps_tester_breach breach = {
        .kind = kind,
        .schema = copy(breaches, place->schema),
        .table = copy(breaches, place->table),
        .column = copy(breaches, place->column),
        .message = kinds[kind].text,
        .count = 1,
    };
    if (detail != NULL) {
        breach.message = ps_arena_printf(breaches->arena, "%s (%s)", kinds[kind].text, detail);
    }
    if (breach.message == NULL || breaches->failed) {
        breaches->failed = true;
        return false;
    }
    breaches->list[breaches->count++] = breach;
    if (breaches->tell != NULL) {
        breaches->tell(breaches->context, &breach);
    }
    return true;
}

/* Where one of a column that is not named is counted: at its table, once as many columns are named
 * as may be. */
static uint16_t *find_others(struct breaches *breaches, enum breach_kind kind,
                             const struct breach_place *place, const struct breach_place *table)
{
    uint16_t *at = find(breaches, kind, table);
    bool others = *at != 0 && breaches->list[*at - 1].others;
    return others || is_full(breaches, kind, place) ? at : NULL;
}

void breach_add(struct breaches *breaches, enum breach_kind kind, const struct breach_place *place,
                const char *detail)
{
    const struct breach_place table = {.schema = place->schema, .table = place->table};
    uint16_t *at = find(breaches, kind, place), *others = NULL;
    if (*at == 0 && place->column != NULL) {
        others = find_others(breaches, kind, place, &table);
    }
    if (others != NULL) {
        at = others;
        place = &table;
        detail = "in other columns as well";
    }
    breaches->total++;
    if (*at != 0) {
        breaches->list[*at - 1].count++;
    } else if (breaches->count < BREACHES_MAX && add_new(breaches, kind, place, detail)) {
        *at = (uint16_t)breaches->count;
    }
    if (*at != 0 && others != NULL) {
        breaches->list[*at - 1].others = true;
    }
}
