/*
 * The `ehr` source: synthetic electronic health records after the shape of Epic Caboodle, computed
 * from a seed and a scale (docs/sources/ehr.md). Nothing is stored and nothing is connected to.
 */
#ifndef PS_SOURCES_EHR_EHR_H
#define PS_SOURCES_EHR_EHR_H

#include "penstock/source.h"

extern const struct ps_source_ops ps_source_ehr;

#endif
