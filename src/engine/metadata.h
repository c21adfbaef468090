/*
 * The metadata tables: what a sync tells of itself at the destination, beside the source's own
 * tables (docs/metadata-tables.md). metadata.c says which there are and how they are called,
 * metadata_rows.c fills them when the sync has ended.
 */
#ifndef PS_ENGINE_METADATA_H
#define PS_ENGINE_METADATA_H

#include "engine/names.h"
#include "engine/writer.h"

enum metadata_kind {
    METADATA_VALIDATION,
    METADATA_SYNC_VALIDATION,
    METADATA_RESOURCE_USAGE,
    METADATA_PROCESSING_STATISTICS,
    METADATA_ERROR_STATISTICS,
    METADATA_PARAMETER_HISTORY,
    METADATA_TABLES,
};

/* The most columns that one of them has. */
#define METADATA_COLUMNS_MAX 16

/* True where the configuration, or the source in its place, wants them. */
bool metadata_is_on(const struct ps_plan_request *request);

/* The table of that kind, with all its columns. */
const struct ps_table *metadata_table(enum metadata_kind kind);
/* True where syncs with this configuration have it. */
bool metadata_is_wanted(const struct ps_plan_request *request, enum metadata_kind kind);

/*
 * Plans those that the sync writes: all that the configuration does not leave out
 * (`exclude_tables`), of which the platform's user wants some columns or all. One whose name a
 * table of the source has is left out with a warning. Names are those of the source's tables.
 */
struct metadata_request {
    const struct ps_plan_request *plan;
    struct ps_arena *arena;
    const struct destination_name *names;
    size_t names_count;
    void (*warn)(void *context, const char *text);
    void *context;
};
enum ps_status metadata_plan(const struct metadata_request *request, struct ps_plan *plan,
                             struct ps_error *err) PS_MUST_CHECK;

/* Plans them into a plan of no table, for a sync that came to no plan: the names that count are
 * those that the state knows. */
enum ps_status metadata_plan_alone(const struct metadata_request *request, struct ps_plan *plan,
                                   struct ps_error *err) PS_MUST_CHECK;

/* Writes what the run's result tells into the planned tables; a checkpoint is to follow. */
enum ps_status metadata_write(struct writer *writer, struct ps_error *err) PS_MUST_CHECK;

#endif
