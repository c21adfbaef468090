/*
 * penstock form: the setup form as a person would see it, and as the document that the platform
 * gets; with a configuration, as filled in with its values. Needs no source that answers.
 */
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/log.h"
#include "cli/help.h"
#include "cli/local.h"
#include "cli/result.h"
#include "engine/configure.h"

#define STEP 2 /* blanks by which what belongs to something stands under it */

/* What the form is filled in with. */
struct filling {
    const struct ps_settings *settings; /* NULL: nothing, the form is empty */
    const struct ps_config *config;
};

/* A paragraph in lines that fit. */
static void print_text(const char *text, size_t indent, struct output *out)
{
    output_printf(out, "%*s", (int)indent, "");
    help_wrap(out, text, indent);
}

static const char *kind_name(enum ps_form_kind kind)
{
    switch (kind) {
    case PS_FORM_TEXT:
        return "text";
    case PS_FORM_PASSWORD:
        return "password";
    case PS_FORM_HIDDEN:
        return "hidden";
    case PS_FORM_DROPDOWN:
    case PS_FORM_DESCRIPTIVE_DROPDOWN:
        return "choice";
    case PS_FORM_TOGGLE:
        return "toggle";
    case PS_FORM_UPLOAD:
        return "file";
    case PS_FORM_GROUP:
        break;
    }
    return "";
}

static void print_choices(const struct ps_form_field *field, size_t indent, struct output *out)
{
    struct ps_buffer line;
    ps_buffer_init(&line, 0);
    if (field->kind == PS_FORM_DROPDOWN) {
        for (size_t i = 0; field->choices[i] != NULL; i++) {
            ps_buffer_printf(&line, "%s%s", i == 0 ? "One of: " : ", ", field->choices[i]);
        }
        print_text(ps_buffer_text(&line), indent, out);
    }
    if (field->kind == PS_FORM_DESCRIPTIVE_DROPDOWN) {
        for (const struct ps_choice *choice = field->described_choices; choice->value != NULL;
             choice++) {
            ps_buffer_clear(&line);
            ps_buffer_printf(&line, "- %s: %s.", choice->value,
                             choice->label != NULL ? choice->label : choice->value);
            if (choice->description != NULL) {
                ps_buffer_printf(&line, " %s", choice->description);
            }
            output_printf(out, "%*s", (int)indent, "");
            help_wrap(out, ps_buffer_text(&line), indent + STEP);
        }
    }
    ps_buffer_done(&line);
}

static void print_upload(const struct ps_form_field *field, size_t indent, struct output *out)
{
    struct ps_buffer line;
    ps_buffer_init(&line, 0);
    ps_buffer_printf(&line, "At most %d bytes", field->upload_bytes_max);
    for (size_t i = 0; field->upload_types != NULL && field->upload_types[i] != NULL; i++) {
        ps_buffer_printf(&line, "%s%s", i == 0 ? "; " : ", ", field->upload_types[i]);
    }
    print_text(ps_buffer_text(&line), indent, out);
    ps_buffer_done(&line);
}

/* "Host * [host] text, default: …, for example: …" */
static void print_head(const struct ps_form_field *field, size_t indent, struct output *out)
{
    const char *usual = field->default_value, *example = field->placeholder;
    struct ps_buffer line;
    ps_buffer_init(&line, 0);
    ps_buffer_printf(&line, "%s%s [%s] %s", field->label, field->required ? " *" : "", field->name,
                     kind_name(field->kind));
    if (usual != NULL) {
        ps_buffer_printf(&line, ", default: %s", usual);
    }
    if (example != NULL && (usual == NULL || strcmp(usual, example) != 0)) {
        ps_buffer_printf(&line, ", for example: %s", example);
    }
    output_printf(out, "%*s", (int)indent, "");
    help_wrap(out, ps_buffer_text(&line), indent + STEP);
    ps_buffer_done(&line);
}

/* The one field of the form that is no option. */
static bool is_toggle_of_form(const char *name)
{
    return strcmp(name, PS_FORM_ADVANCED) == 0;
}

static bool is_set(const struct filling *filling, const struct ps_form_field *field)
{
    return is_toggle_of_form(field->name) ? ps_settings_get(filling->settings, field->name) != NULL
                                          : ps_config_is_set(filling->config, field->name);
}

static bool any_set(const struct filling *filling, const struct ps_form_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].kind == PS_FORM_GROUP
                ? any_set(filling, fields[i].fields, fields[i].fields_count)
                : is_set(filling, &fields[i])) {
            return true;
        }
    }
    return false;
}

/* Whether a person who has filled the form in like that sees the group. */
static bool is_shown(const struct filling *filling, const struct ps_form_field *group)
{
    if (is_toggle_of_form(group->condition_field)) {
        const char *given = ps_settings_get(filling->settings, group->condition_field);
        return strcasecmp(given == NULL ? "false" : given, group->condition_value) == 0;
    }
    if (group->condition_is_toggle) {
        return ps_config_boolean(filling->config, group->condition_field) ==
               (strcmp(group->condition_value, "true") == 0);
    }
    return strcmp(ps_config_text_or_empty(filling->config, group->condition_field),
                  group->condition_value) == 0;
}

/* The value of a field that is set, as it may be shown. */
static void put_value(const struct filling *filling, const struct ps_form_field *field,
                      struct ps_buffer *text)
{
    size_t size = 0;
    if (field->kind == PS_FORM_PASSWORD) {
        ps_buffer_puts(text, "***");
    } else if (field->kind == PS_FORM_UPLOAD) {
        (void)ps_config_upload(filling->config, field->name, &size);
        ps_buffer_printf(text, "a file of %zu bytes", size);
    } else if (is_toggle_of_form(field->name)) { /* unlike options, as it was given */
        ps_redact(text, ps_settings_get(filling->settings, field->name));
    } else if (field->kind == PS_FORM_TOGGLE) {
        ps_buffer_puts(text, ps_config_boolean(filling->config, field->name) ? "true" : "false");
    } else {
        ps_redact(text, ps_config_text_or_empty(filling->config, field->name));
    }
}

static void print_value(const struct filling *filling, const struct ps_form_field *field,
                        size_t indent, struct output *out)
{
    struct ps_buffer text;
    if (!is_set(filling, field)) {
        if (field->required && field->default_value == NULL) {
            print_text("value: missing", indent, out);
        }
        return;
    }
    ps_buffer_init(&text, 0);
    ps_buffer_puts(&text, "value: ");
    put_value(filling, field, &text);
    print_text(ps_buffer_text(&text), indent, out);
    ps_buffer_done(&text);
}

static void print_field(const struct ps_form_field *field, const struct filling *filling,
                        size_t indent, struct output *out);

static void print_fields(const struct ps_form_field *fields, size_t count,
                         const struct filling *filling, size_t indent, struct output *out)
{
    for (size_t i = 0; i < count; i++) {
        print_field(&fields[i], filling, indent, out);
    }
}

/* Of a group that a person would not see with these values only what is set all the same. */
static void print_set(const struct ps_form_field *group, const struct filling *filling,
                      size_t indent, struct output *out)
{
    for (size_t i = 0; i < group->fields_count; i++) {
        const struct ps_form_field *field = &group->fields[i];
        if (field->kind == PS_FORM_GROUP) {
            print_set(field, filling, indent, out);
        } else if (is_set(filling, field)) {
            print_field(field, filling, indent, out);
        }
    }
}

static void print_group(const struct ps_form_field *group, const struct filling *filling,
                        size_t indent, struct output *out)
{
    bool shown = filling->settings == NULL || is_shown(filling, group);
    if (!shown && !any_set(filling, group->fields, group->fields_count)) {
        return;
    }
    output_printf(out, "%*swhen %s is %s%s: %s\n", (int)indent, "", group->condition_field,
                  group->condition_value, shown ? "" : ", which it is not", group->label);
    if (shown) {
        print_fields(group->fields, group->fields_count, filling, indent + STEP, out);
    } else {
        print_set(group, filling, indent + STEP, out);
    }
}

static void print_field(const struct ps_form_field *field, const struct filling *filling,
                        size_t indent, struct output *out)
{
    if (field->kind == PS_FORM_GROUP) {
        print_group(field, filling, indent, out);
        return;
    }
    print_head(field, indent, out);
    if (filling->settings != NULL) {
        print_value(filling, field, indent + STEP, out);
    }
    if (field->description != NULL) {
        print_text(field->description, indent + STEP, out);
    }
    print_choices(field, indent + STEP, out);
    if (field->kind == PS_FORM_UPLOAD) {
        print_upload(field, indent + STEP, out);
    }
}

static void print_form(const struct ps_form *form, const struct filling *filling,
                       struct output *out)
{
    output_puts(out, "Fields with * must be filled in.\n\n");
    print_fields(form->fields, form->fields_count, filling, 0, out);
    output_puts(out, "\ntests:\n");
    for (const struct ps_test *test = form->tests; test->name != NULL; test++) {
        output_printf(out, "  %-10s %s\n", test->name, test->label);
    }
}

/*
 * From here on ConfigurationFormResponse in protobuf's mapping to JSON, with the names that its
 * members have in the protocol.
 */
static void put_optional(struct ps_json_writer *writer, const char *name, const char *text)
{
    if (text != NULL) {
        ps_json_put_text(writer, name, text);
    }
}

static void put_texts(struct ps_json_writer *writer, const char *name, const char *const *texts)
{
    ps_json_open(writer, name, '[');
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        ps_json_put_text(writer, NULL, texts[i]);
    }
    ps_json_close(writer, ']');
}

static void put_described_choices(struct ps_json_writer *writer, const struct ps_choice *choices)
{
    ps_json_open(writer, "descriptive_dropdown_fields", '{');
    ps_json_open(writer, "descriptive_dropdown_field", '[');
    for (const struct ps_choice *choice = choices; choice->value != NULL; choice++) {
        ps_json_open(writer, NULL, '{');
        ps_json_put_text(writer, "value", choice->value);
        put_optional(writer, "label", choice->label);
        put_optional(writer, "description", choice->description);
        ps_json_close(writer, '}');
    }
    ps_json_close(writer, ']');
    ps_json_close(writer, '}');
}

static void put_field(struct ps_json_writer *writer, const struct ps_form_field *field);

static void put_group(struct ps_json_writer *writer, const struct ps_form_field *field)
{
    ps_json_open(writer, "conditional_fields", '{');
    ps_json_open(writer, "condition", '{');
    ps_json_put_text(writer, "condition_field", field->condition_field);
    if (field->condition_is_toggle) {
        ps_json_put_boolean(writer, "bool_value", strcmp(field->condition_value, "true") == 0);
    } else {
        ps_json_put_text(writer, "string_value", field->condition_value);
    }
    ps_json_close(writer, '}');
    ps_json_open(writer, "fields", '[');
    for (size_t i = 0; i < field->fields_count; i++) {
        put_field(writer, &field->fields[i]);
    }
    ps_json_close(writer, ']');
    ps_json_close(writer, '}');
}

/* The member of the oneof that says what kind of field it is. */
static void put_kind(struct ps_json_writer *writer, const struct ps_form_field *field)
{
    switch (field->kind) {
    case PS_FORM_TEXT:
        ps_json_put_text(writer, "text_field", "PlainText");
        break;
    case PS_FORM_PASSWORD:
        ps_json_put_text(writer, "text_field", "Password");
        break;
    case PS_FORM_HIDDEN:
        ps_json_put_text(writer, "text_field", "Hidden");
        break;
    case PS_FORM_DROPDOWN:
        ps_json_open(writer, "dropdown_field", '{');
        put_texts(writer, "dropdown_field", field->choices);
        ps_json_close(writer, '}');
        break;
    case PS_FORM_DESCRIPTIVE_DROPDOWN:
        put_described_choices(writer, field->described_choices);
        break;
    case PS_FORM_TOGGLE:
        ps_json_open(writer, "toggle_field", '{');
        ps_json_close(writer, '}');
        break;
    case PS_FORM_UPLOAD:
        ps_json_open(writer, "upload_field", '{');
        put_texts(writer, "allowed_file_type", field->upload_types);
        ps_json_put_integer(writer, "max_file_size_bytes", field->upload_bytes_max);
        ps_json_close(writer, '}');
        break;
    case PS_FORM_GROUP:
        put_group(writer, field);
        break;
    }
}

static void put_field(struct ps_json_writer *writer, const struct ps_form_field *field)
{
    ps_json_open(writer, NULL, '{');
    ps_json_put_text(writer, "name", field->name);
    ps_json_put_text(writer, "label", field->label);
    if (field->kind != PS_FORM_GROUP) {
        ps_json_put_boolean(writer, "required", field->required);
    }
    put_optional(writer, "description", field->description);
    put_optional(writer, "default_value", field->default_value);
    put_optional(writer, "placeholder", field->placeholder);
    put_kind(writer, field);
    ps_json_close(writer, '}');
}

/* What the fields are filled in with, by name. */
static void put_values(struct ps_json_writer *writer, const struct filling *filling,
                       const struct ps_form_field *fields, size_t count)
{
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].kind == PS_FORM_GROUP) {
            put_values(writer, filling, fields[i].fields, fields[i].fields_count);
        } else if (is_set(filling, &fields[i])) {
            ps_buffer_clear(&text);
            put_value(filling, &fields[i], &text);
            ps_json_put_text(writer, fields[i].name, ps_buffer_text(&text));
        }
    }
    ps_buffer_done(&text);
}

static void write_document(const struct ps_form *form, const struct filling *filling,
                           struct output *out)
{
    struct ps_json_writer writer;
    struct ps_buffer buffer;

    ps_buffer_init(&buffer, 0);
    ps_json_writer_init(&writer, &buffer, true);
    ps_json_open(&writer, NULL, '{');
    ps_json_put_boolean(&writer, "schema_selection_supported", true);
    ps_json_put_boolean(&writer, "table_selection_supported", true);
    ps_json_open(&writer, "fields", '[');
    for (size_t i = 0; i < form->fields_count; i++) {
        put_field(&writer, &form->fields[i]);
    }
    ps_json_close(&writer, ']');
    ps_json_open(&writer, "tests", '[');
    for (const struct ps_test *test = form->tests; test->name != NULL; test++) {
        ps_json_open(&writer, NULL, '{');
        ps_json_put_text(&writer, "name", test->name);
        ps_json_put_text(&writer, "label", test->label);
        ps_json_close(&writer, '}');
    }
    ps_json_close(&writer, ']');
    if (filling->settings != NULL) {
        ps_json_open(&writer, "configuration", '{');
        put_values(&writer, filling, form->fields, form->fields_count);
        ps_json_close(&writer, '}');
    }
    ps_json_close(&writer, '}');
    ps_buffer_putc(&buffer, '\n');
    output_buffer(out, &buffer);
    ps_buffer_done(&buffer);
}

/* The form of --source, else of the configuration's source, else of all; and what is filled in. */
static enum ps_status make_form(const struct command_line *line, struct local *local,
                                struct ps_form **ret_form, struct ps_error *err)
{
    const char *source = command_text(line, "source");
    const char *config = command_text(line, "config");
    if (config == NULL) {
        return ps_configure_form(source, ret_form, err);
    }
    if (source != NULL) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "--source and --config both say whose form is meant: give one of them");
    }
    enum ps_status status = local_configure(local, config, err);
    local_log_warnings(local);
    return status == PS_OK ? ps_configure_form(local->source_ops->name, ret_form, err) : status;
}

static enum exit_status run_form(const struct command_line *line, struct output *out)
{
    struct local local = {.arena = NULL};
    struct ps_form *form = NULL;
    struct ps_error err = {0};
    bool json = command_given(line, "json");
    enum ps_status status = make_form(line, &local, &form, &err);
    struct filling filling = {local.config != NULL ? &local.settings : NULL, local.config};

    if (status != PS_OK) {
        ps_log(PS_LOG_SEVERE, "%s", err.message);
        if (json) {
            result_write_failed(out, &err);
        }
    } else if (json) {
        write_document(form, &filling, out);
    } else {
        print_form(form, &filling, out);
    }
    ps_form_free(form);
    local_done(&local);
    return exit_status_of(status, &err, 0);
}

static const struct command_option options[] = {
    {.name = "source",
     .type = COMMAND_VALUE,
     .argument = "NAME",
     .help = "The form of this source alone. Without it: the form that begins with a choice of the "
             "sources."},
    {.name = "config",
     .type = COMMAND_VALUE,
     .argument = "FILE",
     .help = "The form of this configuration's source, filled in with its values; secrets are ***, "
             "and what the values hide is left out."},
    {.name = "json",
     .type = COMMAND_FLAG,
     .help = "The answer to ConfigurationForm as JSON, with the names of the protocol. With "
             "--config the values are besides, as `configuration`."},
    {.name = NULL},
};

const struct command command_form = {
    .name = "form",
    .summary = "shows the setup form that the platform's users fill in",
    .details = "In square brackets: the key that a field has in configuration.json.\n",
    .options = options,
    .run = run_form,
    .fail = result_write_failed,
};
