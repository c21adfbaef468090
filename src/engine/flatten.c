/*
 * Shapes of flattened tables (engine/flatten.h).
 */
#include "engine/flatten.h"

#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/thread.h"
#include "data/convert.h"
#include "engine/fingerprint.h"

#define MEMORY_MAX ((size_t)1 << 30)
#define INDEX_SIZE (4U * FLATTEN_COLUMNS_MAX)
#define NAME_BYTES_MAX 512

struct flatten_memory {
    struct ps_mutex lock; /* the only one held when it is taken is none */
    struct ps_arena *arena;
};

/*
 * `lock` guards all below it. Nothing is taken while it is held but the memory's lock.
 */
struct flattener {
    struct flatten_memory *memory;
    const struct ps_selected_table *selected;
    bool ignore_case;
    struct ps_mutex lock;
    struct ps_condition changed;
    uint32_t inside; /* between enter and leave */
    bool changing;   /* somebody waits until nobody is inside, or makes a shape */
    const struct flatten_shape *shape;
    _Atomic bool crowded;
};

enum ps_status flatten_memory_new(struct flatten_memory **ret_memory, struct ps_error *err)
{
    struct flatten_memory *memory = ps_calloc(1, sizeof(*memory));
    if (memory == NULL || (memory->arena = ps_arena_new(MEMORY_MAX)) == NULL) {
        ps_free(memory);
        return ps_fail_nomem(err, "planning the sync");
    }
    ps_mutex_init(&memory->lock);
    *ret_memory = memory;
    return PS_OK;
}

void flatten_memory_free(struct flatten_memory *memory)
{
    if (memory != NULL) {
        ps_mutex_done(&memory->lock);
        ps_arena_free(memory->arena);
        ps_free(memory);
    }
}

bool flatten_takes(const struct ps_plan_table *table, uint32_t column)
{
    return column < table->sent_count && table->sink_table->columns[column].type == PS_TYPE_JSON &&
           table->read_table->columns[column].type == PS_TYPE_JSON &&
           table->sink_table->columns[column].key_position == 0;
}

static uint64_t place_hash(uint32_t parent, const char *path)
{
    return ps_hash64(ps_hash_bytes(path, strlen(path)) + parent);
}

const struct flatten_place *flatten_find(const struct flatten_shape *shape, uint32_t parent,
                                         const char *path)
{
    for (uint64_t at = place_hash(parent, path);; at++) {
        uint16_t entry = shape->index[at % INDEX_SIZE];
        if (entry == 0) {
            return NULL;
        }
        const struct flatten_place *place = &shape->places[entry - 1];
        if (place->parent == parent && strcmp(place->path, path) == 0) {
            return place;
        }
    }
}

/* A shape under construction; its arrays have room for all places there may be. */
struct draft {
    struct ps_arena *arena;
    const struct flattener *flattener;
    const struct ps_plan_table *base;
    struct flatten_place *places;
    uint32_t count;
    uint16_t *index;
};

static bool draft_init(struct draft *draft, const struct flatten_shape *former)
{
    draft->places = ps_arena_array(draft->arena, FLATTEN_COLUMNS_MAX, sizeof(*draft->places));
    draft->index = ps_arena_array(draft->arena, INDEX_SIZE, sizeof(*draft->index));
    if (draft->places == NULL || draft->index == NULL) {
        return false;
    }
    if (former != NULL && former->places_count > 0) {
        draft->count = former->places_count;
        memcpy(draft->places, former->places, former->places_count * sizeof(*draft->places));
        memcpy(draft->index, former->index, INDEX_SIZE * sizeof(*draft->index));
    }
    return true;
}

static struct flatten_place *draft_find(const struct draft *draft, uint32_t parent,
                                        const char *path)
{
    const struct flatten_shape shape = {.places = draft->places, .index = draft->index};
    const struct flatten_place *found = flatten_find(&shape, parent, path);
    return found == NULL ? NULL : &draft->places[found - draft->places];
}

/* Where the draft has room. */
static bool draft_add(struct draft *draft, const struct flatten_place *place)
{
    char *path = ps_arena_strdup(draft->arena, place->path);
    char *name = ps_arena_strdup(draft->arena, place->name);
    if (path == NULL || name == NULL) {
        return false;
    }
    draft->places[draft->count] = *place;
    draft->places[draft->count].path = path;
    draft->places[draft->count].name = name;
    uint64_t at = place_hash(place->parent, path);
    while (draft->index[at % INDEX_SIZE] != 0) {
        at++;
    }
    draft->index[at % INDEX_SIZE] = (uint16_t)++draft->count;
    return true;
}

static bool same_name(const struct flattener *flattener, const char *a, const char *b)
{
    return flattener->ignore_case ? strcasecmp(a, b) == 0 : strcmp(a, b) == 0;
}

static bool name_taken(const struct draft *draft, const char *name)
{
    bool taken = names_column_reserved(name);
    const struct ps_table *table = draft->base->sink_table;
    for (uint32_t i = 0; i < draft->base->sent_count && !taken; i++) {
        taken = same_name(draft->flattener, table->columns[i].name, name);
    }
    for (uint32_t i = 0; i < draft->count && !taken; i++) {
        taken = same_name(draft->flattener, draft->places[i].name, name);
    }
    return taken;
}

/* "parent_a_b" of "/a/b"; false: it would be too long. */
static bool plain_name(const char *parent, const char *path, char out[NAME_BYTES_MAX])
{
    size_t size = strlen(parent);
    if (size + strlen(path) + sizeof("_999") > NAME_BYTES_MAX) {
        return false;
    }
    memcpy(out, parent, size);
    for (const char *at = path; *at != '\0'; at++) {
        bool escaped = *at == '~' && at[1] != '\0';
        out[size++] = *at == '/' ? '_' : !escaped ? *at : at[1] == '1' ? '/' : '~';
        at += escaped;
    }
    out[size] = '\0';
    return true;
}

/* The plain name, or with _2, _3, … after it where that is taken. */
static bool choose_name(const struct draft *draft, uint32_t parent, const char *path,
                        char out[NAME_BYTES_MAX])
{
    if (!plain_name(draft->base->sink_table->columns[parent].name, path, out)) {
        return false;
    }
    size_t size = strlen(out);
    for (unsigned number = 2; name_taken(draft, out); number++) {
        char digits[PS_VALUE_TEXT_SIZE];
        const struct ps_scalar value = {.type = PS_TYPE_LONG, .present = true, .integer = number};
        size_t digits_size = ps_scalar_format(&value, digits);
        if (size + digits_size + 2 > NAME_BYTES_MAX) {
            return false;
        }
        out[size] = '_';
        memcpy(out + size + 1, digits, digits_size + 1);
    }
    return true;
}

/* True where the platform's user has left out just this column. */
static bool unwanted(const struct ps_selected_table *selected, const char *name)
{
    for (size_t i = 0; selected != NULL && i < selected->columns_count; i++) {
        if (strcmp(selected->columns[i].name, name) == 0) {
            return !selected->columns[i].included;
        }
    }
    return false;
}

/* The sink_table with the draft's columns behind the base's own. */
static const struct ps_table *draft_table(struct draft *draft)
{
    const struct ps_table *former = draft->base->sink_table;
    uint32_t own = draft->base->sent_count;
    struct ps_table *table = ps_arena_alloc(draft->arena, sizeof(*table));
    struct ps_column *columns =
        ps_arena_array(draft->arena, own + draft->count + (size_t)1, sizeof(*columns));
    if (table == NULL || columns == NULL) {
        return NULL;
    }
    memcpy(columns, former->columns, own * sizeof(*columns));
    *table = *former;
    table->columns = columns;
    table->columns_count = own;
    for (uint32_t i = 0; i < draft->count; i++) {
        struct flatten_place *place = &draft->places[i];
        place->column = -1;
        if (unwanted(draft->flattener->selected, place->name)) {
            continue;
        }
        place->column = (int32_t)table->columns_count;
        columns[table->columns_count++] = (struct ps_column){
            .name = place->name,
            .source_type = "member of a JSON object",
            .type = place->type.type,
            .precision = place->type.precision,
            .scale = place->type.scale,
            .nullable = true,
            .json_valid = true,
            .null_fraction = -1,
        };
    }
    return table;
}

/* The draft as the shape of that plan. NULL: no memory. */
static struct flatten_shape *draft_finish(struct draft *draft, struct ps_plan_table *plan)
{
    struct flatten_shape *shape = ps_arena_alloc(draft->arena, sizeof(*shape));
    const struct ps_table *table = draft_table(draft);
    if (shape == NULL || table == NULL) {
        return NULL;
    }
    plan->sink_table = table;
    plan->flattened = shape;
    *shape = (struct flatten_shape){.plan = plan,
                                    .places = draft->places,
                                    .places_count = draft->count,
                                    .index = draft->index,
                                    .full = draft->count == FLATTEN_COLUMNS_MAX};
    return shape;
}

/* False: no memory. What cannot have a column, for its name's length, is not granted. */
static bool grant(struct draft *draft, const struct flatten_wish *wish, bool *ret_changed)
{
    struct flatten_place *place = draft_find(draft, wish->parent, wish->path);
    if (place != NULL) {
        struct ps_type_exact wider = ps_type_widen(place->type, wish->type);
        *ret_changed = *ret_changed || wider.type != place->type.type ||
                       wider.precision != place->type.precision || wider.scale != place->type.scale;
        place->type = wider;
        return true;
    }
    char name[NAME_BYTES_MAX];
    if (draft->count == FLATTEN_COLUMNS_MAX ||
        !choose_name(draft, wish->parent, wish->path, name)) {
        return true;
    }
    const struct flatten_place made = {
        .parent = wish->parent, .path = wish->path, .name = name, .type = wish->type};
    *ret_changed = true;
    return draft_add(draft, &made);
}

bool flatten_nameable(const struct ps_plan_table *table, uint32_t parent, const char *path)
{
    char name[NAME_BYTES_MAX];
    return plain_name(table->sink_table->columns[parent].name, path, name);
}

static enum ps_status make_shape(struct flattener *flattener, const struct ps_plan_table *base,
                                 const struct flatten_wish *wishes, size_t count,
                                 struct ps_error *err)
{
    bool changed = false;
    struct draft draft = {.arena = flattener->memory->arena, .flattener = flattener, .base = base};
    struct flatten_shape *shape = NULL;
    ps_mutex_lock(&flattener->memory->lock);
    bool ok = draft_init(&draft, flattener->shape);
    for (size_t i = 0; i < count && ok; i++) {
        ok = grant(&draft, &wishes[i], &changed);
    }
    if (ok && changed) {
        struct ps_plan_table *plan = ps_arena_alloc(draft.arena, sizeof(*plan));
        if (plan != NULL) {
            *plan = *base;
            shape = draft_finish(&draft, plan);
        }
        ok = shape != NULL;
    }
    ps_mutex_unlock(&flattener->memory->lock);
    if (!ok) {
        return ps_fail_nomem(err, "adding columns to a flattened table");
    }
    if (shape != NULL) {
        flattener->shape = shape;
    }
    return PS_OK;
}

void flatten_note_crowded(struct flattener *flattener)
{
    atomic_store(&flattener->crowded, true);
}

bool flatten_is_crowded(const struct flattener *flattener)
{
    return flattener != NULL && atomic_load(&flattener->crowded);
}

const struct flatten_shape *flatten_enter(struct flattener *flattener)
{
    ps_mutex_lock(&flattener->lock);
    while (flattener->changing) {
        ps_condition_wait(&flattener->changed, &flattener->lock);
    }
    flattener->inside++;
    const struct flatten_shape *shape = flattener->shape;
    ps_mutex_unlock(&flattener->lock);
    return shape;
}

void flatten_leave(struct flattener *flattener)
{
    ps_mutex_lock(&flattener->lock);
    assert(flattener->inside > 0);
    flattener->inside--;
    ps_condition_broadcast(&flattener->changed);
    ps_mutex_unlock(&flattener->lock);
}

enum ps_status flatten_grow(struct flattener *flattener, const struct ps_plan_table *base,
                            const struct flatten_wish *wishes, size_t count, struct ps_error *err)
{
    ps_mutex_lock(&flattener->lock);
    while (flattener->changing) {
        ps_condition_wait(&flattener->changed, &flattener->lock);
    }
    flattener->changing = true;
    while (flattener->inside > 0) {
        ps_condition_wait(&flattener->changed, &flattener->lock);
    }
    enum ps_status status = make_shape(flattener, base, wishes, count, err);
    flattener->changing = false;
    ps_condition_broadcast(&flattener->changed);
    ps_mutex_unlock(&flattener->lock);
    return status;
}

/* A part of a JSON Pointer. */
static void put_escaped(struct ps_buffer *out, const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == '~' || *name == '/') {
            ps_buffer_puts(out, *name == '~' ? "~0" : "~1");
        } else {
            ps_buffer_putc(out, *name);
        }
    }
}

/* The source's own name of a column that is sent. */
static const char *own_name(const struct ps_plan_table *table, uint32_t column)
{
    return table->source_table->columns[table->read_columns[column]].name;
}

/* "column/path" and "TYPE name". */
static bool describe_place(const struct ps_plan_table *table, const struct flatten_place *place,
                           struct ps_buffer *member, struct ps_buffer *column)
{
    ps_buffer_clear(member);
    ps_buffer_clear(column);
    put_escaped(member, own_name(table, place->parent));
    ps_buffer_puts(member, place->path);
    ps_buffer_puts(column, ps_type_name(place->type.type));
    if (place->type.type == PS_TYPE_DECIMAL) {
        ps_buffer_printf(column, "(%u,%u)", place->type.precision, place->type.scale);
    }
    ps_buffer_printf(column, " %s", place->name);
    return ps_buffer_ok(member) && ps_buffer_ok(column);
}

enum ps_status flatten_remember(struct ps_state *state, struct ps_table_state *table_state,
                                const struct ps_plan_table *table, struct ps_error *err)
{
    const struct flatten_shape *shape = table->flattened;
    enum ps_status status = PS_OK;
    struct ps_buffer member, column;
    ps_buffer_init(&member, 0);
    ps_buffer_init(&column, 0);
    for (uint32_t i = 0; shape != NULL && i < shape->places_count && status == PS_OK; i++) {
        status = describe_place(table, &shape->places[i], &member, &column)
                     ? ps_state_flatten_column(state, table_state, ps_buffer_text(&member),
                                               ps_buffer_text(&column), err)
                     : ps_fail_nomem(err, "changing the state");
    }
    ps_buffer_done(&member);
    ps_buffer_done(&column);
    return status;
}

bool flatten_kept(struct ps_arena *arena, const struct ps_plan_table *table,
                  struct ps_renamed_column **ret_columns)
{
    bool ok = true;
    struct ps_buffer member, column;
    *ret_columns = NULL;
    if (table->flattener == NULL) {
        return true;
    }
    ps_buffer_init(&member, 0);
    ps_buffer_init(&column, 0);
    const struct flatten_shape *shape = flatten_enter(table->flattener);
    for (uint32_t i = shape->places_count; i-- > 0 && ok;) {
        struct ps_renamed_column *kept = ps_arena_alloc(arena, sizeof(*kept));
        ok = kept != NULL && describe_place(table, &shape->places[i], &member, &column);
        if (ok) {
            *kept = (struct ps_renamed_column){
                .column = ps_arena_strdup(arena, ps_buffer_text(&member)),
                .name = ps_arena_strdup(arena, ps_buffer_text(&column)),
                .next = *ret_columns,
            };
            ok = kept->column != NULL && kept->name != NULL;
            *ret_columns = kept;
        }
    }
    flatten_leave(table->flattener);
    ps_buffer_done(&member);
    ps_buffer_done(&column);
    return ok;
}

/* The column whose members the entry is of; -1: it is not taken apart any more. */
static int32_t kept_parent(const struct ps_plan_table *planned, const char *member,
                           struct ps_buffer *scratch)
{
    size_t size = strcspn(member, "/");
    for (uint32_t i = 0; i < planned->sent_count; i++) {
        ps_buffer_clear(scratch);
        put_escaped(scratch, own_name(planned, i));
        if (scratch->size == size && memcmp(ps_buffer_text(scratch), member, size) == 0) {
            return flatten_takes(planned, i) ? (int32_t)i : -1;
        }
    }
    return -1;
}

/* Takes over the columns that the state knows. False: no memory. */
static bool take_kept(struct draft *draft, const struct ps_table_state *state,
                      struct ps_buffer *scratch)
{
    const struct ps_renamed_column *kept = state == NULL ? NULL : state->flattened;
    for (; kept != NULL && draft->count < FLATTEN_COLUMNS_MAX; kept = kept->next) {
        size_t type_size = strcspn(kept->name, " ");
        int32_t parent = kept_parent(draft->base, kept->column, scratch);
        struct flatten_place place = {
            .parent = (uint32_t)parent,
            .path = kept->column + strcspn(kept->column, "/"),
            .name = kept->name + type_size + (kept->name[type_size] == ' '),
        };
        if (parent >= 0 && ps_type_exact_parse(kept->name, type_size, &place.type) &&
            !draft_add(draft, &place)) {
            return false;
        }
    }
    return ps_buffer_ok(scratch);
}

static enum ps_status plan_first_shape(const struct plan_table_request *request,
                                       struct ps_plan_table *planned, struct flattener *flattener,
                                       struct ps_error *err)
{
    struct draft draft = {
        .arena = request->arena, .flattener = flattener, .base = planned, .count = 0};
    struct ps_buffer scratch;
    struct flatten_shape *shape = NULL;
    ps_buffer_init(&scratch, 0);
    if (draft_init(&draft, NULL) && take_kept(&draft, request->state, &scratch)) {
        shape = draft_finish(&draft, planned);
    }
    ps_buffer_done(&scratch);
    if (shape == NULL) {
        return ps_fail_nomem(err, "planning a flattened table");
    }
    shape->plan = NULL; /* as planned: it moves until the plan is complete */
    flattener->shape = shape;
    return PS_OK;
}

enum ps_status flatten_plan(const struct plan_table_request *request, struct ps_plan_table *planned,
                            uint32_t *left_out, struct ps_error *err)
{
    const struct ps_table *table = request->table;
    const char *choice =
        ps_config_by_table(request->plan->config, "flatten", table->schema, table->name);
    bool takes = false;
    for (uint32_t i = 0; i < planned->sent_count; i++) {
        takes = takes || flatten_takes(planned, i);
    }
    if (choice == NULL || strcmp(choice, "true") != 0 || !takes) {
        return PS_OK;
    }
    struct flattener *flattener = ps_arena_alloc(request->arena, sizeof(*flattener));
    if (flattener == NULL) {
        return ps_fail_nomem(err, "planning a flattened table");
    }
    flattener->memory = request->flatten_memory;
    flattener->selected = request->selected;
    flattener->ignore_case = (request->plan->sink_caps & PS_SINK_IGNORES_CASE) != 0;
    ps_mutex_init(&flattener->lock);
    ps_condition_init(&flattener->changed);
    planned->flattener = flattener;
    enum ps_status status = plan_first_shape(request, planned, flattener, err);
    for (uint32_t i = 0; status == PS_OK && i < planned->flattened->places_count; i++) {
        const struct flatten_place *place = &planned->flattened->places[i];
        if (place->column < 0) {
            *left_out = fingerprint_leave_out(*left_out, place->name);
        }
    }
    return status;
}
