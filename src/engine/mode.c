/*
 * The choice of a cursor: what the user configured, in order of preference, exact names before
 * parts of names; then the names that the source knows by itself. docs/architecture.md, "Modes".
 */
#include "engine/mode.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buffer.h"

/* Rows whose cursor is NULL are read in every sync: with more of them a cursor gains nothing. */
#define NULL_CURSORS_MAX 100000.0
/* So many of the candidates that lost are named. */
#define CANDIDATES_TOLD 16
/* A table with fewer rows is scanned as fast as an index is looked up. */
#define SCAN_ROWS_CHEAP 10000

struct candidates {
    int32_t *columns; /* room for each of the table's */
    size_t count;
};

static void add_candidate(struct candidates *candidates, int32_t column)
{
    for (size_t i = 0; i < candidates->count; i++) {
        if (candidates->columns[i] == column) {
            return;
        }
    }
    candidates->columns[candidates->count++] = column;
}

static bool contains_part(const char *name, const char *part)
{
    return strcasestr(name, part) != NULL;
}

/* Bytes have an order of their own where they are a counter's, and nowhere else. */
static bool can_be_cursor(const struct ps_column *column)
{
    return ps_scalar_type_supported(column->type) && column->no_cursor == NULL &&
           (column->counter || column->type != PS_TYPE_BINARY);
}

/* Adds the columns whose name is (or, with `partial`, contains) the name. */
static void add_matching(struct candidates *candidates, const struct ps_table *table,
                         const char *name, bool partial)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        const struct ps_column *column = &table->columns[i];
        bool matches =
            partial ? contains_part(column->name, name) : strcasecmp(column->name, name) == 0;
        if (matches && can_be_cursor(column)) {
            add_candidate(candidates, (int32_t)i);
        }
    }
}

#define CURSOR_TYPES                                                                               \
    "dates, times, integers, decimals of a declared precision and counters of the database can"

/* The first column of that name (or, with `partial`, part of a name) whose type rules it out; -1.
 */
static int32_t find_unfit(const struct ps_table *table, const char *name, bool partial)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        const struct ps_column *column = &table->columns[i];
        bool matches =
            partial ? contains_part(column->name, name) : strcasecmp(column->name, name) == 0;
        if (matches && !can_be_cursor(column)) {
            return (int32_t)i;
        }
    }
    return -1;
}

static const char *source_type(const struct ps_column *column)
{
    return column->source_type == NULL ? "?" : column->source_type;
}

/* "xid8 arrives as STRING: …", or what the source says of it. NULL: no memory. */
static const char *unfit_reason(struct ps_arena *arena, const struct ps_column *column)
{
    return column->no_cursor != NULL
               ? column->no_cursor
               : ps_arena_printf(arena, "%s arrives as %s: " CURSOR_TYPES, source_type(column),
                                 ps_type_name(column->type));
}

static size_t count_bars(const char *text)
{
    size_t count = 0;
    for (const char *bar = strchr(text, '|'); bar != NULL; bar = strchr(bar + 1, '|')) {
        count++;
    }
    return count;
}

/* Cuts "a | b" at the bar; the pieces, one more than there are bars at most, point into the copy.
 */
static size_t split_bars(char *copy, const char **pieces)
{
    size_t count = 0;
    for (char *piece = copy; piece != NULL;) {
        char *bar = strchr(piece, '|');
        if (bar != NULL) {
            *bar = '\0';
        }
        piece += strspn(piece, " \t");
        size_t size = strlen(piece);
        while (size > 0 && (piece[size - 1] == ' ' || piece[size - 1] == '\t')) {
            piece[--size] = '\0';
        }
        if (size > 0) {
            pieces[count++] = piece;
        }
        piece = bar == NULL ? NULL : bar + 1;
    }
    return count;
}

/* Why what was configured names no cursor. NULL: no memory. */
static const char *unnamed_warning(struct ps_arena *arena, const struct ps_table *table,
                                   const char *configured, const char *const *names, size_t count)
{
    int32_t unfit = -1;
    for (size_t i = 0; i < 2 * count && unfit < 0; i++) {
        unfit = find_unfit(table, names[i % count], i >= count);
    }
    if (unfit < 0) {
        return ps_arena_printf(arena,
                               "no column of \"%s\" that can be a cursor is named or contains `%s` "
                               "(timestamp_column)",
                               table->name, configured);
    }
    const struct ps_column *column = &table->columns[unfit];
    const char *reason = unfit_reason(arena, column);
    return reason == NULL
               ? NULL
               : ps_arena_printf(
                     arena,
                     "column \"%s\" of \"%s\" cannot be a cursor, since %s (timestamp_column)",
                     column->name, table->name, reason);
}

static enum ps_status configured_candidates(const struct ps_config *config, struct ps_arena *arena,
                                            const struct ps_table *table,
                                            struct candidates *candidates,
                                            struct mode_choice *choice, struct ps_error *err)
{
    const char *configured =
        ps_config_by_table(config, "timestamp_column", table->schema, table->name);
    if (configured == NULL) {
        return PS_OK;
    }
    char *copy = ps_arena_strdup(arena, configured);
    const char **names = ps_arena_array(arena, count_bars(configured) + 1, sizeof(*names));
    if (copy == NULL || names == NULL) {
        return ps_fail_nomem(err, "choosing a cursor");
    }
    size_t count = split_bars(copy, names);
    for (int partial = 0; partial < 2; partial++) {
        for (size_t i = 0; i < count; i++) {
            add_matching(candidates, table, names[i], partial != 0);
        }
    }
    if (candidates->count == 0) {
        choice->warning = unnamed_warning(arena, table, configured, names, count);
        if (choice->warning == NULL) {
            return ps_fail_nomem(err, "choosing a cursor");
        }
    }
    return PS_OK;
}

/* "updated_at, modified" of a NULL-terminated list, or "none is known". */
static void put_names(struct ps_buffer *out, const char *const *names)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        ps_buffer_printf(out, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
}

/* What an index would gain, and how to make it. */
static void put_scan(struct ps_buffer *reason, const struct ps_source_ops *ops,
                     const struct ps_table *table, uint32_t cursor)
{
    if (table->columns[cursor].indexed || table->rows_estimate < SCAN_ROWS_CHEAP) {
        return;
    }
    ps_buffer_printf(reason,
                     "; no index begins with it, so each read goes through all of about %lld rows",
                     (long long)table->rows_estimate);
    if (ops->advise_index != NULL) {
        ps_buffer_puts(reason, ", and with one through the changed ones alone: ");
        ops->advise_index(table, cursor, reason);
    }
}

static void put_cursor_reason(struct ps_buffer *reason, const struct ps_source_ops *ops,
                              const struct ps_table *table, const struct candidates *candidates,
                              size_t chosen)
{
    const struct ps_column *column = &table->columns[candidates->columns[chosen]];
    ps_buffer_printf(reason, "cursor %s%s", column->name, column->counter ? " (a counter)" : "");
    if (chosen > 0) {
        ps_buffer_printf(reason, ", because %s is NULL in too many rows",
                         table->columns[candidates->columns[chosen - 1]].name);
    }
    size_t told = candidates->count - chosen - 1;
    told = told > CANDIDATES_TOLD ? CANDIDATES_TOLD : told;
    for (size_t i = chosen + 1; i <= chosen + told; i++) {
        ps_buffer_printf(reason, "%s%s", i == chosen + 1 ? "; before " : ", ",
                         table->columns[candidates->columns[i]].name);
    }
    if (chosen + 1 + told < candidates->count) {
        ps_buffer_printf(reason, " and %zu more", candidates->count - chosen - 1 - told);
    }
    put_scan(reason, ops, table, (uint32_t)candidates->columns[chosen]);
}

static bool too_many_nulls(const struct ps_table *table, int32_t column)
{
    double fraction = table->columns[column].null_fraction;
    return fraction > 0 && table->rows_estimate > 0 &&
           fraction * (double)table->rows_estimate > NULL_CURSORS_MAX;
}

/* Why none of the candidates, or nothing at all, is the cursor. */
static enum ps_status put_full_reason(struct ps_buffer *reason, const struct ps_source_ops *ops,
                                      struct ps_arena *arena, const struct ps_table *table,
                                      const struct candidates *candidates, struct ps_error *err)
{
    int32_t unfit = -1;
    for (size_t i = 0; unfit < 0 && ops->cursor_names != NULL && ops->cursor_names[i] != NULL;
         i++) {
        unfit = find_unfit(table, ops->cursor_names[i], false);
    }
    if (candidates->count > 0) {
        ps_buffer_printf(reason, "%s is NULL in too many rows",
                         table->columns[candidates->columns[0]].name);
    } else if (unfit >= 0) {
        const struct ps_column *column = &table->columns[unfit];
        const char *why = unfit_reason(arena, column);
        if (why == NULL) {
            return ps_fail_nomem(err, "choosing a mode");
        }
        ps_buffer_printf(reason, "%s cannot be a cursor, since %s", column->name, why);
    } else {
        ps_buffer_puts(reason, "no cursor column (");
        put_names(reason, ops->cursor_names);
        ps_buffer_puts(reason, ")");
    }
    return PS_OK;
}

static enum ps_status choose_cursor(const struct ps_source_ops *ops, const struct ps_config *config,
                                    struct ps_arena *arena, const struct ps_table *table,
                                    struct mode_choice *choice, struct ps_buffer *reason,
                                    struct ps_error *err)
{
    struct candidates candidates = {.count = 0};
    candidates.columns = ps_malloc_array(table->columns_count, sizeof(*candidates.columns));
    enum ps_status status =
        candidates.columns == NULL
            ? ps_fail_nomem(err, "choosing a cursor")
            : configured_candidates(config, arena, table, &candidates, choice, err);
    if (status != PS_OK) {
        goto out;
    }
    for (size_t i = 0; ops->cursor_names != NULL && ops->cursor_names[i] != NULL; i++) {
        add_matching(&candidates, table, ops->cursor_names[i], false);
    }
    size_t chosen = 0;
    while (chosen < candidates.count && too_many_nulls(table, candidates.columns[chosen])) {
        chosen++;
    }
    if (chosen < candidates.count) {
        choice->mode = PS_MODE_INCREMENTAL;
        choice->cursor = candidates.columns[chosen];
        put_cursor_reason(reason, ops, table, &candidates, chosen);
    } else {
        status = put_full_reason(reason, ops, arena, table, &candidates, err);
    }
out:
    ps_free(candidates.columns);
    return status;
}

static bool soft_delete_type(enum ps_type type)
{
    return type == PS_TYPE_BOOLEAN || type == PS_TYPE_SHORT || type == PS_TYPE_INT ||
           type == PS_TYPE_LONG || type == PS_TYPE_STRING || type == PS_TYPE_UNSPECIFIED ||
           type == PS_TYPE_DECIMAL;
}

static int32_t soft_delete_named(const struct ps_table *table, const char *name)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (strcasecmp(table->columns[i].name, name) == 0 &&
            soft_delete_type(table->columns[i].type)) {
            return (int32_t)i;
        }
    }
    return -1;
}

static int32_t known_soft_delete(const struct ps_source_ops *ops, const struct ps_table *table)
{
    for (size_t i = 0; ops->soft_delete_names != NULL && ops->soft_delete_names[i] != NULL; i++) {
        int32_t column = soft_delete_named(table, ops->soft_delete_names[i]);
        if (column >= 0) {
            return column;
        }
    }
    /* A table that another pipeline wrote marks its deleted rows so, whatever the source. */
    return soft_delete_named(table, "_fivetran_deleted");
}

static enum ps_status choose_soft_delete(const struct ps_source_ops *ops,
                                         const struct ps_config *config, struct ps_arena *arena,
                                         const struct ps_table *table, struct mode_choice *choice,
                                         struct ps_error *err)
{
    const char *configured =
        ps_config_by_table(config, "soft_delete_column", table->schema, table->name);
    choice->soft_delete = configured == NULL ? -1 : soft_delete_named(table, configured);
    if (choice->soft_delete >= 0) {
        return PS_OK;
    }
    choice->soft_delete = known_soft_delete(ops, table);
    /* A name given for all tables need not be in each. */
    if (configured != NULL && strchr(ps_config_text(config, "soft_delete_column"), '=') != NULL) {
        choice->soft_delete_warning = ps_arena_printf(
            arena, "\"%s\" has no column `%s` that can mark a row as deleted (soft_delete_column)",
            table->name, configured);
        if (choice->soft_delete_warning == NULL) {
            return ps_fail_nomem(err, "choosing a soft-delete column");
        }
    }
    return PS_OK;
}

enum ps_status mode_choose(const struct ps_source_ops *ops, const struct ps_config *config,
                           struct ps_arena *arena, const struct ps_table *table,
                           struct mode_choice *ret_choice, struct ps_error *err)
{
    struct mode_choice choice = {.mode = PS_MODE_FULL, .cursor = -1, .soft_delete = -1};
    struct ps_buffer reason;
    ps_buffer_init(&reason, 4096);
    enum ps_status status = choose_soft_delete(ops, config, arena, table, &choice, err);
    if (status != PS_OK) {
        return status;
    }
    if ((ops->caps & PS_CAP_CHANGES) != 0) {
        choice.mode = PS_MODE_CHANGES;
        choice.soft_delete = -1; /* its deletes are deletes */
        ps_buffer_puts(&reason, "the source keeps its changes");
    } else if (table->keys_count == 0) {
        ps_buffer_puts(&reason, "no key");
    } else {
        status = choose_cursor(ops, config, arena, table, &choice, &reason, err);
    }
    if (status == PS_OK) {
        choice.reason = ps_arena_strdup(arena, ps_buffer_text(&reason));
        if (choice.reason == NULL) {
            status = ps_fail_nomem(err, "choosing a mode");
        } else {
            *ret_choice = choice;
        }
    }
    ps_buffer_done(&reason);
    return status;
}

const char *ps_mode_name(enum ps_mode mode)
{
    return mode == PS_MODE_FULL ? "full" : mode == PS_MODE_CHANGES ? "changes" : "incremental";
}
