/*
 * Syncs of a source that keeps its changes (the example source) into a sink in memory and into the
 * stream: modes, positions, batches, and the order of what is sent.
 */
#include "support/harness.h"

#include <string.h>

#include "base/alloc.h"
#include "sinks/stream/stream.h"
#include "sources/example/example.h"
#include "sources/example/log.h"
#include "support/stream_text.h"

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

static int begin(void **state)
{
    (void)harness_set_up(state);
    struct harness *h = *state;
    h->request.plan.source_ops = &ps_source_example;
    return 0;
}

static void test_changes_arrive_and_the_position_goes_on(void **state)
{
    struct harness *h = *state;
    static const char *const positions[] = {"\"position\":\"402\"", "\"position\":\"804\""};
    for (int i = 0; i < 2; i++) {
        harness_sync(h);
        assert_int_equal(h->result.tables[0].mode, PS_MODE_CHANGES);
        assert_int_equal(h->totals.upserts, 400);
        assert_int_equal(h->totals.updates, 1);
        assert_int_equal(h->totals.deletes, 1);
        assert_int_equal(h->totals.truncates, 0);
        assert_non_null(strstr(h->state_after, positions[i]));
        assert_non_null(strstr(h->state_after, "\"mode\":\"changes\""));
    }
    char *rows = harness_rows(h, "table1", "a1,a2");
    assert_int_equal(harness_count(rows, "\n"), 250);
    assert_non_null(strstr(rows, "a-0|110.23399999999999\n"));
    assert_non_null(strstr(rows, "a-2|0.46800000000000003 deleted\n"));
    ps_free(rows);
    rows = harness_rows(h, "table2", "b1");
    assert_int_equal(harness_count(rows, "\n"), 150);
    ps_free(rows);
    assert_null(strstr(fake_sink_journal(), "load_begin"));
    assert_null(strstr(fake_sink_journal(), "truncate"));
}

static void test_changes_resync_begins_with_the_first(void **state)
{
    struct harness *h = *state;
    harness_sync(h);
    h->request.plan.resync = true;
    harness_sync(h);
    assert_non_null(strstr(h->state_after, "\"position\":\"402\""));
}

static void test_changes_go_on_from_the_example_connectors_state(void **state)
{
    struct harness *h = *state;
    h->state = "{\"cursor\": 6}";
    harness_sync(h);
    assert_int_equal(h->totals.upserts, 400);
    assert_non_null(strstr(h->state_after, "\"position\":\"408\",\"fingerprint\""));
}

/* Both tables' upserts, then the update and the delete alone, then the checkpoint; 102,400 bytes a
 * message, the larger record alone. */
static void test_changes_stream_in_the_order_of_the_log(void **state)
{
    struct harness *h = *state;
    struct end end = {.largest = 0};
    struct ps_stream stream = {
        .context = &end,
        .send = receive,
        .message_bytes = 102400,
    };
    ps_buffer_init(&end.text, 0);
    h->request.sink_ops = &ps_sink_stream;
    h->stream = &stream;
    h->state = "{}";
    harness_sync(h);
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
    char *before = ps_strdup(h->state_after);
    h->state = before;
    harness_sync(h);
    ps_free(before);
    assert_null(strstr(end.text.data, "schema_change"));
    assert_non_null(strstr(end.text.data, "\"position\":\"804\""));
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
        HARNESS_TEST_FROM(test_changes_arrive_and_the_position_goes_on, begin),
        HARNESS_TEST_FROM(test_changes_resync_begins_with_the_first, begin),
        HARNESS_TEST_FROM(test_changes_go_on_from_the_example_connectors_state, begin),
        HARNESS_TEST_FROM(test_changes_stream_in_the_order_of_the_log, begin),
        cmocka_unit_test(test_bytes_are_the_configurations_then_the_sources_then_a_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
