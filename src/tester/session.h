/*
 * One run of the tester, as its files share it. All of it belongs to the caller's thread.
 */
#ifndef PS_TESTER_SESSION_H
#define PS_TESTER_SESSION_H

#include "tester/files.h"
#include "tester/record.h"
#include "tester/roster.h"
#include "tester/slots.h"
#include "tester/tester.h"

struct session {
    const struct ps_tester_request *request;
    struct ps_tester_result *result;
    struct breaches breaches;
    struct roster roster;
    struct slots slots;
    struct records records;
    struct files files;
    uint64_t warnings;  /* of the connector */
    uint64_t fruit;     /* what the stream had brought up to the last message … */
    uint32_t fruitless; /* … and how many in a row brought nothing */
    bool unsaved;       /* operations came since the last checkpoint */
    bool tasked;        /* a Task came: the sync is over */
};

/* Sends an event to the caller. */
void session_tell(struct session *session, const struct ps_tester_event *event);
#define SESSION_WARNINGS_SHOWN 1000u
/* A warning of the connector (of which so many are shown), or one about the sink. */
void session_warn(struct session *session, const char *text);

/* setup.c: form, tests and schema. DATA with result->test_failed where a test failed. */
enum ps_status session_setup(struct session *session, struct ps_error *err) PS_MUST_CHECK;
/* Appends the field `configuration` of a request. */
void session_put_configuration(const struct session *session, struct ps_buffer *request,
                               uint32_t number);

/* operation.c: one message of the stream. */
enum ps_status session_take(struct session *session, const uint8_t *bytes, size_t size,
                            struct ps_error *err) PS_MUST_CHECK;
/* After the last one: deferred truncates, tables that were declared and had no rows, the state. */
enum ps_status session_complete(struct session *session, struct ps_error *err) PS_MUST_CHECK;
/* The sink counted what it changed by rule; and warnings that were not shown. */
void session_take_losses(struct session *session);

/* stream.c: Update from its request to its end. */
enum ps_status session_stream(struct session *session, struct ps_error *err) PS_MUST_CHECK;

#endif
