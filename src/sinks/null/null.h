/*
 * The null sink: counts rows and bytes and throws them away, for measuring what is before it.
 */
#ifndef PS_SINKS_NULL_NULL_H
#define PS_SINKS_NULL_NULL_H

#include "penstock/sink.h"

/* Destination: "null". */
extern const struct ps_sink_ops ps_sink_null;

/* What was written so far. */
struct ps_null_counts {
    uint64_t rows, bytes, packets, truncates, checkpoints;
};
struct ps_null_counts ps_sink_null_counts(const struct ps_sink *sink);

#endif
