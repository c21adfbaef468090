/*
 * The one place that names every sink.
 */
#ifndef PS_SINKS_REGISTRY_H
#define PS_SINKS_REGISTRY_H

#include "penstock/sink.h"

/*
 * The sink for a destination: "null", or the path of a DuckDB file, also as "duckdb:" and a path
 * ("./null" is a file of that name). Never NULL.
 */
const struct ps_sink_ops *ps_sink_find(const char *destination);

#endif
