/*
 * The conformance suite on the stream sink: it keeps no rows, but every message that it sends must
 * be one of the contract's.
 */
#include "base/alloc.h"
#include "contract/sinks/suite.h"
#include "sinks/stream/stream.h"
#include "support/stream_text.h"

static enum ps_status receive(void *context, uint8_t *message, size_t size, struct ps_error *err)
{
    (void)context;
    (void)err;
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    stream_text(&text, message, size);
    ps_buffer_done(&text);
    ps_free(message);
    return PS_OK;
}

static const char *fresh(void)
{
    return "";
}

static void forget(const char *destination)
{
    (void)destination;
}

int main(void)
{
    int failed = 0;
    for (int with_schema = 0; with_schema < 2; with_schema++) {
        struct ps_stream stream = {.send = receive, .with_schema = with_schema != 0};
        const struct contract_sink contract = {
            .ops = &ps_sink_stream, .fresh = fresh, .forget = forget, .stream = &stream};
        failed += contract_sink_run("contract: stream sink", &contract);
    }
    return failed;
}
