/*
 * state.json, the copy of a local destination's state, and what a start finds: which of the
 * two is to be believed. The destination's own row is the truth (docs/state-format.md).
 */
#ifndef PS_STATE_FILE_H
#define PS_STATE_FILE_H

#include "base/buffer.h"
#include "penstock/error.h"

/* Reads a whole file. PS_END: there is none. CONFIG: it cannot be read, or has more than limit. */
enum ps_status ps_file_read(const char *path, size_t limit, struct ps_buffer *out,
                            struct ps_error *err) PS_MUST_CHECK;

/*
 * Replaces the file in one step that survives a crash: a temporary file beside it, fsync, rename,
 * fsync of the folder. Makes missing folders. CONFIG (disk, permission): the old one still stands.
 */
enum ps_status ps_file_replace(const char *path, const char *bytes, size_t size,
                               struct ps_error *err) PS_MUST_CHECK;

/* What is known of either side at a start. */
struct ps_state_side {
    bool found;
    const char *warehouse_id; /* file: NULL where the document has none */
    uint64_t number;
};

enum ps_state_choice {
    PS_STATE_NEW,       /* neither has a state: start from nothing */
    PS_STATE_SAME,      /* both say the same */
    PS_STATE_WAREHOUSE, /* the warehouse's stands; the file is missing or older: write it again */
};

/*
 * Decides. `warehouse_exists`: the destination is there (with or without a state in it). CONFIG,
 * naming `penstock reset` and both places: the file is newer, belongs to another warehouse, or the
 * warehouse is missing.
 */
enum ps_status ps_state_reconcile(const struct ps_state_side *warehouse, bool warehouse_exists,
                                  const char *warehouse_path, const struct ps_state_side *file,
                                  const char *file_path, enum ps_state_choice *ret_choice,
                                  struct ps_error *err) PS_MUST_CHECK;

#endif
