/*
 * penstock form: the setup form as a person would see it, and as the document that the platform
 * gets. Needs neither a configuration nor a source that answers.
 */
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "cli/help.h"
#include "cli/result.h"
#include "engine/configure.h"

#define STEP 2 /* blanks by which what belongs to something stands under it */

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

static void print_field(const struct ps_form_field *field, size_t indent, struct output *out);

static void print_fields(const struct ps_form_field *fields, size_t count, size_t indent,
                         struct output *out)
{
    for (size_t i = 0; i < count; i++) {
        print_field(&fields[i], indent, out);
    }
}

static void print_field(const struct ps_form_field *field, size_t indent, struct output *out)
{
    if (field->kind == PS_FORM_GROUP) {
        output_printf(out, "%*swhen %s is %s: %s\n", (int)indent, "", field->condition_field,
                      field->condition_value, field->label);
        print_fields(field->fields, field->fields_count, indent + STEP, out);
        return;
    }
    print_head(field, indent, out);
    if (field->description != NULL) {
        print_text(field->description, indent + STEP, out);
    }
    print_choices(field, indent + STEP, out);
    if (field->kind == PS_FORM_UPLOAD) {
        print_upload(field, indent + STEP, out);
    }
}

static void print_form(const struct ps_form *form, struct output *out)
{
    output_puts(out, "Fields with * must be filled in.\n\n");
    print_fields(form->fields, form->fields_count, 0, out);
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

static void write_document(const struct ps_form *form, struct output *out)
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
    ps_json_close(&writer, '}');
    ps_buffer_putc(&buffer, '\n');
    output_buffer(out, &buffer);
    ps_buffer_done(&buffer);
}

static enum exit_status run_form(const struct command_line *line, struct output *out)
{
    struct ps_form *form = NULL;
    struct ps_error err = {0};
    bool json = command_given(line, "json");
    enum ps_status status = ps_configure_form(command_text(line, "source"), &form, &err);

    if (status != PS_OK) {
        ps_log(PS_LOG_SEVERE, "%s", err.message);
        if (json) {
            result_write_failed(out, &err);
        }
    } else if (json) {
        write_document(form, out);
    } else {
        print_form(form, out);
    }
    ps_form_free(form);
    return exit_status_of(status, &err, 0);
}

static const struct command_option options[] = {
    {.name = "source",
     .type = COMMAND_VALUE,
     .argument = "NAME",
     .help = "The form of this source alone. Without it: the form that begins with a choice of the "
             "sources."},
    {.name = "json",
     .type = COMMAND_FLAG,
     .help = "The answer to ConfigurationForm as JSON, with the names of the protocol."},
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
