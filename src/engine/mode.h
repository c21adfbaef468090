/*
 * How a table is read: its cursor, its soft-delete column, its mode, and the reason in words.
 */
#ifndef PS_ENGINE_MODE_H
#define PS_ENGINE_MODE_H

#include "engine/engine.h"

/* Columns are indexes into the table's own columns; -1: none. Texts live in the arena. */
struct mode_choice {
    enum ps_mode mode;
    int32_t cursor;
    int32_t soft_delete;
    const char *reason;
    /* About what the user configured; NULL: none. */
    const char *warning, *soft_delete_warning;
};

enum ps_status mode_choose(const struct ps_source_ops *ops, const struct ps_config *config,
                           struct ps_arena *arena, const struct ps_table *table,
                           struct mode_choice *ret_choice, struct ps_error *err) PS_MUST_CHECK;

#endif
