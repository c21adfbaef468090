/*
 * Follows one direction of a connection as its bytes arrive: HTTP/2's frames (RFC 9113, sections
 * 4 and 6) and in them gRPC's messages, each of which has a byte of flags and its length in four
 * (PROTOCOL-HTTP2, "Length-Prefixed-Message"). gRPC 1.51 holds what it is told is a message until
 * it has all of it, 4 GB where that is announced, drops without a word what has flags that it does
 * not know, and takes a stream that ends inside a message for a whole one. Not for: what decides
 * about a connection (rpc/inbound.h).
 */
#ifndef PS_RPC_FRAMES_H
#define PS_RPC_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More at once than the server lets a connection have (server.c). */
#define FRAMES_STREAMS_MAX 512u

/* A stream whose peer has not ended it. */
struct frames_stream {
    uint32_t id;
    unsigned prefix_size; /* bytes seen of the five */
    /* The length against message_size_max + 1, by the bytes seen. */
    enum { FRAMES_EQUAL, FRAMES_BELOW, FRAMES_ABOVE } compared;
    bool passed_over;   /* a message was too large: the library ends the stream */
    uint32_t announced; /* the length as sent */
    uint32_t length;    /* the length as the library sees it */
    uint32_t left;      /* of it */
};

enum frames_fault_kind {
    FRAMES_CUT,     /* a stream ended inside a message */
    FRAMES_FLAGS,   /* a message with flags that do not exist */
    FRAMES_OUTSIDE, /* data of a stream that is not open */
};

/* The last fault that was met, and how many have been. */
struct frames_fault {
    uint64_t count;
    enum frames_fault_kind kind;
    uint32_t announced, came; /* CUT: of the message; 0 and 0: it ended before its length did */
    unsigned flags;           /* FLAGS */
};

struct frames {
    uint32_t message_size_max;
    enum {
        FRAMES_FIRST,
        FRAMES_PREFACE,
        FRAMES_HEAD,
        FRAMES_PAYLOAD,
        FRAMES_FOREIGN,
        FRAMES_REFUSED
    } state;
    bool from_client; /* it began with a client's preface */
    bool settled;     /* the first frame has come */
    uint8_t head[9];
    unsigned head_size;    /* also: bytes of the preface */
    uint32_t payload_left; /* of the frame */
    uint32_t padding;      /* of that */
    bool padding_next;     /* the payload begins with its size */
    struct frames_fault fault;
    uint64_t unfinished; /* bytes of messages that are not whole */
    size_t open_count;
    struct frames_stream open[FRAMES_STREAMS_MAX]; /* ordered by id */
};

void frames_init(struct frames *frames, uint32_t message_size_max);

/*
 * Takes the next bytes. It changes one thing in them: a length beyond message_size_max becomes
 * message_size_max + 1, which the library refuses by itself, that call alone, once it has so much.
 * Gives how many of them are sound; fewer than `size`: the connection must end after those, for any
 * fault but CUT. What begins as no HTTP/2 is not looked at.
 */
size_t frames_follow(struct frames *frames, uint8_t *bytes, size_t size);

#endif
