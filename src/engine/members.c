/*
 * Taking JSON apart (engine/members.h). A value that is no JSON, or has a name twice, stays whole.
 */
#include "engine/members.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"

#define ROW_BYTES_MAX ((size_t)1 << 31)

enum rest_kind { REST_ALL, REST_NOTHING, REST_TEXT };

struct rest {
    enum rest_kind kind;
    struct ps_buffer text;
};

struct members {
    const struct ps_plan_table *base;
    const struct flatten_shape *shape;
    struct ps_arena *arena; /* of the row */
    struct ps_buffer path;
    uint32_t parent;                            /* whose members are walked */
    struct ps_leaf leaves[FLATTEN_COLUMNS_MAX]; /* by place */
    bool there[FLATTEN_COLUMNS_MAX];
    struct rest *rests; /* by column of the source's */
    struct flatten_wish wishes[FLATTEN_COLUMNS_MAX];
    size_t wishes_count;
    bool failed; /* no memory */
};

enum ps_status members_new(const struct ps_plan_table *base, struct members **ret_members,
                           struct ps_error *err)
{
    struct members *members = ps_calloc(1, sizeof(*members));
    if (members == NULL || (members->rests = ps_calloc(base->sent_count + (size_t)1,
                                                       sizeof(*members->rests))) == NULL) {
        ps_free(members);
        return ps_fail_nomem(err, "preparing a table's batches");
    }
    members->base = base;
    *ret_members = members;
    return PS_OK;
}

void members_forget_wishes(struct members *members)
{
    for (size_t i = 0; i < members->wishes_count; i++) {
        ps_free(members->wishes[i].path);
    }
    members->wishes_count = 0;
}

void members_free(struct members *members)
{
    if (members == NULL) {
        return;
    }
    members_forget_wishes(members);
    for (uint32_t i = 0; i < members->base->sent_count; i++) {
        ps_buffer_done(&members->rests[i].text);
    }
    ps_free(members->rests);
    ps_buffer_done(&members->path);
    ps_arena_free(members->arena);
    ps_free(members);
}

const struct flatten_wish *members_wishes(const struct members *members, size_t *ret_count)
{
    *ret_count = members->wishes_count;
    return members->wishes;
}

const struct ps_leaf *members_leaf(const struct members *members, uint32_t place)
{
    return members->there[place] ? &members->leaves[place] : NULL;
}

bool members_rest(const struct members *members, uint32_t column, const char **ret_text,
                  size_t *ret_size)
{
    const struct rest *rest = &members->rests[column];
    *ret_text = rest->kind == REST_TEXT ? ps_buffer_text(&rest->text) : NULL;
    *ret_size = rest->kind == REST_TEXT ? rest->text.size : 0;
    return rest->kind != REST_ALL;
}

/* `type` is what the column takes by now. */
static void wish(struct members *members, const struct ps_leaf *leaf, struct ps_type_exact type)
{
    const char *path = ps_buffer_text(&members->path);
    for (size_t i = 0; i < members->wishes_count; i++) {
        struct flatten_wish *known = &members->wishes[i];
        if (known->parent == members->parent && strcmp(known->path, path) == 0) {
            known->type = ps_leaf_join(leaf, known->type);
            return;
        }
    }
    if (members->wishes_count == FLATTEN_COLUMNS_MAX) {
        return; /* its turn comes when the rows are taken apart again */
    }
    char *copy = ps_strdup(path);
    members->failed = members->failed || copy == NULL;
    if (copy != NULL) {
        members->wishes[members->wishes_count++] =
            (struct flatten_wish){members->parent, copy, ps_leaf_join(leaf, type)};
    }
}

/* The member as a leaf; what has parts, as JSON. */
static bool leaf_of(struct members *members, const struct ps_json *node, struct ps_leaf *ret_leaf)
{
    *ret_leaf = (struct ps_leaf){.kind = node->kind, .text = "", .size = 0};
    if (node->kind == PS_JSON_NUMBER || node->kind == PS_JSON_STRING) {
        ret_leaf->text = node->text;
        ret_leaf->size = node->text_size;
        return true;
    }
    if (node->kind != PS_JSON_ARRAY && node->kind != PS_JSON_OBJECT) {
        return true;
    }
    struct ps_buffer text;
    struct ps_json_writer writer;
    ps_buffer_init(&text, 0);
    ps_json_writer_init(&writer, &text, false);
    ps_json_put_tree(&writer, NULL, node);
    ret_leaf->size = text.size;
    ret_leaf->text = ps_buffer_ok(&text)
                         ? ps_arena_strndup(members->arena, ps_buffer_text(&text), text.size)
                         : NULL;
    ps_buffer_done(&text);
    return ret_leaf->text != NULL;
}

/* True where the member at the path goes to a column. */
static bool place_leaf(struct members *members, const struct ps_json *node)
{
    const struct flatten_place *place =
        flatten_find(members->shape, members->parent, ps_buffer_text(&members->path));
    if (place == NULL &&
        !flatten_nameable(members->base, members->parent, ps_buffer_text(&members->path))) {
        return false;
    }
    if (place == NULL && members->shape->full) {
        flatten_note_crowded(members->base->flattener);
        return false;
    }
    struct ps_leaf leaf;
    if (!leaf_of(members, node, &leaf)) {
        members->failed = true;
        return true;
    }
    if (place == NULL) {
        wish(members, &leaf, (struct ps_type_exact){.type = PS_TYPE_UNSPECIFIED});
        return true;
    }
    if (place->column >= 0 && !ps_leaf_fits(&leaf, place->type)) {
        wish(members, &leaf, place->type);
        return true;
    }
    size_t index = (size_t)(place - members->shape->places);
    members->leaves[index] = leaf;
    members->there[index] = place->column >= 0;
    return true;
}

static void path_add(struct ps_buffer *path, const char *name)
{
    ps_buffer_putc(path, '/');
    for (; *name != '\0'; name++) {
        if (*name == '~' || *name == '/') {
            ps_buffer_puts(path, *name == '~' ? "~0" : "~1");
        } else {
            ps_buffer_putc(path, *name);
        }
    }
}

/* Takes out of the object what goes to columns. `depth` is that of its members. */
static void walk(struct members *members, struct ps_json *object, int depth)
{
    struct ps_json **link = &object->first;
    for (struct ps_json *node = object->first; node != NULL; node = node->next) {
        size_t path_size = members->path.size;
        bool taken = node->kind == PS_JSON_NULL;
        path_add(&members->path, node->name);
        if (node->kind == PS_JSON_OBJECT && node->count > 0 && depth < FLATTEN_DEPTH_MAX) {
            walk(members, node, depth + 1);
            taken = node->count == 0;
        } else if (!taken) {
            taken = place_leaf(members, node);
        }
        if (members->path.failed) {
            members->failed = true;
            return;
        }
        members->path.size = path_size;
        members->path.data[path_size] = '\0';
        if (taken) {
            *link = node->next;
            object->count--;
        } else {
            link = &node->next;
        }
    }
}

static enum ps_status take_column(struct members *members, const struct ps_vector *vector,
                                  uint32_t row, struct rest *rest, struct ps_error *err)
{
    size_t size;
    const char *text = (const char *)ps_vector_bytes(vector, row, &size);
    struct ps_json *root = NULL;
    struct ps_error damage = {0};
    rest->kind = REST_ALL;
    enum ps_status status = ps_json_parse(members->arena, text, size, NULL, &root, NULL, &damage);
    if (status == PS_NOMEM) {
        *err = damage;
        return status;
    }
    if (status != PS_OK || root->kind != PS_JSON_OBJECT || root->count == 0) {
        return PS_OK;
    }
    ps_buffer_clear(&members->path);
    ps_buffer_puts(&members->path, "");
    walk(members, root, 1);
    rest->kind = root->count == 0 ? REST_NOTHING : REST_TEXT;
    if (root->count > 0) {
        struct ps_json_writer writer;
        ps_buffer_clear(&rest->text);
        ps_json_writer_init(&writer, &rest->text, false);
        ps_json_put_tree(&writer, NULL, root);
        members->failed = members->failed || !ps_buffer_ok(&rest->text);
    }
    return members->failed ? ps_fail_nomem(err, "taking JSON apart") : PS_OK;
}

enum ps_status members_take(struct members *members, const struct flatten_shape *shape,
                            const struct ps_batch *batch, uint32_t row, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    ps_arena_free(members->arena);
    members->arena = ps_arena_new(ROW_BYTES_MAX);
    if (members->arena == NULL) {
        return ps_fail_nomem(err, "taking JSON apart");
    }
    members->shape = shape;
    memset(members->there, 0, shape->places_count * sizeof(members->there[0]));
    for (uint32_t i = 0; i < members->base->sent_count && status == PS_OK; i++) {
        members->rests[i].kind = REST_ALL;
        if (flatten_takes(members->base, i) && ps_vector_is_valid(&batch->vectors[i], row)) {
            members->parent = i;
            status = take_column(members, &batch->vectors[i], row, &members->rests[i], err);
        }
    }
    return status;
}
