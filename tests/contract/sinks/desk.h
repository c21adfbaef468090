/*
 * What the suite's tests work with: an open sink, tables written down as lists of columns, and rows
 * written down as text. Fails the running test where a call does not do as expected.
 */
#ifndef TESTS_CONTRACT_SINKS_DESK_H
#define TESTS_CONTRACT_SINKS_DESK_H

#include "base/clock.h"
#include "contract/sinks/suite.h"
#include "support/unit.h"

struct desk {
    const struct contract_sink *contract;
    const struct ps_sink_ops *ops;
    const char *destination;
    struct ps_clock_fake clock;
    struct ps_sink *sink;
    uint64_t number; /* of the last checkpoint */
};

/* { DESK_COLUMN_WITH("id", INT, .key_position = 1), DESK_COLUMN("name", STRING), … } */
#define DESK_COLUMN(text, kind)                                                                    \
    {                                                                                              \
        .name = (text), .source_type = "", .type = PS_TYPE_##kind                                  \
    }
#define DESK_COLUMN_WITH(text, kind, ...)                                                          \
    {                                                                                              \
        .name = (text), .source_type = "", .type = PS_TYPE_##kind, __VA_ARGS__                     \
    }
#define DESK_TABLE(text, list, keys)                                                               \
    {                                                                                              \
        .schema = "", .name = (text), .columns = (list),                                           \
        .columns_count = sizeof(list) / sizeof((list)[0]), .keys_count = (keys),                   \
        .rows_estimate = -1, .bytes_estimate = -1                                                  \
    }

/* cmocka's setup and teardown; *state is the contract, then the desk. */
int desk_setup(void **state);
int desk_teardown(void **state);

void desk_open(struct desk *desk);
void desk_close(struct desk *desk);
void desk_schema(struct desk *desk, const struct ps_table *table);
void desk_load_begin(struct desk *desk, const struct ps_table *table);
struct ps_load_result desk_load_end(struct desk *desk, const struct ps_table *table,
                                    uint32_t flags);
void desk_truncate(struct desk *desk, const struct ps_table *table);
void desk_checkpoint(struct desk *desk);

/*
 * A batch of the rows, one a line, cells separated by "|", NULL as "~", in the form of
 * fake_sink_value. `columns`: indexes, NULL for all of the table in order.
 */
struct ps_batch *desk_batch(const struct ps_table *table, enum ps_operation operation,
                            const uint32_t *columns, uint32_t columns_count, const char *rows);
/* Prepares and writes such a batch. */
void desk_write(struct desk *desk, const struct ps_table *table, enum ps_operation operation,
                const char *rows);
void desk_write_columns(struct desk *desk, const struct ps_table *table,
                        enum ps_operation operation, const uint32_t *columns,
                        uint32_t columns_count, const char *rows);
void desk_write_batch(struct desk *desk, struct ps_batch *batch);

/* Closes the sink and compares the committed rows with `expected` (lines in byte order; NULL: there
 * is no such table); opens it again. */
void desk_expect(struct desk *desk, const struct ps_table *table, const char *columns,
                 const char *expected);

#endif
