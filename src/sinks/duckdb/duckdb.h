/*
 * The DuckDB sink: a warehouse in one local file (docs/sinks/duckdb.md).
 */
#ifndef PS_SINKS_DUCKDB_DUCKDB_H
#define PS_SINKS_DUCKDB_DUCKDB_H

#include "penstock/sink.h"

/* Destination: a path, or "duckdb:" and a path. */
extern const struct ps_sink_ops ps_sink_duckdb;

#endif
