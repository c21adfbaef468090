/*
 * Reads the state document; see docs/state-format.md. What it refuses it refuses by name, since a
 * state taken for another one would lose rows without a word.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "state/checksum.h"
#include "state/document.h"
#include "state/import.h"

#define DOCUMENT_MAX ((size_t)64 << 20)
/* The tree of a document of nothing but brackets takes some fifty times its size. */
#define TREE_MAX ((size_t)1 << 30)

/* Nobody can put a file in the platform's hands: what a person can do there instead. */
#define PLATFORM_WAY_OUT "re-sync the connection, which loads all its tables again"

enum ps_status reading_damaged(const struct reading *reading, const char *what,
                               struct ps_error *err)
{
    char table[32] = "";
    if (reading->table > 0) {
        snprintf(table, sizeof(table), "table %zu: ", reading->table);
    }
    if (reading->where == NULL) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_DATA,
                       "the state that the platform keeps is damaged (%s%s): " PLATFORM_WAY_OUT,
                       table, what);
    }
    /* Offered for what is damaged alone: local runs begin anew from PS_CLASS_DATA, and nothing
     * else. */
    return ps_fail(err, PS_CONFIG, PS_CLASS_DATA,
                   "the state in %s is damaged (%s%s); put back an unharmed copy, or: `penstock "
                   "sync --resync` keeps it aside and loads all tables again",
                   reading->where, table, what);
}

bool reading_is_absent(const struct ps_json *member)
{
    return member == NULL || member->kind == PS_JSON_NULL;
}

/* Copies a text member; absent leaves *field as it is. */
static enum ps_status read_text(const struct reading *reading, const struct ps_json *object,
                                const char *name, const char **field, struct ps_error *err)
{
    const struct ps_json *member = ps_json_member(object, name);
    if (reading_is_absent(member)) {
        return PS_OK;
    }
    if (member->kind != PS_JSON_STRING || strlen(member->text) != member->text_size) {
        char what[64];
        snprintf(what, sizeof(what), "\"%s\" is no text", name);
        return reading_damaged(reading, what, err);
    }
    return ps_state_set_text(reading->state, field, member->text, err);
}

static enum ps_status read_count(const struct reading *reading, const struct ps_json *object,
                                 const char *name, uint64_t *ret_count, struct ps_error *err)
{
    int64_t count = 0;
    if (!ps_json_integer(object, name, &count) || count < 0) {
        char what[64];
        snprintf(what, sizeof(what), "\"%s\" is no count", name);
        return reading_damaged(reading, what, err);
    }
    *ret_count = (uint64_t)count;
    return PS_OK;
}

enum ps_type reading_type(const char *name)
{
    for (int type = 1; type < PS_TYPES; type++) {
        if (strcmp(name, ps_type_name((enum ps_type)type)) == 0) {
            return (enum ps_type)type;
        }
    }
    return PS_TYPE_UNSPECIFIED;
}

static enum ps_status read_cursor(const struct reading *reading, const struct ps_json *object,
                                  struct ps_table_state *table, struct ps_error *err)
{
    if (reading_is_absent(object)) {
        return PS_OK;
    }
    if (object->kind != PS_JSON_OBJECT) {
        return reading_damaged(reading, "\"cursor\" is no object", err);
    }
    enum ps_status status = read_text(reading, object, "column", &table->cursor_column, err);
    const struct ps_json *value = ps_json_member(object, "value");
    if (status != PS_OK || reading_is_absent(value)) {
        return status;
    }
    enum ps_type type = reading_type(ps_json_string(object, "type", ""));
    int64_t scale = 0;
    if (!reading_is_absent(ps_json_member(object, "scale")) &&
        !ps_json_integer(object, "scale", &scale)) {
        scale = -1;
    }
    if (!ps_scalar_type_supported(type) || scale < 0 || scale > PS_DECIMAL_PRECISION_MAX ||
        value->kind != PS_JSON_STRING ||
        !ps_scalar_parse(value->text, value->text_size, type, (uint8_t)scale, &table->cursor)) {
        return reading_damaged(reading, "the value of \"cursor\" does not fit its type", err);
    }
    return PS_OK;
}

static enum ps_status read_destination(const struct reading *reading, const struct ps_json *object,
                                       struct ps_table_state *table, struct ps_error *err)
{
    if (reading_is_absent(object)) {
        return PS_OK;
    }
    if (object->kind != PS_JSON_OBJECT) {
        return reading_damaged(reading, "\"destination\" is no object", err);
    }
    enum ps_status status = read_text(reading, object, "schema", &table->destination_schema, err);
    return status != PS_OK ? status
                           : read_text(reading, object, "table", &table->destination_table, err);
}

/* "renamed", and with `flattened` the member of that name. */
static enum ps_status read_columns(const struct reading *reading, const struct ps_json *object,
                                   bool flattened, struct ps_table_state *table,
                                   struct ps_error *err)
{
    if (reading_is_absent(object)) {
        return PS_OK;
    }
    if (object->kind != PS_JSON_OBJECT) {
        return reading_damaged(
            reading, flattened ? "\"flattened\" is no object" : "\"renamed\" is no object", err);
    }
    for (const struct ps_json *member = object->first; member != NULL; member = member->next) {
        if (member->kind != PS_JSON_STRING || strlen(member->text) != member->text_size) {
            return reading_damaged(reading,
                                   flattened ? "a column in \"flattened\" is no text"
                                             : "a name in \"renamed\" is no text",
                                   err);
        }
        enum ps_status status = (flattened ? ps_state_flatten_column : ps_state_rename_column)(
            reading->state, table, member->name, member->text, err);
        if (status != PS_OK) {
            return status;
        }
    }
    return PS_OK;
}

static enum ps_status read_loading(const struct reading *reading, const struct ps_json *member,
                                   struct ps_table_state *table, struct ps_error *err)
{
    if (!reading_is_absent(member) && member->kind != PS_JSON_TRUE &&
        member->kind != PS_JSON_FALSE) {
        return reading_damaged(reading, "\"loading\" is neither true nor false", err);
    }
    table->loading = member != NULL && member->kind == PS_JSON_TRUE;
    return PS_OK;
}

static enum ps_status read_position(const struct reading *reading, const struct ps_json *object,
                                    struct ps_table_state *table, struct ps_error *err)
{
    const char *position = NULL;
    enum ps_status status = read_text(reading, object, "position", &position, err);
    return status == PS_OK ? ps_state_keep_position(table, position, err) : status;
}

static enum ps_status read_table(const struct reading *reading, const struct ps_json *object,
                                 struct ps_error *err)
{
    const char *schema = NULL, *name = NULL;
    if (object->kind != PS_JSON_OBJECT) {
        return reading_damaged(reading, "it is no object", err);
    }
    enum ps_status status = read_text(reading, object, "schema", &schema, err);
    if (status == PS_OK) {
        status = read_text(reading, object, "table", &name, err);
    }
    if (status != PS_OK) {
        return status;
    }
    if (schema == NULL || name == NULL) {
        return reading_damaged(reading, "\"schema\" or \"table\" is missing", err);
    }
    if (ps_state_find(reading->state, schema, name) != NULL) {
        return reading_damaged(reading, "it is there twice", err);
    }
    struct ps_table_state *table = NULL;
    status = ps_state_table(reading->state, schema, name, &table, err);
    if (status == PS_OK) {
        status = read_text(reading, object, "mode", &table->mode, err);
    }
    if (status == PS_OK) {
        status = read_cursor(reading, ps_json_member(object, "cursor"), table, err);
    }
    if (status == PS_OK) {
        status = read_position(reading, object, table, err);
    }
    if (status == PS_OK) {
        status = read_text(reading, object, "fingerprint", &table->fingerprint, err);
    }
    if (status == PS_OK) {
        status = read_text(reading, object, "incarnation", &table->incarnation, err);
    }
    if (status == PS_OK) {
        status = read_destination(reading, ps_json_member(object, "destination"), table, err);
    }
    if (status == PS_OK) {
        status = read_columns(reading, ps_json_member(object, "renamed"), false, table, err);
    }
    if (status == PS_OK) {
        status = read_columns(reading, ps_json_member(object, "flattened"), true, table, err);
    }
    if (status == PS_OK) {
        status = read_text(reading, object, "preprocessed", &table->preprocessed, err);
    }
    if (status == PS_OK) {
        status = read_loading(reading, ps_json_member(object, "loading"), table, err);
    }
    if (status == PS_OK) {
        status = load_read(reading, ps_json_member(object, "load"), table, err);
    }
    return status != PS_OK ? status
                           : window_read(reading, ps_json_member(object, "window"), table, err);
}

static enum ps_status read_connector(const struct reading *reading, const struct ps_json *member,
                                     struct ps_error *err)
{
    if (reading_is_absent(member)) {
        return PS_OK;
    }
    if (member->kind != PS_JSON_STRING || strlen(member->text) != member->text_size) {
        return reading_damaged(reading, "\"connector_state\" is no text", err);
    }
    return ps_state_set_connector(reading->state, member->text, member->text_size, err);
}

static enum ps_status read_imported(const struct reading *reading, const struct ps_json *object,
                                    struct ps_error *err)
{
    if (reading_is_absent(object)) {
        return PS_OK;
    }
    if (object->kind != PS_JSON_OBJECT) {
        return reading_damaged(reading, "\"imported\" is no object", err);
    }
    for (const struct ps_json *member = object->first; member != NULL; member = member->next) {
        if (member->kind != PS_JSON_STRING || strlen(member->text) != member->text_size) {
            return reading_damaged(reading, "a value in \"imported\" is no text", err);
        }
    }
    return import_take(reading->state, object, err);
}

static enum ps_status read_members(struct reading *reading, const struct ps_json *root,
                                   struct ps_error *err)
{
    struct ps_state *state = reading->state;
    enum ps_status status = read_text(reading, root, "source", &state->source, err);
    if (status == PS_OK) {
        status = read_text(reading, root, "warehouse", &state->warehouse_id, err);
    }
    if (status == PS_OK) {
        status = read_text(reading, root, "destination_schema", &state->destination_schema, err);
    }
    if (status == PS_OK) {
        status = read_text(reading, root, "position", &state->position, err);
    }
    if (status == PS_OK) {
        status = read_text(reading, root, "last_sync", &state->last_sync, err);
    }
    if (status == PS_OK) {
        status = read_count(reading, root, "number", &state->number, err);
    }
    if (status == PS_OK) {
        status = read_count(reading, root, "syncs_completed", &state->syncs_completed, err);
    }
    if (status != PS_OK) {
        return status;
    }
    status = read_connector(reading, ps_json_member(root, "connector_state"), err);
    if (status != PS_OK) {
        return status;
    }
    status = read_imported(reading, ps_json_member(root, "imported"), err);
    if (status != PS_OK) {
        return status;
    }
    const struct ps_json *tables = ps_json_member(root, "tables");
    if (reading_is_absent(tables) || tables->kind != PS_JSON_ARRAY) {
        return reading_damaged(reading, "\"tables\" is no list", err);
    }
    for (const struct ps_json *table = tables->first; table != NULL; table = table->next) {
        reading->table++;
        status = read_table(reading, table, err);
        if (status != PS_OK) {
            return status;
        }
    }
    reading->table = 0;
    return PS_OK;
}

static enum ps_status foreign(const struct reading *reading, struct ps_error *err)
{
    if (reading->where == NULL) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "what the platform keeps is no Penstock state, and none of the other "
                       "connectors' that can be taken over: " PLATFORM_WAY_OUT);
    }
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "what is in %s is no Penstock state, and none of the other connectors' that can "
                   "be taken over: move it away",
                   reading->where);
}

static enum ps_status newer(const struct reading *reading, int64_t version, struct ps_error *err)
{
    if (reading->where == NULL) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "the state that the platform keeps was written by a newer Penstock (form "
                       "%lld, and this one reads up to %d): let that version serve again, "
                       "or " PLATFORM_WAY_OUT,
                       (long long)version, PS_STATE_VERSION);
    }
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "the state in %s was written by a newer Penstock (form %lld, and this one reads "
                   "up to %d): use that version again, or begin anew with `penstock reset`",
                   reading->where, (long long)version, PS_STATE_VERSION);
}

static enum ps_status check_version(const struct reading *reading, const struct ps_json *root,
                                    struct ps_error *err)
{
    if (root->kind != PS_JSON_OBJECT || ps_json_member(root, "penstock") == NULL) {
        return foreign(reading, err);
    }
    int64_t version = 0;
    if (!ps_json_integer(root, "penstock", &version) || version < 1) {
        return reading_damaged(reading, "\"penstock\", the form's version, is no number above 0",
                               err);
    }
    if (version > PS_STATE_VERSION) {
        return newer(reading, version, err);
    }
    return PS_OK;
}

static enum ps_status check_checksum(const struct reading *reading, const struct ps_json *root,
                                     struct ps_error *err)
{
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    enum ps_status status = state_write_canonical(reading->state, &text, err);
    if (status == PS_OK) {
        char checksum[CHECKSUM_TEXT_SIZE];
        checksum_format(text.data, text.size, checksum);
        const char *found = ps_json_string(root, "checksum", NULL);
        if (found == NULL) {
            status = reading_damaged(reading, "the checksum is missing", err);
        } else if (strcmp(found, checksum) != 0) {
            status = reading_damaged(reading, "the checksum does not fit what is there", err);
        }
    }
    ps_buffer_done(&text);
    return status;
}

/* "", blanks, and an empty object: what a start without a state looks like. */
static bool is_nothing(const char *json, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (json[i] != ' ' && json[i] != '\t' && json[i] != '\r' && json[i] != '\n') {
            return false;
        }
    }
    return true;
}

/* {"cursor": N}: what the Partner SDK's example connector keeps, for which null is 0. Those that
 * were made from it keep more besides; what a Penstock state has at its top is a damaged one's. */
static bool is_example(const struct ps_json *root, int64_t *ret_cursor)
{
    static const char *const own[] = {"penstock", "checksum", "tables"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (root->kind != PS_JSON_OBJECT || ps_json_member(root, own[i]) != NULL) {
            return false;
        }
    }
    const struct ps_json *cursor = ps_json_member(root, "cursor");
    if (cursor != NULL && cursor->kind == PS_JSON_NULL) {
        *ret_cursor = 0;
        return true;
    }
    return ps_json_integer(root, "cursor", ret_cursor) && *ret_cursor >= 0;
}

static enum ps_status import_example(struct reading *reading, int64_t cursor, struct ps_error *err)
{
    char position[24];
    snprintf(position, sizeof(position), "%" PRId64, cursor);
    struct ps_state *state = reading->state;
    enum ps_status status = ps_state_set_text(state, &state->source, "example", err);
    return status == PS_OK ? ps_state_set_text(state, &state->position, position, err) : status;
}

static enum ps_status read_document(struct reading *reading, struct ps_arena *tree,
                                    const char *json, size_t size, struct ps_error *err)
{
    struct ps_json_options options = {.comments = false};
    struct ps_json *root = NULL;
    bool had_comments = false;
    struct ps_error cause = {0};
    enum ps_status status = ps_json_parse(tree, json, size, &options, &root, &had_comments, &cause);
    if (status == PS_CONFIG) {
        return reading_damaged(reading, cause.message, err);
    }
    if (status != PS_OK) {
        return ps_fail_nomem(err, "reading the state");
    }
    if (root->kind == PS_JSON_OBJECT && root->count == 0) {
        return PS_OK;
    }
    int64_t cursor;
    if (is_example(root, &cursor)) {
        if (root->count > 1) {
            ps_log(PS_LOG_INFO,
                   "the state is the example connector's: its cursor is taken over, and what else "
                   "it holds (%zu members) is not",
                   root->count - 1);
        }
        return import_example(reading, cursor, err);
    }
    bool is_python;
    status = import_python(reading->state, root, &is_python, err);
    if (status != PS_OK || is_python) {
        return status;
    }
    status = check_version(reading, root, err);
    if (status == PS_OK) {
        status = read_members(reading, root, err);
    }
    return status != PS_OK ? status : check_checksum(reading, root, err);
}

enum ps_status ps_state_parse(const char *json, size_t size, const char *where,
                              struct ps_state **ret_state, struct ps_error *err)
{
    struct ps_arena *tree = NULL;
    struct reading reading = {.where = where};
    enum ps_status status = ps_state_new(&reading.state, err);
    if (status != PS_OK) {
        goto out;
    }
    if (size > DOCUMENT_MAX) {
        status = reading_damaged(&reading, "it is larger than 64 MiB", err);
        goto out;
    }
    if (!is_nothing(json, size)) {
        tree = ps_arena_new(TREE_MAX);
        status = tree != NULL ? read_document(&reading, tree, json, size, err)
                              : ps_fail_nomem(err, "reading the state");
    }
    if (status == PS_OK) {
        *ret_state = reading.state;
        reading.state = NULL;
    }
out:
    ps_arena_free(tree);
    ps_state_free(reading.state);
    return status;
}
