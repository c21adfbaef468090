/*
 * Unit tests for src/rpc/form.c: the response is taken apart again with the reader.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/protobuf.h"
#include "rpc/form.h"
#include "support/unit.h"

static const char *const modes[] = {"a", "", NULL};
static const char *const types[] = {".pem", ".crt", NULL};
static const struct ps_choice choices[] = {{.value = "v", .label = "l", .description = "d"},
                                           {.value = NULL}};
static const struct ps_form_field inner[] = {
    {.name = "in", .label = "In", .kind = PS_FORM_HIDDEN, .required = true}};
static const struct ps_form_field nested[] = {{.name = "g2",
                                               .label = "G2",
                                               .kind = PS_FORM_GROUP,
                                               .condition_field = "t",
                                               .condition_value = "false",
                                               .condition_is_toggle = true,
                                               .fields = inner,
                                               .fields_count = 1}};
static const struct ps_form_field fields[] = {
    {.name = "p",
     .label = "P",
     .kind = PS_FORM_TEXT,
     .default_value = "",
     .placeholder = "x",
     .description = "D"},
    {.name = "s", .label = "S", .kind = PS_FORM_PASSWORD, .required = true},
    {.name = "c", .label = "C", .kind = PS_FORM_DROPDOWN, .choices = modes},
    {.name = "dc",
     .label = "DC",
     .kind = PS_FORM_DESCRIPTIVE_DROPDOWN,
     .described_choices = choices},
    {.name = "t", .label = "T", .kind = PS_FORM_TOGGLE},
    {.name = "u",
     .label = "U",
     .kind = PS_FORM_UPLOAD,
     .upload_types = types,
     .upload_bytes_max = 300},
    {.name = "g",
     .label = "G",
     .kind = PS_FORM_GROUP,
     .condition_field = "c",
     .condition_value = "",
     .fields = nested,
     .fields_count = 1},
};
static const struct ps_test form_tests[] = {{"connect", "Connecting"}, {NULL, NULL}};
static const struct ps_form form = {
    .fields = fields, .fields_count = sizeof fields / sizeof fields[0], .tests = form_tests};

/* The wire does not tell a nested message from a text: these paths of field numbers are messages.
 */
static const char *const nested_paths[] = {
    ".3",         ".4",           ".3.6",         ".3.7",  ".3.10", ".3.10.1", ".3.10.2",
    ".3.10.2.10", ".3.10.2.10.1", ".3.10.2.10.2", ".3.11", ".3.12", ".3.12.1",
};

static bool is_nested(const char *path)
{
    for (size_t i = 0; i < sizeof nested_paths / sizeof nested_paths[0]; i++) {
        if (strcmp(path, nested_paths[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A message as text: "1=1 3{1'name'}". */
static void tell(const void *bytes, size_t size, const char *path, struct ps_buffer *out)
{
    struct ps_pb_reader reader = ps_pb_reader_of(bytes, size);
    struct ps_pb_field field;
    bool first = true;
    while (ps_pb_next(&reader, &field)) {
        struct ps_buffer below;
        ps_buffer_init(&below, 0);
        ps_buffer_printf(&below, "%s.%u", path, field.number);
        ps_buffer_printf(out, "%s%u", first ? "" : " ", field.number);
        first = false;
        if (field.wire == PS_PB_VARINT) {
            ps_buffer_printf(out, "=%llu", (unsigned long long)field.integer);
        } else if (is_nested(ps_buffer_text(&below))) {
            ps_buffer_puts(out, "{");
            tell(field.bytes, field.size, ps_buffer_text(&below), out);
            ps_buffer_puts(out, "}");
        } else {
            ps_buffer_printf(out, "'%.*s'", (int)field.size, (const char *)field.bytes);
        }
        ps_buffer_done(&below);
    }
    assert_false(reader.failed);
}

static void test_form_write_gives_every_kind_its_member_with_presence(void **state)
{
    (void)state;
    struct ps_buffer out, text;
    struct ps_error err = {0};
    ps_buffer_init(&out, 0);
    ps_buffer_init(&text, 0);
    assert_int_equal(rpc_form_write(&form, &out, &err), PS_OK);
    tell(out.data, out.size, "", &text);
    assert_string_equal(ps_buffer_text(&text),
                        "1=1 2=1 "
                        "3{1'p' 2'P' 3=0 4'D' 8'' 9'x' 5=0} "
                        "3{1's' 2'S' 3=1 5=1} "
                        "3{1'c' 2'C' 3=0 6{1'a' 1''}} "
                        "3{1'dc' 2'DC' 3=0 12{1{1'v' 2'l' 3'd'}}} "
                        "3{1't' 2'T' 3=0 7{}} "
                        "3{1'u' 2'U' 3=0 11{1'.pem' 1'.crt' 2=300}} "
                        "3{1'g' 2'G' 10{1{1'c' 3''} 2{1'g2' 2'G2' 10{1{1't' 2=0} "
                        "2{1'in' 2'In' 3=1 5=2}}}}} "
                        "4{1'connect' 2'Connecting'}");
    ps_buffer_done(&out);
    ps_buffer_done(&text);
}

static void test_form_write_beyond_the_limit_is_no_memory(void **state)
{
    (void)state;
    struct ps_buffer out;
    struct ps_error err = {0};
    ps_buffer_init(&out, 10);
    assert_int_equal(rpc_form_write(&form, &out, &err), PS_NOMEM);
    ps_buffer_done(&out);
}

static void test_form_answer_is_that_of_one_source_or_of_all(void **state)
{
    (void)state;
    struct ps_buffer one, all;
    struct ps_error err = {0};
    ps_buffer_init(&one, 0);
    ps_buffer_init(&all, 0);
    assert_int_equal(rpc_form_answer("ehr", &one, &err), PS_OK);
    assert_int_equal(rpc_form_answer(NULL, &all, &err), PS_OK);
    assert_true(all.size > one.size);
    assert_null(memmem(one.data, one.size, "postgresql_host", 15));
    assert_non_null(memmem(all.data, all.size, "postgresql_host", 15));
    ps_buffer_clear(&one);
    assert_int_equal(rpc_form_answer("oracle", &one, &err), PS_CONFIG);
    assert_int_equal(one.size, 0);
    ps_buffer_done(&one);
    ps_buffer_done(&all);
}

static void test_form_answer_when_memory_runs_out_says_so(void **state)
{
    (void)state;
    enum ps_status status = PS_NOMEM;
    for (int64_t n = 0; status != PS_OK; n++) {
        struct ps_buffer out;
        struct ps_error err = {0};
        assert_true(n < 1000);
        ps_buffer_init(&out, 0);
        ps_alloc_fail_after(n, 0);
        status = rpc_form_answer(NULL, &out, &err);
        ps_alloc_fail_after(-1, 0);
        assert_true(status == PS_OK || status == PS_NOMEM);
        ps_buffer_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form_write_gives_every_kind_its_member_with_presence),
        cmocka_unit_test(test_form_write_beyond_the_limit_is_no_memory),
        cmocka_unit_test(test_form_answer_is_that_of_one_source_or_of_all),
        cmocka_unit_test(test_form_answer_when_memory_runs_out_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
