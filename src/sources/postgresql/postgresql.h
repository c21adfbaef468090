/*
 * The sources `postgresql` and `yugabytedb`: one implementation over libpq, two names with their
 * own defaults. Either takes either server; `version()` decides the dialect. See
 * docs/sources/postgresql.md. This header is for src/sources/registry.c alone.
 */
#ifndef PS_SOURCES_POSTGRESQL_H
#define PS_SOURCES_POSTGRESQL_H

#include "penstock/source.h"

extern const struct ps_source_ops ps_source_postgresql;
extern const struct ps_source_ops ps_source_yugabytedb;

#endif
