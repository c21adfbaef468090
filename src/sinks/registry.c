/*
 * Every sink, and which destination is whose.
 */
#include "sinks/registry.h"

#include <string.h>

#include "sinks/duckdb/duckdb.h"
#include "sinks/null/null.h"

const struct ps_sink_ops *ps_sink_find(const char *destination)
{
    return strcmp(destination, "null") == 0 ? &ps_sink_null : &ps_sink_duckdb;
}
