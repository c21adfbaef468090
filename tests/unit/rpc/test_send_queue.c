/* What waits to be sent: its order, its two bounds, and its end when the client is gone. */
#include "rpc/send_queue.h"

#include "base/alloc.h"
#include "support/unit.h"

static struct send_message message_of(size_t size)
{
    struct send_message message = {ps_malloc(size), size};
    assert_non_null(message.bytes);
    return message;
}

/* Pushes where the message must be kept. */
static void push_later(struct send_queue *queue, size_t size)
{
    assert_false(send_queue_full(queue, size));
    assert_int_equal(send_queue_push(queue, message_of(size)), SEND_TURN_LATER);
}

/* The first message is the caller's to send, whatever its size. */
static void begin(struct send_queue *queue, size_t size)
{
    struct send_message message = message_of(1);
    assert_false(send_queue_full(queue, size));
    assert_int_equal(send_queue_push(queue, (struct send_message){message.bytes, size}),
                     SEND_TURN_NOW);
    ps_free(message.bytes);
    assert_true(queue->sending);
    assert_int_equal(queue->count, 0);
}

static size_t sent(struct send_queue *queue, bool *ret_more)
{
    struct send_message next = send_queue_sent(queue, true, ret_more);
    ps_free(next.bytes);
    return next.bytes == NULL ? 0 : next.size;
}

static void test_send_queue_sends_the_first_message_at_once(void **state)
{
    (void)state;
    struct send_queue queue = {0};
    bool more = true;
    for (int i = 0; i < 3; i++) {
        begin(&queue, 100 * SEND_QUEUE_BYTES);
        assert_int_equal(sent(&queue, &more), 0);
        assert_false(more);
        assert_false(queue.sending);
    }
}

static void test_send_queue_keeps_the_order_round_its_end(void **state)
{
    (void)state;
    struct send_queue queue = {0};
    size_t in = 1, out = 1;
    begin(&queue, 1);
    /* Twenty are always there, so that the ring is gone round several times. */
    while (in <= 20) {
        push_later(&queue, in++);
    }
    while (in <= 200) {
        bool more = false;
        assert_int_equal(sent(&queue, &more), out++);
        assert_true(more);
        push_later(&queue, in++);
    }
    while (out < in) {
        bool more = false;
        assert_int_equal(sent(&queue, &more), out++);
        assert_int_equal(more, out < in);
        assert_true(queue.sending);
    }
    bool more = true;
    assert_int_equal(sent(&queue, &more), 0);
    assert_false(queue.sending);
    assert_int_equal(queue.bytes, 0);
}

static void test_send_queue_is_full_at_its_number(void **state)
{
    (void)state;
    struct send_queue queue = {0};
    bool more;
    begin(&queue, 1);
    for (unsigned i = 0; i < SEND_QUEUE_MAX; i++) {
        push_later(&queue, 1);
    }
    assert_true(send_queue_full(&queue, 1));
    assert_true(send_queue_full(&queue, 0));
    assert_int_equal(sent(&queue, &more), 1);
    assert_false(send_queue_full(&queue, 1));
    while (sent(&queue, &more) != 0) {
    }
}

static void test_send_queue_is_full_at_its_bytes(void **state)
{
    (void)state;
    struct send_queue queue = {0};
    bool more;
    begin(&queue, 1);
    push_later(&queue, SEND_QUEUE_BYTES - 10);
    assert_false(send_queue_full(&queue, 10));
    assert_true(send_queue_full(&queue, 11));
    push_later(&queue, 10);
    assert_true(send_queue_full(&queue, 1));
    assert_int_equal(sent(&queue, &more), SEND_QUEUE_BYTES - 10);
    assert_false(send_queue_full(&queue, 1));
    assert_int_equal(sent(&queue, &more), 10);
    /* One that is larger than all that may wait waits alone. */
    push_later(&queue, 3 * SEND_QUEUE_BYTES);
    assert_true(send_queue_full(&queue, 1));
    assert_int_equal(sent(&queue, &more), 3 * SEND_QUEUE_BYTES);
    assert_int_equal(sent(&queue, &more), 0);
}

static void test_send_queue_wakes_where_there_is_room_for_several(void **state)
{
    (void)state;
    struct send_queue queue = {0};
    bool more;
    begin(&queue, 1);
    for (unsigned i = 0; i < SEND_QUEUE_MAX; i++) {
        push_later(&queue, 1);
    }
    for (unsigned left = SEND_QUEUE_MAX; left-- > 0;) {
        assert_int_equal(sent(&queue, &more), 1);
        assert_int_equal(send_queue_has_room(&queue), left <= SEND_QUEUE_MAX / 2);
    }
    push_later(&queue, SEND_QUEUE_BYTES / 2 + 1);
    assert_false(send_queue_has_room(&queue));
    assert_int_equal(sent(&queue, &more), SEND_QUEUE_BYTES / 2 + 1);
    assert_int_equal(sent(&queue, &more), 0);
    assert_true(send_queue_has_room(&queue));
}

/* The sanitizers see that what waited is freed. */
static void test_send_queue_of_a_client_that_is_gone_takes_nothing(void **state)
{
    (void)state;
    struct send_queue queue = {0};
    bool more = true;
    begin(&queue, 1);
    for (unsigned i = 0; i < SEND_QUEUE_MAX; i++) {
        push_later(&queue, 1);
    }
    assert_null(send_queue_sent(&queue, false, &more).bytes);
    assert_false(more);
    assert_false(queue.sending);
    assert_int_equal(queue.count + queue.bytes, 0);
    /* Whoever waits for room is woken, waits no more, and keeps his message. */
    assert_true(send_queue_has_room(&queue));
    assert_false(send_queue_full(&queue, SIZE_MAX));
    struct send_message message = message_of(1);
    assert_int_equal(send_queue_push(&queue, message), SEND_TURN_NEVER);
    ps_free(message.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send_queue_sends_the_first_message_at_once),
        cmocka_unit_test(test_send_queue_keeps_the_order_round_its_end),
        cmocka_unit_test(test_send_queue_is_full_at_its_number),
        cmocka_unit_test(test_send_queue_is_full_at_its_bytes),
        cmocka_unit_test(test_send_queue_wakes_where_there_is_room_for_several),
        cmocka_unit_test(test_send_queue_of_a_client_that_is_gone_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
