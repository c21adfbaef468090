/*
 * The example source (docs/adding-a-source.md).
 */
#ifndef EXAMPLES_CUSTOM_SOURCE_CALENDAR_H
#define EXAMPLES_CUSTOM_SOURCE_CALENDAR_H

#include "penstock/source.h"

extern const struct ps_source_ops ps_source_calendar;

#endif
