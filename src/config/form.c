/*
 * From option tables to the model of the setup form. See form.h and docs/form.md.
 */
#include "config/form.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "config/text.h"

#define ARENA_MAX ((size_t)4 << 20)

/* Fields side by side, as they are found. */
struct fields {
    struct ps_form_field *items;
    size_t count, capacity;
};

struct builder {
    const struct ps_form_request *request;
    struct ps_arena *arena;
    bool several; /* sources */
    struct ps_error *err;
};

/* One option table as it is read. */
struct table {
    const struct ps_source_ops *source; /* NULL: the engine's */
    const struct ps_option *options;
    bool advanced; /* which of its options are wanted */
};

static enum ps_status fail_nomem(const struct builder *builder)
{
    return ps_fail_nomem(builder->err, "making the setup form");
}

/* A zeroed field at the end of the list; NULL: no memory. It moves with the next one. */
static struct ps_form_field *fields_add(struct builder *builder, struct fields *fields)
{
    if (fields->count == fields->capacity) {
        size_t capacity = fields->capacity == 0 ? 8 : fields->capacity * 2;
        struct ps_form_field *items = ps_arena_array(builder->arena, capacity, sizeof *items);
        if (items == NULL) {
            return NULL;
        }
        if (fields->count > 0) {
            memcpy(items, fields->items, fields->count * sizeof *items);
        }
        fields->items = items;
        fields->capacity = capacity;
    }
    return &fields->items[fields->count++];
}

/* True where the table has an option or a group of that name. */
static bool table_has_name(const struct ps_option *options, const char *name)
{
    for (const struct ps_option *option = options; option->name != NULL; option++) {
        if (text_equal(option->name, name) ||
            (option->shown_when != NULL && text_equal(option->shown_when->name, name))) {
            return true;
        }
    }
    return false;
}

/* The name in the form: with the source's before it where another source has the same one. */
static const char *name_in_form(const struct builder *builder, const struct table *table,
                                const char *name)
{
    for (size_t i = 0; table->source != NULL && builder->request->sources[i] != NULL; i++) {
        const struct ps_source_ops *other = builder->request->sources[i];
        if (other != table->source && table_has_name(other->options, name)) {
            return ps_arena_printf(builder->arena, "%s_%s", table->source->name, name);
        }
    }
    return name;
}

/* The option that a group looks at. */
static enum ps_status condition_find(const struct builder *builder, const struct table *table,
                                     const struct ps_option_group *group,
                                     const struct ps_option **ret_option)
{
    for (const struct ps_option *option = table->options; option->name != NULL; option++) {
        if (strcmp(option->name, group->option) == 0) {
            *ret_option = option;
            return PS_OK;
        }
    }
    return ps_fail(builder->err, PS_BUG, PS_CLASS_NONE,
                   "the form's group %s looks at %s, which is no option beside it", group->name,
                   group->option);
}

/* Where an option stands below a group. */
struct place {
    const struct ps_option_group
        *below;                   /* the outermost group inside that one; NULL: directly in */
    const struct ps_option *root; /* what the whole chain of conditions begins at */
    bool inside;                  /* it is below the group at all */
};

/* `outer` NULL: the table itself, in which all options are. */
static enum ps_status place_find(const struct builder *builder, const struct table *table,
                                 const struct ps_option *option,
                                 const struct ps_option_group *outer, struct place *ret_place)
{
    struct place place = {.root = option};
    size_t depth = 0, options_count = 0;
    while (table->options[options_count].name != NULL) {
        options_count++;
    }
    while (place.root->shown_when != NULL) {
        const struct ps_option_group *group = place.root->shown_when;
        if (depth++ == options_count) {
            return ps_fail(builder->err, PS_BUG, PS_CLASS_NONE,
                           "the conditions of the option %s go round in a circle", option->name);
        }
        if (group == outer) {
            place.inside = true;
        }
        if (!place.inside) {
            place.below = group;
        }
        enum ps_status status = condition_find(builder, table, group, &place.root);
        if (status != PS_OK) {
            return status;
        }
    }
    place.inside = place.inside || outer == NULL;
    *ret_place = place;
    return PS_OK;
}

/* A number has no kind of field of its own: the description tells its bounds. */
static const char *describe(const struct builder *builder, const struct ps_option *option)
{
    const char *help = option->help != NULL ? option->help : "";
    const char *blank = *help != '\0' ? " " : "";
    if (option->type != PS_OPTION_INTEGER) {
        return option->help;
    }
    if (option->maximum == INT64_MAX) {
        return ps_arena_printf(builder->arena, "%s%sAt least %" PRId64 ".", help, blank,
                               option->minimum);
    }
    return ps_arena_printf(builder->arena, "%s%sFrom %" PRId64 " to %" PRId64 ".", help, blank,
                           option->minimum, option->maximum);
}

static enum ps_form_kind kind_of(const struct ps_option *option)
{
    switch (option->type) {
    case PS_OPTION_SECRET:
        return PS_FORM_PASSWORD;
    case PS_OPTION_BOOLEAN:
        return PS_FORM_TOGGLE;
    case PS_OPTION_CHOICE:
        return option->described_choices != NULL ? PS_FORM_DESCRIPTIVE_DROPDOWN : PS_FORM_DROPDOWN;
    case PS_OPTION_UPLOAD:
        return PS_FORM_UPLOAD;
    case PS_OPTION_TEXT:
        return (option->flags & PS_OPTION_HIDDEN) != 0 ? PS_FORM_HIDDEN : PS_FORM_TEXT;
    case PS_OPTION_INTEGER:
    case PS_OPTION_LIST:
    case PS_OPTION_BY_TABLE:
        break;
    }
    return PS_FORM_TEXT;
}

static enum ps_status option_put(struct builder *builder, const struct table *table,
                                 const struct ps_option *option, struct fields *fields)
{
    struct ps_form_field *field = fields_add(builder, fields);
    const char *name = name_in_form(builder, table, option->name);
    const char *description = describe(builder, option);
    if (field == NULL || name == NULL || (description == NULL && option->help != NULL)) {
        return fail_nomem(builder);
    }
    *field = (struct ps_form_field){
        .name = name,
        .label = option->label != NULL ? option->label : option->name,
        .description = description,
        .kind = kind_of(option),
        .required = (option->flags & (PS_OPTION_REQUIRED | PS_OPTION_ASKED)) != 0,
        .default_value = option->default_value,
        .placeholder = option->placeholder,
        .choices = option->choices,
        .described_choices = option->described_choices,
        .upload_types = option->upload_types,
        .upload_bytes_max = option->upload_bytes_max,
    };
    return PS_OK;
}

static enum ps_status options_put(struct builder *builder, const struct table *table,
                                  const struct ps_option_group *outer, struct fields *fields);

/* A group with all that is in it; nothing where it is in the list already. */
static enum ps_status group_put(struct builder *builder, const struct table *table,
                                const struct ps_option_group *group, struct fields *fields)
{
    const char *name = name_in_form(builder, table, group->name);
    const char *condition = name_in_form(builder, table, group->option);
    if (name == NULL || condition == NULL) {
        return fail_nomem(builder);
    }
    for (size_t i = 0; i < fields->count; i++) {
        if (strcmp(fields->items[i].name, name) == 0) {
            return PS_OK;
        }
    }
    const struct ps_option *option = NULL;
    struct fields inner = {0};
    enum ps_status status = condition_find(builder, table, group, &option);
    if (status == PS_OK) {
        status = options_put(builder, table, group, &inner);
    }
    if (status != PS_OK) {
        return status;
    }
    struct ps_form_field *field = fields_add(builder, fields);
    if (field == NULL) {
        return fail_nomem(builder);
    }
    *field = (struct ps_form_field){
        .name = name,
        .label = group->label != NULL ? group->label : group->name,
        .kind = PS_FORM_GROUP,
        .condition_field = condition,
        .condition_value = group->value,
        .condition_is_toggle = option->type == PS_OPTION_BOOLEAN,
        .fields = inner.items,
        .fields_count = inner.count,
    };
    return PS_OK;
}

/*
 * Those options of a table that are below `outer` (NULL: all), in their order; a group stands where
 * its first option does. Whether a group is among the advanced ones follows from the option that
 * its chain of conditions begins at: a condition and what hangs on it stay together.
 */
static enum ps_status options_put(struct builder *builder, const struct table *table,
                                  const struct ps_option_group *outer, struct fields *fields)
{
    enum ps_status status = PS_OK;
    for (const struct ps_option *option = table->options; status == PS_OK && option->name != NULL;
         option++) {
        struct place place = {0};
        status = place_find(builder, table, option, outer, &place);
        if (status != PS_OK || !place.inside ||
            ((place.root->flags & PS_OPTION_ADVANCED) != 0) != table->advanced) {
            continue;
        }
        status = place.below != NULL ? group_put(builder, table, place.below, fields)
                                     : option_put(builder, table, option, fields);
    }
    return status;
}

/* One source's options; among several sources in a group that is shown while it is chosen. */
static enum ps_status source_put(struct builder *builder, const struct ps_source_ops *source,
                                 bool advanced, struct fields *fields)
{
    const struct table table = {source, source->options, advanced};
    if (!builder->several) {
        return options_put(builder, &table, NULL, fields);
    }
    struct fields inner = {0};
    enum ps_status status = options_put(builder, &table, NULL, &inner);
    if (status != PS_OK || inner.count == 0) {
        return status;
    }
    struct ps_form_field *field = fields_add(builder, fields);
    const char *name = ps_arena_printf(builder->arena, "%s_%s", source->name,
                                       advanced ? "advanced_fields" : "fields");
    const char *label =
        advanced ? ps_arena_printf(builder->arena, "%s, advanced", source->label) : source->label;
    if (field == NULL || name == NULL || label == NULL) {
        return fail_nomem(builder);
    }
    *field = (struct ps_form_field){
        .name = name,
        .label = label,
        .kind = PS_FORM_GROUP,
        .condition_field = PS_FORM_SOURCE,
        .condition_value = source->name,
        .fields = inner.items,
        .fields_count = inner.count,
    };
    return PS_OK;
}

static enum ps_status sources_put(struct builder *builder, bool advanced, struct fields *fields)
{
    enum ps_status status = PS_OK;
    for (size_t i = 0; status == PS_OK && builder->request->sources[i] != NULL; i++) {
        status = source_put(builder, builder->request->sources[i], advanced, fields);
    }
    const struct table engine = {NULL, builder->request->engine_options, advanced};
    return status == PS_OK ? options_put(builder, &engine, NULL, fields) : status;
}

/* The dropdown of the sources. */
static enum ps_status choice_put(struct builder *builder, struct fields *fields)
{
    size_t count = 0;
    while (builder->request->sources[count] != NULL) {
        count++;
    }
    struct ps_choice *choices = ps_arena_array(builder->arena, count + 1, sizeof *choices);
    struct ps_form_field *field = fields_add(builder, fields);
    if (choices == NULL || field == NULL) {
        return fail_nomem(builder);
    }
    for (size_t i = 0; i < count; i++) {
        const struct ps_source_ops *source = builder->request->sources[i];
        choices[i] = (struct ps_choice){
            .value = source->name,
            .label = source->label,
            .description = source->summary != NULL ? source->summary : source->label,
        };
    }
    *field = (struct ps_form_field){
        .name = PS_FORM_SOURCE,
        .label = "Source",
        .description = "Where the rows come from.",
        .kind = PS_FORM_DESCRIPTIVE_DROPDOWN,
        .required = true,
        .described_choices = choices,
    };
    return PS_OK;
}

/* What most users leave alone, behind a toggle. */
static enum ps_status advanced_put(struct builder *builder, struct fields *fields)
{
    struct fields inner = {0};
    enum ps_status status = sources_put(builder, true, &inner);
    if (status != PS_OK || inner.count == 0) {
        return status;
    }
    struct ps_form_field *toggle = fields_add(builder, fields);
    if (toggle == NULL) {
        return fail_nomem(builder);
    }
    *toggle = (struct ps_form_field){
        .name = PS_FORM_ADVANCED,
        .label = "Show advanced settings",
        .description = "Limits, timeouts and the like. Their defaults suit most users.",
        .kind = PS_FORM_TOGGLE,
        .default_value = "false",
    };
    struct ps_form_field *group = fields_add(builder, fields);
    if (group == NULL) {
        return fail_nomem(builder);
    }
    *group = (struct ps_form_field){
        .name = "advanced_fields",
        .label = "Advanced settings",
        .kind = PS_FORM_GROUP,
        .condition_field = PS_FORM_ADVANCED,
        .condition_value = "true",
        .condition_is_toggle = true,
        .fields = inner.items,
        .fields_count = inner.count,
    };
    return PS_OK;
}

/* How often the name is in the form, groups included. */
static size_t names_count(const struct ps_form_field *fields, size_t count, const char *name)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        found += text_equal(fields[i].name, name);
        found += names_count(fields[i].fields, fields[i].fields_count, name);
    }
    return found;
}

static enum ps_status names_check(const struct ps_form *form, const struct ps_form_field *fields,
                                  size_t count, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    for (size_t i = 0; status == PS_OK && i < count; i++) {
        if (names_count(form->fields, form->fields_count, fields[i].name) != 1) {
            return ps_fail(err, PS_BUG, PS_CLASS_NONE,
                           "the setup form has more than one field named %s", fields[i].name);
        }
        status = names_check(form, fields[i].fields, fields[i].fields_count, err);
    }
    return status;
}

static bool has_test(const struct ps_source_ops *source, const char *name)
{
    for (const struct ps_test *test = source->tests; test->name != NULL; test++) {
        if (strcmp(test->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Of one source its own tests; of several those that all of them know. */
static enum ps_status tests_choose(const struct builder *builder, const struct ps_test **ret_tests)
{
    static const struct ps_test common[] = {
        {.name = "connect", .label = "Connecting to the source"},
        {.name = "select", .label = "Reading from the source"},
        {.name = NULL},
    };
    const struct ps_source_ops *const *sources = builder->request->sources;
    if (!builder->several) {
        *ret_tests = sources[0]->tests;
        return PS_OK;
    }
    for (size_t i = 0; sources[i] != NULL; i++) {
        for (const struct ps_test *test = common; test->name != NULL; test++) {
            if (!has_test(sources[i], test->name)) {
                return ps_fail(builder->err, PS_BUG, PS_CLASS_NONE,
                               "the source %s has no test %s, which a form of several sources "
                               "offers",
                               sources[i]->name, test->name);
            }
        }
    }
    *ret_tests = common;
    return PS_OK;
}

enum ps_status ps_form_new(const struct ps_form_request *request, struct ps_form **ret_form,
                           struct ps_error *err)
{
    assert(request->sources[0] != NULL);
    struct ps_form *form = ps_calloc(1, sizeof *form);
    enum ps_status status;
    if (form == NULL || (form->arena = ps_arena_new(ARENA_MAX)) == NULL) {
        status = ps_fail_nomem(err, "making the setup form");
        goto out;
    }
    struct builder builder = {request, form->arena, request->sources[1] != NULL, err};
    struct fields fields = {0};
    status = builder.several ? choice_put(&builder, &fields) : PS_OK;
    if (status == PS_OK) {
        status = sources_put(&builder, false, &fields);
    }
    if (status == PS_OK) {
        status = advanced_put(&builder, &fields);
    }
    if (status == PS_OK) {
        form->fields = fields.items;
        form->fields_count = fields.count;
        status = names_check(form, form->fields, form->fields_count, err);
    }
    if (status == PS_OK) {
        status = tests_choose(&builder, &form->tests);
    }
    if (status == PS_OK) {
        *ret_form = form;
        form = NULL;
    }
out:
    ps_form_free(form);
    return status;
}

void ps_form_free(struct ps_form *form)
{
    if (form != NULL) {
        ps_arena_free(form->arena);
        ps_free(form);
    }
}
