/* A whole run against a wire and a sink of our own: the course of a sync, and memory that runs out.
 */
#include "tester/tester.h"

#include <string.h>

#include "base/protobuf.h"
#include "support/torture.h"

/* A connector: one table, two messages, and how its stream ends. */
struct connector {
    int messages; /* given so far */
    enum ps_status end;
    bool broken; /* the second message is no protobuf */
};

static void put_column(struct ps_buffer *out, const char *name, int type, bool is_key)
{
    size_t mark = ps_pb_open(out, 2);
    ps_pb_put_text(out, 1, name);
    ps_pb_put_int(out, 2, type);
    if (is_key) {
        ps_pb_put_bool(out, 3, true);
    }
    ps_pb_close(out, mark);
}

static void put_schema(struct ps_buffer *out)
{
    size_t list = ps_pb_open(out, 3), table = ps_pb_open(out, 1);
    ps_pb_put_text(out, 1, "t");
    put_column(out, "id", PS_TYPE_LONG, true);
    put_column(out, "name", PS_TYPE_STRING, false);
    ps_pb_close(out, table);
    ps_pb_close(out, list);
}

static void put_entry(struct ps_buffer *out, const char *name, uint32_t kind, int64_t number)
{
    size_t entry = ps_pb_open(out, 4), value = 0;
    ps_pb_put_text(out, 1, name);
    value = ps_pb_open(out, 2);
    if (kind == 13) {
        ps_pb_put_text(out, kind, "text");
    } else {
        ps_pb_put_int(out, kind, number);
    }
    ps_pb_close(out, value);
    ps_pb_close(out, entry);
}

/* Three records in one message: an upsert, an update, and one with a column nobody declared. */
static void put_records(struct ps_buffer *out)
{
    size_t records = ps_pb_open(out, 6);
    for (int i = 0; i < 3; i++) {
        size_t record = ps_pb_open(out, 1);
        ps_pb_put_text(out, 2, "t");
        ps_pb_put_int(out, 3, i == 1 ? PS_UPDATE : PS_UPSERT);
        put_entry(out, "id", 5, i);
        put_entry(out, "name", 13, 0);
        if (i == 2) {
            put_entry(out, "other", 13, 0);
        }
        ps_pb_close(out, record);
    }
    ps_pb_close(out, records);
}

static void put_checkpoint(struct ps_buffer *out)
{
    size_t mark = ps_pb_open(out, 3);
    ps_pb_put_text(out, 1, "{\"n\":1}");
    ps_pb_close(out, mark);
}

static enum ps_status wire_call(void *context, const char *method, const struct ps_buffer *request,
                                struct ps_buffer *answer, struct ps_error *err)
{
    (void)context;
    if (!ps_buffer_ok(request)) {
        return ps_fail_nomem(err, "calling");
    }
    ps_buffer_clear(answer);
    if (strcmp(method, "Schema") == 0) {
        put_schema(answer);
    }
    return ps_buffer_ok(answer) ? PS_OK : ps_fail_nomem(err, "calling");
}

static enum ps_status wire_open(void *context, const char *method, const struct ps_buffer *request,
                                struct ps_error *err)
{
    (void)context;
    assert_string_equal(method, "Update");
    return ps_buffer_ok(request) ? PS_OK : ps_fail_nomem(err, "calling");
}

static enum ps_status wire_next(void *context, int64_t timeout_ms, uint8_t **ret_message,
                                size_t *ret_size, struct ps_error *err)
{
    struct connector *connector = context;
    struct ps_buffer out;
    (void)timeout_ms;
    if (connector->messages == 2) {
        return connector->end == PS_END
                   ? PS_END
                   : ps_fail(err, connector->end, PS_CLASS_NETWORK, "the stream broke");
    }
    ps_buffer_init(&out, 0);
    if (connector->messages++ == 0) {
        put_records(&out);
    } else if (connector->broken) {
        ps_buffer_append(&out, "\x0a\x7f", 2);
    } else {
        put_checkpoint(&out);
    }
    *ret_message = (uint8_t *)ps_buffer_steal(&out, ret_size);
    ps_buffer_done(&out);
    return *ret_message != NULL ? PS_OK : ps_fail_nomem(err, "receiving");
}

static void wire_stop(void *context)
{
    (void)context;
}

/* A sink that counts. */
struct counter {
    struct ps_sink base;
    uint64_t rows, schema_changes, checkpoints;
};

struct counted_packet {
    struct ps_packet base;
    struct ps_batch *batch;
};

static enum ps_status sink_schema_change(struct ps_sink *sink, const struct ps_table *table,
                                         bool *ret_changed, struct ps_error *err)
{
    (void)err;
    assert_true(table->columns_count >= 2);
    ((struct counter *)sink)->schema_changes++;
    *ret_changed = true;
    return PS_OK;
}

static enum ps_status sink_prepare(struct ps_sink *sink, struct ps_batch *batch,
                                   struct ps_packet **ret_packet, struct ps_error *err)
{
    (void)sink;
    struct counted_packet *packet = ps_calloc(1, sizeof *packet);
    if (packet == NULL) {
        ps_batch_release(batch);
        return ps_fail_nomem(err, "preparing");
    }
    packet->batch = batch;
    *ret_packet = &packet->base;
    return PS_OK;
}

static enum ps_status sink_write(struct ps_sink *sink, struct ps_packet *base, struct ps_error *err)
{
    struct counted_packet *packet = (struct counted_packet *)base;
    (void)err;
    ((struct counter *)sink)->rows += packet->batch->rows;
    ps_batch_release(packet->batch);
    ps_free(packet);
    return PS_OK;
}

static enum ps_status sink_checkpoint(struct ps_sink *sink, const char *json, size_t size,
                                      uint64_t number, struct ps_error *err)
{
    struct counter *counter = (struct counter *)sink;
    (void)err;
    assert_true(size > 0 && json[0] == '{');
    assert_int_equal(number, ++counter->checkpoints);
    return PS_OK;
}

static const struct ps_sink_ops counting = {
    .abi = PS_SINK_ABI,
    .name = "counting",
    .schema_change = sink_schema_change,
    .prepare = sink_prepare,
    .write = sink_write,
    .checkpoint = sink_checkpoint,
};

/* One run; the counter and the result are the caller's to look at. */
static enum ps_status run(struct connector *connector, struct counter *counter,
                          struct ps_tester_result *result, struct ps_error *err)
{
    struct ps_settings settings = {0};
    struct ps_state *state = NULL;
    struct ps_cancel cancel;
    ps_cancel_init(&cancel);
    counter->base.ops = &counting;
    enum ps_status status = ps_state_new(&state, err);
    if (status == PS_OK) {
        status = ps_settings_add(&settings, "host", "db", err);
    }
    if (status == PS_OK) {
        const struct ps_tester_request request = {
            .wire = {connector, wire_call, wire_open, wire_next, wire_stop},
            .settings = &settings,
            .sink_ops = &counting,
            .sink = &counter->base,
            .state = state,
            .folder = ".",
            .schema = "tester",
            .cancel = &cancel,
            .idle_seconds = 60,
        };
        status = ps_tester_run(&request, result, err);
        if (status == PS_OK) {
            assert_string_equal(state->connector, "{\"n\":1}");
            assert_int_equal(state->syncs_completed, 1);
        }
    }
    ps_settings_done(&settings);
    ps_state_free(state);
    return status;
}

static void test_run_applies_the_stream_and_names_the_breach(void **state)
{
    (void)state;
    struct connector connector = {.end = PS_END};
    struct counter counter = {0};
    struct ps_tester_result result;
    struct ps_error err = {0};
    assert_int_equal(run(&connector, &counter, &result, &err), PS_OK);
    assert_int_equal(counter.rows, 3);
    assert_int_equal(counter.schema_changes, 2);
    assert_int_equal(counter.checkpoints, 2); /* the connector's, and the end's own */
    assert_int_equal(result.checkpoints, 1);
    assert_int_equal(result.totals.upserts, 2);
    assert_int_equal(result.totals.updates, 1);
    assert_int_equal(result.breaches_count, 1);
    assert_string_equal(ps_tester_breach_name(&result.breaches[0]), "column_undeclared");
    assert_string_equal(result.breaches[0].column, "other");
    ps_tester_result_done(&result);
}

static void test_run_keeps_nothing_after_the_last_checkpoint_of_a_failed_sync(void **state)
{
    (void)state;
    struct connector broken = {.end = PS_END, .broken = true}, failed = {.end = PS_DATA};
    struct counter counter = {0};
    struct ps_tester_result result;
    struct ps_error err = {0};
    assert_int_equal(run(&broken, &counter, &result, &err), PS_DATA);
    assert_int_equal(counter.checkpoints, 0);
    ps_tester_result_done(&result);
    assert_int_equal(run(&failed, &counter, &result, &err), PS_DATA);
    assert_int_equal(counter.checkpoints, 1);
    assert_non_null(strstr(err.message, "the stream broke"));
    ps_tester_result_done(&result);
}

static enum ps_status run_once(void *context, struct ps_error *err)
{
    struct connector connector = {.end = PS_END};
    struct counter counter = {0};
    struct ps_tester_result result = {0};
    (void)context;
    enum ps_status status = run(&connector, &counter, &result, err);
    ps_tester_result_done(&result);
    return status;
}

static void test_run_answers_memory_that_runs_out(void **state)
{
    (void)state;
    torture(run_once, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_applies_the_stream_and_names_the_breach),
        cmocka_unit_test(test_run_keeps_nothing_after_the_last_checkpoint_of_a_failed_sync),
        cmocka_unit_test(test_run_answers_memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
