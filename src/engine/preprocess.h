/*
 * Preprocessing: statements that the user gave run at the source before any table is read, one for
 * each table, each in a transaction of its own. docs/preprocessing.md.
 */
#ifndef PS_ENGINE_PREPROCESS_H
#define PS_ENGINE_PREPROCESS_H

#include "engine/engine.h"

/* CONFIG: options of it contradict each other. */
enum ps_status preprocess_check(const struct ps_config *config, const struct ps_source_ops *ops,
                                struct ps_error *err) PS_MUST_CHECK;

/*
 * Runs what has not run for this sync, with a checkpoint after each statement, so that a sync that
 * goes on after a kill does not run it again. A table whose statement fails leaves the plan, with
 * an entry in the result's warnings. CONFIG: a template cannot be filled; nothing has run.
 */
struct preprocess_request {
    const struct ps_run_request *run;
    struct ps_plan *plan;
    struct ps_run_result *result;
    struct troubles *troubles;                     /* counts what went wrong; NULL: nobody does */
    void (*warn)(void *context, const char *text); /* takes a copy */
    void *context;
};
enum ps_status preprocess_run(const struct preprocess_request *request,
                              struct ps_error *err) PS_MUST_CHECK;

/*
 * All of the plan's tables were synced: their statements run again in the next sync, and, where no
 * table was left out, {last_sync} is when this one began. The caller's checkpoint keeps that.
 */
enum ps_status preprocess_end(const struct ps_run_request *run, const struct ps_plan *plan,
                              struct ps_error *err) PS_MUST_CHECK;

#endif
