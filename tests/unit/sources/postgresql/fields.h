/*
 * A batch of one column, and bytes written as hex digits, for the tests of decoders.
 */
#ifndef PS_TESTS_POSTGRESQL_FIELDS_H
#define PS_TESTS_POSTGRESQL_FIELDS_H

#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "sources/postgresql/types.h"

struct field_case {
    struct type_field field;
    struct ps_column column;
    struct ps_table table;
    uint32_t columns[1];
    struct ps_batch *batch;
};

static inline void field_case_init(struct field_case *test, uint32_t oid, int32_t modifier)
{
    struct ps_error err = {0};
    memset(test, 0, sizeof *test);
    test->field = type_resolve(oid, modifier, TYPE_SHAPE_SCALAR, false);
    test->column = (struct ps_column){.name = "c",
                                      .source_type = "",
                                      .type = test->field.type,
                                      .precision = test->field.precision,
                                      .scale = test->field.scale};
    test->table =
        (struct ps_table){.schema = "s", .name = "t", .columns = &test->column, .columns_count = 1};
    struct ps_batch_shape shape = {.table = &test->table,
                                   .columns = test->columns,
                                   .columns_count = 1,
                                   .rows_max = 8,
                                   .bytes_max = 1 << 20};
    assert_int_equal(ps_batch_new(&shape, &test->batch, &err), PS_OK);
}

static inline void field_case_done(struct field_case *test)
{
    ps_batch_free(test->batch);
}

/* The bytes lie in memory of just their size, so that a sanitizer sees a read past them. */
static inline const char *decode_hex(struct field_case *test, const char *hex)
{
    uint32_t size = 0;
    uint8_t *bytes = malloc(strlen(hex) / 2 + 1);
    assert_non_null(bytes);
    uint8_t half = 0, halves = 0;
    for (; *hex != '\0'; hex++) {
        if (*hex == ' ') {
            continue;
        }
        uint8_t digit = (uint8_t)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
        if (halves++ % 2 == 0) {
            half = digit;
        } else {
            bytes[size++] = (uint8_t)(half << 4 | digit);
        }
    }
    uint8_t *exact = malloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    free(bytes);
    ps_batch_reset(test->batch);
    const char *reason = test->field.decode(&test->field, exact, size, test->batch, 0);
    free(exact);
    if (reason == NULL) {
        ps_batch_row_end(test->batch);
    }
    return reason;
}

static inline void assert_decodes_to_text(struct field_case *test, const char *hex,
                                          const char *expected)
{
    size_t size;
    const char *reason = decode_hex(test, hex);
    if (reason != NULL) {
        fail_msg("%s: %s", hex, reason);
    }
    const uint8_t *text = ps_vector_bytes(&test->batch->vectors[0], 0, &size);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(text, expected, size);
}

#define DECODED(ctype, test) (((const ctype *)(test).batch->vectors[0].values)[0])

#endif
