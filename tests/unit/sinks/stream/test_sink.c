/*
 * Unit tests for src/sinks/stream/sink.c and control.c: what is sent, in which order, and who owns
 * it when sending fails.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "contract/sinks/desk.h"
#include "sinks/stream/stream.h"
#include "support/stream_text.h"
#include "support/torture.h"
#include "support/unit.h"

/* The other end of the stream: keeps the text of what came, and fails from the nth message on. */
struct end {
    struct ps_buffer text;
    size_t messages, fail_after;
    char hexadecimal[1024]; /* of the last message, where it is short */
};

static enum ps_status receive(void *context, uint8_t *message, size_t size, struct ps_error *err)
{
    struct end *end = context;
    enum ps_status status = PS_OK;
    if (end->messages++ >= end->fail_after) {
        status = ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "the client is gone");
    } else {
        stream_text(&end->text, message, size);
        for (size_t i = 0; 2 * i + 3 < sizeof(end->hexadecimal) && i < size; i++) {
            snprintf(end->hexadecimal + 2 * i, 3, "%02x", message[i]);
        }
    }
    ps_free(message);
    return status;
}

struct fixture {
    struct end end;
    struct ps_stream stream;
    struct ps_sink *sink;
};

static void begin(struct fixture *fixture, size_t message_bytes, bool with_schema)
{
    *fixture = (struct fixture){.end.fail_after = SIZE_MAX};
    ps_buffer_init(&fixture->end.text, 0);
    fixture->stream = (struct ps_stream){.context = &fixture->end,
                                         .send = receive,
                                         .message_bytes = message_bytes,
                                         .with_schema = with_schema};
    struct ps_sink_request request = {.destination = "", .schema = "", .stream = &fixture->stream};
    struct ps_error err = {0};
    assert_int_equal(ps_sink_stream.open(&request, &fixture->sink, &err), PS_OK);
}

static void finish(struct fixture *fixture)
{
    ps_sink_stream.close(fixture->sink);
    ps_buffer_done(&fixture->end.text);
}

static void expect(struct fixture *fixture, const char *text)
{
    assert_string_equal(ps_buffer_text(&fixture->end.text), text);
    ps_buffer_clear(&fixture->end.text);
}

static const struct ps_column table_columns[] = {
    DESK_COLUMN_WITH("id", LONG, .key_position = 1),
    DESK_COLUMN_WITH("d", DECIMAL, .precision = 12, .scale = 2),
    DESK_COLUMN("u", UNSPECIFIED),
    DESK_COLUMN_WITH("n", DECIMAL, .precision = 5),
};
static const struct ps_table table = {
    .schema = "s", .name = "t", .columns = table_columns, .columns_count = 4, .keys_count = 1};
static const struct ps_table table_again = {
    .schema = "s", .name = "t", .columns = table_columns, .columns_count = 4, .keys_count = 1};

static enum ps_status write_rows(struct fixture *fixture, const struct ps_table *of,
                                 const char *rows, struct ps_error *err)
{
    struct ps_packet *packet;
    enum ps_status status = ps_sink_stream.prepare(
        fixture->sink, desk_batch(of, PS_UPSERT, NULL, 0, rows), &packet, err);
    return status == PS_OK ? ps_sink_stream.write(fixture->sink, packet, err) : status;
}

/* The bytes are those of `protoc --encode` (3.21) of the contract's messages. */
static void test_sink_schema_change_with_schema_tells_the_whole_table(void **state)
{
    (void)state;
    struct fixture fixture;
    struct ps_error err = {0};
    bool changed = false;
    begin(&fixture, 0, true);
    assert_int_equal(ps_sink_stream.schema_change(fixture.sink, &table, &changed, &err), PS_OK);
    assert_true(changed);
    expect(&fixture, "schema_change [s]t id LONG key, d DECIMAL(12,2), u UNSPECIFIED, "
                     "n DECIMAL(5,0)\n");
    assert_string_equal(fixture.end.hexadecimal,
                        "12370a350a330a0173122e0a017412080a02696410041801120d0a0164100522060a04"
                        "080c100212030a0175120b0a016e100522040a020805");
    finish(&fixture);
}

static void test_sink_schema_change_without_schema_is_a_list_of_tables(void **state)
{
    (void)state;
    struct fixture fixture;
    struct ps_error err = {0};
    bool changed = false;
    begin(&fixture, 0, false);
    assert_int_equal(ps_sink_stream.schema_change(fixture.sink, &table, &changed, &err), PS_OK);
    assert_string_equal(fixture.end.hexadecimal,
                        "123212300a2e0a017412080a02696410041801120d0a0164100522060a04080c1002"
                        "12030a0175120b0a016e100522040a020805");
    finish(&fixture);
}

static void test_sink_truncate_and_load_begin_send_a_record_without_data(void **state)
{
    (void)state;
    struct fixture fixture;
    struct ps_error err = {0};
    begin(&fixture, 0, false);
    assert_int_equal(ps_sink_stream.truncate(fixture.sink, &table, &err), PS_OK);
    assert_string_equal(fixture.end.hexadecimal, "0a051201741803");
    assert_int_equal(ps_sink_stream.load_begin(fixture.sink, &table, &err), PS_OK);
    struct ps_load_result result = {1, 1};
    assert_int_equal(
        ps_sink_stream.load_end(fixture.sink, &table, PS_LOAD_KEYS_MAY_REPEAT, &result, &err),
        PS_OK);
    assert_int_equal(result.duplicates + result.vanished, 0);
    expect(&fixture, "record TRUNCATE t\nrecord TRUNCATE t\n");
    finish(&fixture);
    begin(&fixture, 0, true);
    assert_int_equal(ps_sink_stream.truncate(fixture.sink, &table, &err), PS_OK);
    assert_string_equal(fixture.end.hexadecimal, "0a080a01731201741803");
    finish(&fixture);
}

static void test_sink_checkpoint_warning_and_task_carry_their_texts(void **state)
{
    (void)state;
    struct fixture fixture;
    struct ps_error err = {0};
    begin(&fixture, 0, false);
    assert_int_equal(ps_sink_stream.checkpoint(fixture.sink, "{}", 2, 1, &err), PS_OK);
    assert_string_equal(fixture.end.hexadecimal, "1a040a027b7d");
    assert_int_equal(ps_sink_stream.warning(fixture.sink, "w", &err), PS_OK);
    assert_int_equal(ps_sink_stream.task(fixture.sink, "do this", &err), PS_OK);
    assert_int_equal(ps_sink_stream.task(fixture.sink, "", &err), PS_OK);
    expect(&fixture, "checkpoint {}\nwarning w\ntask do this\ntask \n");
    finish(&fixture);
}

static void test_sink_sends_in_the_order_of_the_calls(void **state)
{
    (void)state;
    struct fixture fixture;
    struct ps_error err = {0};
    struct ps_packet *first, *second;
    begin(&fixture, 0, false);
    assert_int_equal(
        ps_sink_stream.prepare(fixture.sink,
                               desk_batch(&table, PS_UPSERT, NULL, 0, "1|1.00|a|1\n2|~|~|~"),
                               &first, &err),
        PS_OK);
    assert_int_equal(first->rows, 2);
    assert_in_range(first->bytes, 40, 200);
    assert_int_equal(ps_sink_stream.prepare(fixture.sink,
                                            desk_batch(&table, PS_DELETE, NULL, 0, "2|~|~|~"),
                                            &second, &err),
                     PS_OK);
    assert_int_equal(ps_sink_stream.write(fixture.sink, first, &err), PS_OK);
    assert_int_equal(ps_sink_stream.write(fixture.sink, second, &err), PS_OK);
    assert_int_equal(ps_sink_stream.checkpoint(fixture.sink, "{}", 2, 1, &err), PS_OK);
    expect(&fixture, "records 2\n"
                     "  UPSERT t id=long:1 d=decimal:1.00 u=string:a n=decimal:1\n"
                     "  UPSERT t id=long:2 d=null u=null n=null\n"
                     "record DELETE t id=long:2\n"
                     "checkpoint {}\n");
    finish(&fixture);
}

static void test_sink_when_the_client_is_gone_ends_and_frees(void **state)
{
    (void)state;
    struct fixture fixture;
    struct ps_error err = {0};
    bool changed = false;
    for (size_t after = 0; after < 6; after++) {
        begin(&fixture, 60, false);
        fixture.end.fail_after = after;
        enum ps_status status = ps_sink_stream.schema_change(fixture.sink, &table, &changed, &err);
        if (status == PS_OK) { /* three messages */
            status = write_rows(&fixture, &table, "1|~|~|~\n2|~|~|~\n3|~|~|~", &err);
        }
        if (status == PS_OK) {
            status = ps_sink_stream.checkpoint(fixture.sink, "{}", 2, 1, &err);
        }
        assert_int_equal(status, after < 5 ? PS_CANCELED : PS_OK);
        finish(&fixture);
    }
}

static size_t lines_logged;

static void count_line(void *context, enum ps_log_level level, const char *line)
{
    (void)context;
    if (level == PS_LOG_WARNING) {
        lines_logged++;
        assert_non_null(strstr(line, "s.t: a record is larger than the 60 bytes"));
        assert_null(strstr(line, "confidential"));
    }
}

static void test_sink_tells_of_oversize_records_once_a_table(void **state)
{
    (void)state;
    struct fixture fixture;
    struct ps_error err = {0};
    static const char rows[] = "1|~|confidential and far too long for a message of these bytes|~";
    lines_logged = 0;
    ps_log_set_writer(count_line, NULL);
    begin(&fixture, 60, false);
    assert_int_equal(write_rows(&fixture, &table, rows, &err), PS_OK);
    assert_int_equal(write_rows(&fixture, &table, rows, &err), PS_OK);
    assert_int_equal(write_rows(&fixture, &table_again, rows, &err), PS_OK);
    assert_int_equal(lines_logged, 1);
    assert_int_equal(fixture.end.messages, 3);
    const struct ps_sink_loss *losses;
    assert_int_equal(ps_sink_stream.losses(fixture.sink, &losses), 0);
    finish(&fixture);
    ps_log_set_writer(NULL, NULL);
}

/* A batch of rows of which one has a text of `size`. */
static struct ps_batch *large(const struct ps_table *of, size_t size)
{
    static const uint32_t columns[] = {0, 2};
    struct ps_batch_shape shape = {
        .table = of, .columns = columns, .columns_count = 2, .rows_max = 3, .bytes_max = SIZE_MAX};
    struct ps_batch *batch;
    struct ps_error err = {0};
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    for (int row = 0; row < 3; row++) {
        ps_batch_put_long(batch, 0, row);
        assert_true(ps_vector_reserve(&batch->vectors[1], row == 1 ? size : 1));
        memset(batch->vectors[1].bytes + batch->vectors[1].bytes_size, 'x', row == 1 ? size : 1);
        batch->vectors[1].bytes_size += (uint32_t)(row == 1 ? size : 1);
        batch->vectors[1].offsets[row + 1] = batch->vectors[1].bytes_size;
        ps_vector_set_valid(&batch->vectors[1], (uint32_t)row);
        ps_batch_row_end(batch);
    }
    return batch;
}

static void test_sink_leaves_out_what_is_larger_than_128_mib(void **state)
{
    (void)state;
    struct fixture fixture;
    struct ps_error err = {0};
    struct ps_packet *packet;
    const struct ps_sink_loss *losses = NULL;
    begin(&fixture, 0, false);
    assert_int_equal(
        ps_sink_stream.prepare(fixture.sink, large(&table, (size_t)134217728), &packet, &err),
        PS_OK);
    assert_in_range(packet->bytes, 10, 200);
    assert_int_equal(ps_sink_stream.write(fixture.sink, packet, &err), PS_OK);
    expect(&fixture,
           "record UPSERT t id=long:0 u=string:x\nrecord UPSERT t id=long:2 u=string:x\n");
    assert_int_equal(ps_sink_stream.losses(fixture.sink, &losses), 1);
    assert_string_equal(losses[0].column, "u");
    assert_ptr_equal(losses[0].table, &table);
    assert_int_equal(losses[0].values, 1);
    assert_true(losses[0].rows_skipped);
    assert_non_null(strstr(losses[0].what, "128 MiB"));
    finish(&fixture);
}

static enum ps_status everything(void *context, struct ps_error *err)
{
    (void)context;
    struct fixture fixture;
    bool changed;
    struct end end = {.fail_after = 0};
    /* Nothing of the far end counts here: its buffer would fail, too. */
    fixture.stream = (struct ps_stream){.context = &end, .send = receive, .message_bytes = 60};
    struct ps_sink_request request = {.destination = "", .schema = "", .stream = &fixture.stream};
    enum ps_status status = ps_sink_stream.open(&request, &fixture.sink, err);
    if (status != PS_OK) {
        return status;
    }
    status = ps_sink_stream.schema_change(fixture.sink, &table, &changed, err);
    ps_sink_stream.close(fixture.sink);
    return status == PS_CANCELED ? PS_OK : status;
}

static void test_sink_when_memory_runs_out_says_so(void **state)
{
    (void)state;
    torture(everything, NULL);
    struct fixture fixture;
    struct ps_error err = {0};
    for (int64_t n = 0;; n++) {
        begin(&fixture, 60, false);
        fixture.end.fail_after = 0;
        struct ps_batch *batch = desk_batch(
            &table, PS_UPSERT, NULL, 0, "1|1.50|far too long for a message of so few bytes, so|2");
        struct ps_packet *packet;
        uint64_t before = ps_alloc_count();
        ps_alloc_fail_after(n, 0);
        enum ps_status status = ps_sink_stream.prepare(fixture.sink, batch, &packet, &err);
        if (status == PS_OK) {
            status = ps_sink_stream.write(fixture.sink, packet, &err);
        }
        ps_alloc_fail_after(-1, 0);
        bool reached = ps_alloc_count() - before > (uint64_t)n;
        finish(&fixture);
        assert_true(status == PS_CANCELED || (reached && status == PS_NOMEM));
        if (!reached) {
            assert_true(n > 5);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sink_schema_change_with_schema_tells_the_whole_table),
        cmocka_unit_test(test_sink_schema_change_without_schema_is_a_list_of_tables),
        cmocka_unit_test(test_sink_truncate_and_load_begin_send_a_record_without_data),
        cmocka_unit_test(test_sink_checkpoint_warning_and_task_carry_their_texts),
        cmocka_unit_test(test_sink_sends_in_the_order_of_the_calls),
        cmocka_unit_test(test_sink_when_the_client_is_gone_ends_and_frees),
        cmocka_unit_test(test_sink_tells_of_oversize_records_once_a_table),
        cmocka_unit_test(test_sink_leaves_out_what_is_larger_than_128_mib),
        cmocka_unit_test(test_sink_when_memory_runs_out_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
