/* What clients have sent of requests that are not whole is bounded over all connections. */
#include "rpc/inbound.h"

#include <sys/socket.h>
#include <unistd.h>

#include "support/unit.h"

#define CLIENTS 6
#define CHUNK 65536u
#define ANNOUNCED UINT32_C(0x07fffff0)

struct client {
    int near, far;
    bool gone;
};

static char chunk[CHUNK];

/* As the library reads; 0 or less: the connection has ended. */
static ssize_t take(struct client *client)
{
    char into[CHUNK];
    struct iovec part = {.iov_base = into, .iov_len = sizeof into};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return recvmsg(client->near, &message, 0);
}

static void pass(struct client *client, const void *bytes, size_t size)
{
    assert_int_equal(send(client->far, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
    for (size_t taken = 0; taken < size && !client->gone;) {
        ssize_t got = take(client);
        client->gone = got <= 0;
        taken += got <= 0 ? 0 : (size_t)got;
    }
}

static void connect_client(struct client *client)
{
    static const char opening[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                  "\0\0\0\4\0\0\0\0\0"
                                  "\0\0\0\1\4\0\0\0\1"
                                  "\0\0\5\0\0\0\0\0\1\0\7\377\377\360";
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    *client = (struct client){.near = pair[0], .far = pair[1]};
    pass(client, opening, sizeof opening - 1);
}

/* That much of its message, in frames. */
static void send_more(struct client *client, uint32_t size)
{
    static const char head[] = "\0\377\377\0\0\0\0\0\1";
    for (uint32_t sent = 0; sent < size && !client->gone; sent += CHUNK - 1) {
        pass(client, head, sizeof head - 1);
        if (!client->gone) {
            pass(client, chunk, CHUNK - 1);
        }
    }
}

static void test_inbound_too_much_that_is_not_whole_ends_the_largest_connection(void **state)
{
    (void)state;
    struct client clients[CLIENTS];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            connect_client(&clients[i]);
        }
        send_more(&clients[0], UINT32_C(120) << 20);
        for (int i = 1; i < CLIENTS - 1; i++) {
            send_more(&clients[i], UINT32_C(97) << 20);
            assert_false(clients[i].gone);
        }
        assert_int_equal(send(clients[0].far, "x", 1, MSG_NOSIGNAL), 1);
        assert_int_equal(take(&clients[0]), 1);
        /* The bound is passed by one that has sent little. */
        send_more(&clients[CLIENTS - 1], UINT32_C(10) << 20);
        assert_false(clients[CLIENTS - 1].gone);
        assert_true(send(clients[0].far, "x", 1, MSG_NOSIGNAL) < 0);
        assert_int_equal(take(&clients[0]), 0);
        /* A close gives back what was held: the second round is as the first. */
        for (int i = 0; i < CLIENTS; i++) {
            close(clients[i].near);
            close(clients[i].far);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inbound_too_much_that_is_not_whole_ends_the_largest_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
