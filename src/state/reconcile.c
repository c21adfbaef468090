/*
 * What a start finds: the destination's state and its copy, state.json, and which of the two is to
 * be believed. The table of cases is in docs/state-format.md.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "state/file.h"

static enum ps_status refuse(const char *warehouse_path, const char *file_path, const char *why,
                             struct ps_error *err)
{
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "the state file %s and the warehouse %s do not belong together: %s; put back "
                   "the one that is missing or wrong, or begin anew with `penstock reset`",
                   file_path, warehouse_path, why);
}

/* Why both, though found, do not fit together; NULL: they do. */
static const char *mismatch(const struct ps_state_side *warehouse, const struct ps_state_side *file)
{
    if (warehouse->warehouse_id == NULL || file->warehouse_id == NULL) {
        return "one of the two states does not say which warehouse it belongs to";
    }
    if (strcmp(warehouse->warehouse_id, file->warehouse_id) != 0) {
        return "the file was written for another warehouse";
    }
    if (file->number > warehouse->number) {
        return "the file is newer than the warehouse, so that rows already counted as loaded are "
               "not in it";
    }
    return NULL;
}

enum ps_status ps_state_reconcile(const struct ps_state_side *warehouse, bool warehouse_exists,
                                  const char *warehouse_path, const struct ps_state_side *file,
                                  const char *file_path, enum ps_state_choice *ret_choice,
                                  struct ps_error *err)
{
    assert(warehouse_exists || !warehouse->found);
    /* An empty document ({}) names no warehouse and counts nothing: it is as good as none. */
    bool file_found = file->found && (file->warehouse_id != NULL || file->number > 0);
    if (!warehouse->found && !file_found) {
        *ret_choice = PS_STATE_NEW;
        return PS_OK;
    }
    if (!warehouse->found) {
        return refuse(warehouse_path, file_path,
                      warehouse_exists ? "the warehouse is there, but holds no state"
                                       : "the warehouse is missing",
                      err);
    }
    if (!file_found) {
        *ret_choice = PS_STATE_WAREHOUSE;
        return PS_OK;
    }
    const char *why = mismatch(warehouse, file);
    if (why != NULL) {
        return refuse(warehouse_path, file_path, why, err);
    }
    *ret_choice = file->number == warehouse->number ? PS_STATE_SAME : PS_STATE_WAREHOUSE;
    return PS_OK;
}
