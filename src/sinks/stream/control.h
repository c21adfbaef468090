/*
 * The stream's messages that carry no rows: one UpdateResponse each, in memory of ps_malloc.
 */
#ifndef PS_SINKS_STREAM_CONTROL_H
#define PS_SINKS_STREAM_CONTROL_H

#include "penstock/schema.h"

struct control_message {
    uint8_t *bytes;
    size_t size;
};

/* The table with all its columns; `with_schema`: inside its schema, else in a list of its own. */
enum ps_status control_schema_change(const struct ps_table *table, bool with_schema,
                                     struct control_message *ret_message,
                                     struct ps_error *err) PS_MUST_CHECK;
/* A record of type TRUNCATE, which has no data. */
enum ps_status control_truncate(const struct ps_table *table, bool with_schema,
                                struct control_message *ret_message,
                                struct ps_error *err) PS_MUST_CHECK;
enum ps_status control_checkpoint(const char *state_json, size_t size,
                                  struct control_message *ret_message,
                                  struct ps_error *err) PS_MUST_CHECK;
enum ps_status control_warning(const char *text, struct control_message *ret_message,
                               struct ps_error *err) PS_MUST_CHECK;
enum ps_status control_task(const char *text, struct control_message *ret_message,
                            struct ps_error *err) PS_MUST_CHECK;

#endif
