/*
 * Syncs of a source that keeps its changes (the example source) into a sink in memory and into the
 * stream: modes, positions, batches, and the order of what is sent.
 */
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "config/options.h"
#include "engine/engine.h"
#include "sinks/stream/stream.h"
#include "sources/example/example.h"
#include "sources/example/log.h"
#include "support/fake_sink.h"
#include "support/stream_text.h"

#define DESTINATION "warehouse"

/* What came out of the stream. */
struct end {
    size_t upserts[16]; /* of each message of records, in order */
    size_t messages_of_records, upserts_alone, oversize;
    struct ps_buffer text; /* of all messages but upserts */
    size_t largest;
};

static enum ps_status receive(void *context, uint8_t *message, size_t size, struct ps_error *err)
{
    struct end *end = context;
    size_t records = stream_text_records(message, size);
    (void)err;
    end->largest = size > end->largest && records > 1 ? size : end->largest;
    if (records > 1) {
        assert_in_range(end->messages_of_records, 0, 15);
        end->upserts[end->messages_of_records++] = records;
    } else if (records == 1 && size > LOG_OVERSIZE_SIZE) {
        end->oversize++;
    } else {
        size_t before = end->text.size;
        stream_text(&end->text, message, size);
        if (strncmp(end->text.data + before, "record UPSERT", 13) == 0) {
            end->text.data[before] = '\0';
            end->text.size = before;
            end->upserts_alone++;
        }
    }
    ps_free(message);
    return PS_OK;
}

struct sync {
    const struct ps_sink_ops *ops;
    struct ps_stream *stream;
    bool resync;
    const char *state; /* what it begins with; NULL: what the sink keeps */
    struct ps_table_result totals;
    enum ps_mode mode;
    char *state_after;
};

static void run(struct sync *sync)
{
    static const struct ps_option *tables[3];
    tables[0] = ps_source_example.options;
    tables[1] = ps_engine_options;
    struct ps_clock_fake clock;
    struct ps_cancel cancel;
    struct ps_settings settings = {0};
    struct ps_config *config = NULL;
    struct ps_error err = {0};
    ps_clock_fake_init(&clock, (struct ps_timestamp){1700000000, 0});
    ps_cancel_init(&cancel);
    assert_int_equal(ps_config_new(&settings, tables, NULL, &config, &err), PS_OK);
    struct ps_sink_request open = {.destination = DESTINATION,
                                   .schema = "tester",
                                   .clock = &clock.base,
                                   .stream = sync->stream};
    struct ps_run_request request = {
        .plan = {.source_ops = &ps_source_example,
                 .config = config,
                 .sink_caps = sync->ops->caps,
                 .clock = &clock.base,
                 .cancel = &cancel,
                 .resync = sync->resync},
        .sink_ops = sync->ops,
        .checkpoint_seconds = 3600,
    };
    assert_int_equal(sync->ops->open(&open, &request.sink, &err), PS_OK);
    struct ps_stored_state stored = {.found = false};
    if (sync->state == NULL) {
        assert_int_equal(sync->ops->state_read(request.sink, &stored, &err), PS_OK);
    }
    const char *json = sync->state != NULL ? sync->state : stored.json != NULL ? stored.json : "";
    assert_int_equal(ps_state_parse(json, strlen(json), "the test", &request.state, &err), PS_OK);
    ps_free(stored.json);
    struct ps_run_result result = {.arena = NULL};
    if (ps_sync_run(&request, &result, &err) != PS_OK) {
        fail_msg("%s", err.message);
    }
    sync->totals = ps_run_result_totals(&result);
    sync->mode = result.tables[0].mode;
    ps_run_result_done(&result);
    struct ps_buffer after;
    ps_buffer_init(&after, 0);
    assert_int_equal(ps_state_write(request.state, &after, &err), PS_OK);
    size_t size;
    sync->state_after = ps_buffer_steal(&after, &size);
    ps_state_free(request.state);
    sync->ops->close(request.sink);
    ps_config_free(config);
    ps_settings_done(&settings);
}

static size_t lines(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

static void test_changes_arrive_and_the_position_goes_on(void **state)
{
    (void)state;
    fake_sink_forget();
    static const char *const positions[] = {"\"position\":\"402\"", "\"position\":\"804\""};
    for (int i = 0; i < 2; i++) {
        struct sync sync = {.ops = &fake_sink_ops};
        run(&sync);
        assert_int_equal(sync.mode, PS_MODE_CHANGES);
        assert_int_equal(sync.totals.upserts, 400);
        assert_int_equal(sync.totals.updates, 1);
        assert_int_equal(sync.totals.deletes, 1);
        assert_int_equal(sync.totals.truncates, 0);
        assert_non_null(strstr(sync.state_after, positions[i]));
        assert_non_null(strstr(sync.state_after, "\"mode\":\"changes\""));
        ps_free(sync.state_after);
    }
    char *rows = fake_sink_rows(DESTINATION, "", "table1", "a1,a2");
    assert_int_equal(lines(rows), 250);
    assert_non_null(strstr(rows, "a-0|110.23399999999999\n"));
    assert_non_null(strstr(rows, "a-2|0.46800000000000003 deleted\n"));
    ps_free(rows);
    rows = fake_sink_rows(DESTINATION, "", "table2", "b1");
    assert_int_equal(lines(rows), 150);
    ps_free(rows);
    assert_null(strstr(fake_sink_journal(), "load_begin"));
    assert_null(strstr(fake_sink_journal(), "truncate"));
}

static void test_changes_resync_begins_with_the_first(void **state)
{
    (void)state;
    fake_sink_forget();
    struct sync sync = {.ops = &fake_sink_ops};
    run(&sync);
    ps_free(sync.state_after);
    sync.resync = true;
    run(&sync);
    assert_non_null(strstr(sync.state_after, "\"position\":\"402\""));
    ps_free(sync.state_after);
}

static void test_changes_go_on_from_the_example_connectors_state(void **state)
{
    (void)state;
    fake_sink_forget();
    struct sync sync = {.ops = &fake_sink_ops, .state = "{\"cursor\": 6}"};
    run(&sync);
    assert_int_equal(sync.totals.upserts, 400);
    assert_non_null(strstr(sync.state_after, "\"position\":\"408\",\"fingerprint\""));
    ps_free(sync.state_after);
}

/* Both tables' upserts, then the update and the delete alone, then the checkpoint; 102,400 bytes a
 * message, the larger record alone. */
static void test_changes_stream_in_the_order_of_the_log(void **state)
{
    (void)state;
    struct end end = {.largest = 0};
    struct ps_stream stream = {
        .context = &end,
        .send = receive,
        .message_bytes = 102400,
    };
    struct sync sync = {.ops = &ps_sink_stream, .stream = &stream, .state = "{}"};
    ps_buffer_init(&end.text, 0);
    run(&sync);
    size_t upserts = end.oversize + end.upserts_alone;
    for (size_t i = 0; i < end.messages_of_records; i++) {
        upserts += end.upserts[i];
    }
    assert_int_equal(upserts, 400);
    assert_int_equal(end.oversize, 1);
    assert_in_range(end.largest, 50000, 102400 + 8);
    char *checkpoint = strstr(end.text.data, "checkpoint {");
    assert_non_null(checkpoint);
    *checkpoint = '\0';
    assert_string_equal(end.text.data,
                        "schema_change table2 b1 UNSPECIFIED key, b2 UNSPECIFIED\n"
                        "schema_change table1 a1 UNSPECIFIED key, a2 DOUBLE\n"
                        "record UPDATE table1 a1=string:a-0 a2=double:110.23399999999999\n"
                        "record DELETE table1 a1=string:a-2\n");
    /* A second sync knows the shapes. */
    ps_buffer_clear(&end.text);
    end.messages_of_records = 0;
    sync.state = sync.state_after;
    char *before = sync.state_after;
    run(&sync);
    ps_free(before);
    assert_null(strstr(end.text.data, "schema_change"));
    assert_non_null(strstr(end.text.data, "\"position\":\"804\""));
    ps_free(sync.state_after);
    ps_buffer_done(&end.text);
}

static void test_bytes_are_the_configurations_then_the_sources_then_a_default(void **state)
{
    (void)state;
    const struct ps_option *const tables[] = {ps_engine_options, NULL};
    struct ps_source_ops plain = {.name = "plain"};
    for (int given = 0; given < 2; given++) {
        struct ps_settings settings = {0};
        struct ps_config *config = NULL;
        struct ps_error err = {0};
        if (given) {
            assert_int_equal(ps_settings_add(&settings, "batch_bytes", "5000", &err), PS_OK);
        }
        assert_int_equal(ps_config_new(&settings, tables, NULL, &config, &err), PS_OK);
        assert_int_equal(ps_message_bytes(&ps_source_example, config), given ? 5000 : 102400);
        assert_int_equal(ps_batch_bytes(config), given ? 5000 : 4194304);
        assert_int_equal(ps_message_bytes(&plain, config), given ? 5000 : 1048576);
        ps_config_free(config);
        ps_settings_done(&settings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_arrive_and_the_position_goes_on),
        cmocka_unit_test(test_changes_resync_begins_with_the_first),
        cmocka_unit_test(test_changes_go_on_from_the_example_connectors_state),
        cmocka_unit_test(test_changes_stream_in_the_order_of_the_log),
        cmocka_unit_test(test_bytes_are_the_configurations_then_the_sources_then_a_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
