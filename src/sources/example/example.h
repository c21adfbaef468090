/*
 * The `example` source: a simulated service with two small tables, all of whose records are sent in
 * every sync (docs/sources/example.md). It shows each kind of field of the setup form and each kind
 * of operation; it connects to nothing.
 */
#ifndef PS_SOURCES_EXAMPLE_EXAMPLE_H
#define PS_SOURCES_EXAMPLE_EXAMPLE_H

#include "penstock/source.h"

extern const struct ps_source_ops ps_source_example;

/* Where a test build is asked to (base/fault.h), fails as no honest source does: NOMEM or BUG. */
enum ps_status example_fault(struct ps_error *err) PS_MUST_CHECK;

#endif
