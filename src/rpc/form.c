/*
 * Writes the form with the wire codec. Members of a oneof and optional fields have presence: they
 * are written also where they are 0, false or empty. See form.h.
 */
#include "rpc/form.h"

#include <string.h>

#include "base/protobuf.h"
#include "engine/configure.h"

/* Field numbers of ConfigurationFormResponse, FormField and what they hold. */
enum {
    FORM_SCHEMA_SELECTION = 1,
    FORM_TABLE_SELECTION = 2,
    FORM_FIELDS = 3,
    FORM_TESTS = 4,

    FIELD_NAME = 1,
    FIELD_LABEL = 2,
    FIELD_REQUIRED = 3,
    FIELD_DESCRIPTION = 4,
    FIELD_TEXT = 5,
    FIELD_DROPDOWN = 6,
    FIELD_TOGGLE = 7,
    FIELD_DEFAULT = 8,
    FIELD_PLACEHOLDER = 9,
    FIELD_CONDITIONAL = 10,
    FIELD_UPLOAD = 11,
    FIELD_DESCRIPTIVE = 12,

    TEXT_PLAIN = 0,
    TEXT_PASSWORD = 1,
    TEXT_HIDDEN = 2,

    DROPDOWN_CHOICE = 1,

    DESCRIPTIVE_CHOICE = 1,
    CHOICE_VALUE = 1,
    CHOICE_LABEL = 2,
    CHOICE_DESCRIPTION = 3,

    UPLOAD_TYPE = 1,
    UPLOAD_BYTES_MAX = 2,

    CONDITIONAL_CONDITION = 1,
    CONDITIONAL_FIELDS = 2,
    CONDITION_FIELD = 1,
    CONDITION_BOOL = 2,
    CONDITION_TEXT = 3,

    TEST_NAME = 1,
    TEST_LABEL = 2,
};

static void put_optional_text(struct ps_buffer *out, uint32_t number, const char *text)
{
    if (text != NULL) {
        ps_pb_put_text(out, number, text);
    }
}

static void put_dropdown(struct ps_buffer *out, const struct ps_form_field *field)
{
    size_t mark = ps_pb_open(out, FIELD_DROPDOWN);
    for (size_t i = 0; field->choices[i] != NULL; i++) {
        ps_pb_put_text(out, DROPDOWN_CHOICE, field->choices[i]);
    }
    ps_pb_close(out, mark);
}

static void put_descriptive_dropdown(struct ps_buffer *out, const struct ps_form_field *field)
{
    size_t mark = ps_pb_open(out, FIELD_DESCRIPTIVE);
    for (const struct ps_choice *choice = field->described_choices; choice->value != NULL;
         choice++) {
        size_t inner = ps_pb_open(out, DESCRIPTIVE_CHOICE);
        ps_pb_put_text(out, CHOICE_VALUE, choice->value);
        put_optional_text(out, CHOICE_LABEL, choice->label);
        put_optional_text(out, CHOICE_DESCRIPTION, choice->description);
        ps_pb_close(out, inner);
    }
    ps_pb_close(out, mark);
}

static void put_upload(struct ps_buffer *out, const struct ps_form_field *field)
{
    size_t mark = ps_pb_open(out, FIELD_UPLOAD);
    for (size_t i = 0; field->upload_types != NULL && field->upload_types[i] != NULL; i++) {
        ps_pb_put_text(out, UPLOAD_TYPE, field->upload_types[i]);
    }
    ps_pb_put_int(out, UPLOAD_BYTES_MAX, field->upload_bytes_max);
    ps_pb_close(out, mark);
}

static void put_field(struct ps_buffer *out, uint32_t number, const struct ps_form_field *field);

static void put_group(struct ps_buffer *out, const struct ps_form_field *field)
{
    size_t mark = ps_pb_open(out, FIELD_CONDITIONAL);
    size_t condition = ps_pb_open(out, CONDITIONAL_CONDITION);
    ps_pb_put_text(out, CONDITION_FIELD, field->condition_field);
    if (field->condition_is_toggle) {
        ps_pb_put_bool(out, CONDITION_BOOL, strcmp(field->condition_value, "true") == 0);
    } else {
        ps_pb_put_text(out, CONDITION_TEXT, field->condition_value);
    }
    ps_pb_close(out, condition);
    for (size_t i = 0; i < field->fields_count; i++) {
        put_field(out, CONDITIONAL_FIELDS, &field->fields[i]);
    }
    ps_pb_close(out, mark);
}

/* The member of the oneof that says what kind of field it is. */
static void put_kind(struct ps_buffer *out, const struct ps_form_field *field)
{
    switch (field->kind) {
    case PS_FORM_TEXT:
        ps_pb_put_varint(out, FIELD_TEXT, TEXT_PLAIN);
        break;
    case PS_FORM_PASSWORD:
        ps_pb_put_varint(out, FIELD_TEXT, TEXT_PASSWORD);
        break;
    case PS_FORM_HIDDEN:
        ps_pb_put_varint(out, FIELD_TEXT, TEXT_HIDDEN);
        break;
    case PS_FORM_DROPDOWN:
        put_dropdown(out, field);
        break;
    case PS_FORM_DESCRIPTIVE_DROPDOWN:
        put_descriptive_dropdown(out, field);
        break;
    case PS_FORM_TOGGLE:
        ps_pb_close(out, ps_pb_open(out, FIELD_TOGGLE));
        break;
    case PS_FORM_UPLOAD:
        put_upload(out, field);
        break;
    case PS_FORM_GROUP:
        put_group(out, field);
        break;
    }
}

static void put_field(struct ps_buffer *out, uint32_t number, const struct ps_form_field *field)
{
    size_t mark = ps_pb_open(out, number);
    ps_pb_put_text(out, FIELD_NAME, field->name);
    ps_pb_put_text(out, FIELD_LABEL, field->label);
    if (field->kind != PS_FORM_GROUP) {
        ps_pb_put_bool(out, FIELD_REQUIRED, field->required);
    }
    put_optional_text(out, FIELD_DESCRIPTION, field->description);
    put_optional_text(out, FIELD_DEFAULT, field->default_value);
    put_optional_text(out, FIELD_PLACEHOLDER, field->placeholder);
    put_kind(out, field);
    ps_pb_close(out, mark);
}

enum ps_status rpc_form_write(const struct ps_form *form, struct ps_buffer *out,
                              struct ps_error *err)
{
    ps_pb_put_bool(out, FORM_SCHEMA_SELECTION, true);
    ps_pb_put_bool(out, FORM_TABLE_SELECTION, true);
    for (size_t i = 0; i < form->fields_count; i++) {
        put_field(out, FORM_FIELDS, &form->fields[i]);
    }
    for (const struct ps_test *test = form->tests; test->name != NULL; test++) {
        size_t mark = ps_pb_open(out, FORM_TESTS);
        ps_pb_put_text(out, TEST_NAME, test->name);
        ps_pb_put_text(out, TEST_LABEL, test->label);
        ps_pb_close(out, mark);
    }
    return ps_buffer_ok(out) ? PS_OK : ps_fail_nomem(err, "writing the setup form");
}

enum ps_status rpc_form_answer(const char *source, struct ps_buffer *out, struct ps_error *err)
{
    struct ps_form *form = NULL;
    enum ps_status status = ps_configure_form(source, &form, err);
    if (status == PS_OK) {
        status = rpc_form_write(form, out, err);
    }
    ps_form_free(form);
    return status;
}
