/*
 * The conformance suite of sinks: what include/penstock/sink.h promises, tried on one sink. What a
 * sink cannot do is declared in its `struct contract_sink` and its caps, not left out by hand.
 */
#ifndef TESTS_CONTRACT_SINKS_SUITE_H
#define TESTS_CONTRACT_SINKS_SUITE_H

#include "penstock/sink.h"

struct contract_sink {
    const struct ps_sink_ops *ops;
    /* A destination that holds nothing yet; lives until `forget`. */
    const char *(*fresh)(void);
    void (*forget)(const char *destination);
    /* The committed rows, while no sink has the destination open, as fake_sink_rows gives them.
     * NULL: the sink keeps no rows. */
    char *(*rows)(const char *destination, const char *schema, const char *table,
                  const char *columns);
    struct ps_stream *stream; /* of the stream sink; else NULL */
};

/* Runs all tests; the number that failed. */
int contract_sink_run(const char *name, const struct contract_sink *contract);

#endif
