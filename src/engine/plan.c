/*
 * The plan of a sync: discovery, selection, names, each table's own plan, and their order.
 */
#include "engine/plan.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "engine/column_types.h"
#include "engine/flatten.h"
#include "engine/metadata.h"
#include "engine/parts.h"
#include "engine/trouble.h"

/* Ten thousand wide tables stay far below it. */
#define PLAN_BYTES_MAX (SIZE_C(4) << 30)
#define SIZE_C(n) ((size_t)(n))
#define HORIZON_HOURS_OLD 24

struct planner {
    const struct ps_plan_request *request;
    struct ps_plan *plan;
    struct ps_source *source;
    struct ps_table_list found;
    struct ps_table **selected;
    struct destination_name *names;                    /* of the selected */
    const struct ps_selected_table **selected_entries; /* of the selected; NULL: none */
    size_t selected_count;
    const char *horizon_unknown; /* why it is not known; NULL: it is */
    size_t warnings_capacity;
    bool failed; /* a warning found no memory */
};

static void planner_warn(void *context, const char *text)
{
    struct planner *planner = context;
    struct ps_plan *plan = planner->plan;
    if (plan->warnings_count == planner->warnings_capacity) {
        size_t capacity = planner->warnings_capacity == 0 ? 16 : 2 * planner->warnings_capacity;
        const char **grown = ps_arena_array(plan->arena, capacity, sizeof(*grown));
        if (grown == NULL) {
            planner->failed = true;
            return;
        }
        if (plan->warnings_count > 0) {
            memcpy(grown, plan->warnings, plan->warnings_count * sizeof(*grown));
        }
        plan->warnings = grown;
        planner->warnings_capacity = capacity;
    }
    char *copy = ps_arena_strdup(plan->arena, text);
    if (copy == NULL) {
        planner->failed = true;
        return;
    }
    plan->warnings[plan->warnings_count++] = copy;
}

/* Marks in hits[] the patterns that match. True: one did, or there are none at all. */
static bool matches_any(const char *const *patterns, const struct ps_table *table, bool *hits)
{
    bool any = patterns == NULL || patterns[0] == NULL;
    for (size_t i = 0; patterns != NULL && patterns[i] != NULL; i++) {
        if (ps_table_pattern_match(patterns[i], table->schema, table->name)) {
            any = true;
            if (hits != NULL) {
                hits[i] = true;
            }
        }
    }
    return any;
}

static size_t list_size(const char *const *patterns)
{
    size_t size = 0;
    while (patterns != NULL && patterns[size] != NULL) {
        size++;
    }
    return size;
}

static void warn_of_miss(struct planner *planner, const char *pattern, const char *option)
{
    const char *text =
        ps_arena_printf(planner->plan->arena, "no table matches `%s` (%s)", pattern, option);
    if (text == NULL) {
        planner->failed = true;
    } else {
        planner_warn(planner, text);
    }
}

static void warn_of_misses(struct planner *planner, const char *const *patterns, const bool *hits,
                           const char *option)
{
    for (size_t i = 0; patterns != NULL && patterns[i] != NULL; i++) {
        if (!hits[i]) {
            warn_of_miss(planner, patterns[i], option);
        }
    }
}

/* A slip in an option by table would leave the table as it is. Tables that are not selected, or
 * not for this login, are none. */
static void warn_of_options_by_table(struct planner *planner)
{
    const struct ps_table_list *found = &planner->found;
    struct ps_pattern_walk walk = {0};
    for (const char *pattern;
         (pattern = ps_config_next_pattern(planner->request->config, &walk)) != NULL;) {
        const char *const one[] = {pattern, NULL};
        bool hit = false;
        for (size_t i = 0; i < found->tables_count && !hit; i++) {
            hit = matches_any(one, found->tables[i], NULL);
        }
        for (size_t i = 0; i < found->refused_count && !hit; i++) {
            hit = matches_any(one, found->refused[i], NULL);
        }
        if (!hit) {
            warn_of_miss(planner, pattern, walk.option);
        }
    }
}

/* True where a pattern that names this one table, without a `*`, stands in the list. */
static bool named(const char *const *patterns, const struct ps_table *table)
{
    for (size_t i = 0; patterns != NULL && patterns[i] != NULL; i++) {
        if (strchr(patterns[i], '*') == NULL &&
            ps_table_pattern_match(patterns[i], table->schema, table->name)) {
            return true;
        }
    }
    return false;
}

/*
 * Tables that the login may not read are warned about and left out, unless nothing else is left.
 * Those that the user named, or that were read before, are counted besides.
 */
static enum ps_status check_refused(struct planner *planner, struct ps_error *err)
{
    const struct ps_table_list *found = &planner->found;
    const char *const *wanted = ps_config_list(planner->request->config, "tables", NULL);
    planner->plan->tables_refused = 0;
    for (size_t i = 0; i < found->refused_count; i++) {
        const struct ps_table *table = found->refused[i];
        const struct ps_table_state *state =
            planner->request->state == NULL
                ? NULL
                : ps_state_find(planner->request->state, table->schema, table->name);
        if (named(wanted, table) || named(planner->request->tables, table) ||
            (state != NULL && state->mode != NULL)) {
            planner->plan->tables_refused++;
        }
    }
    if (planner->selected_count == 0 && found->refused_count > 0 &&
        (found->tables_count == 0 || planner->plan->tables_refused > 0)) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_PERMISSION,
                       "the login may read none of the tables that are meant: %s",
                       found->warnings_count > 0 ? found->warnings[0] : "look at its rights");
    }
    return PS_OK;
}

/* A slip in --resync would leave the rows that it was meant for as they are. */
static enum ps_status check_resync(struct planner *planner, struct ps_error *err)
{
    const char *const *patterns = planner->request->resync_tables;
    for (size_t i = 0; planner->request->resync && patterns != NULL && patterns[i] != NULL; i++) {
        bool hit = false;
        for (size_t t = 0; t < planner->selected_count && !hit; t++) {
            const struct ps_table *table = planner->selected[t];
            hit = ps_table_pattern_match(patterns[i], table->schema, table->name);
        }
        if (!hit) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                           "no selected table matches `%.128s` (--resync): `penstock discover` "
                           "shows the tables there are",
                           patterns[i]);
        }
    }
    return PS_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct ps_table *x = *(struct ps_table *const *)a, *y = *(struct ps_table *const *)b;
    int order = strcmp(x->schema, y->schema);
    return order != 0 ? order : strcmp(x->name, y->name);
}

/* Tables by name, for looking them up. */
struct name_index {
    struct ps_table **tables;
    size_t count;
};

static bool index_tables(struct ps_arena *arena, const struct ps_table_list *found,
                         struct name_index *ret_index)
{
    size_t count = found->tables_count + found->refused_count;
    struct ps_table **tables = ps_arena_array(arena, count + 1, sizeof(struct ps_table *));
    if (tables == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        tables[i] =
            i < found->tables_count ? found->tables[i] : found->refused[i - found->tables_count];
    }
    qsort(tables, count, sizeof(struct ps_table *), by_name);
    *ret_index = (struct name_index){tables, count};
    return true;
}

static bool indexed(const struct name_index *index, const struct ps_table_state *state)
{
    const struct ps_table wanted = {.schema = state->schema, .name = state->table};
    const struct ps_table *key = &wanted;
    return bsearch(&key, index->tables, index->count, sizeof(struct ps_table *), by_name) != NULL;
}

/* Notes which tables of the state the source does not have any more. */
static enum ps_status find_gone(struct planner *planner, struct ps_error *err)
{
    const struct ps_state *state = planner->request->state;
    struct ps_plan *plan = planner->plan;
    struct name_index index;
    if (state == NULL) {
        return PS_OK;
    }
    struct ps_table_state **gone =
        ps_arena_array(plan->arena, state->tables_count + 1, sizeof(struct ps_table_state *));
    if (gone == NULL || !index_tables(plan->arena, &planner->found, &index)) {
        return ps_fail_nomem(err, "planning the sync");
    }
    size_t count = 0;
    for (struct ps_table_state *table = state->tables; table != NULL; table = table->next) {
        if (table->mode == NULL || indexed(&index, table)) {
            continue;
        }
        gone[count++] = table;
        const char *text = ps_arena_printf(
            plan->arena,
            "%s%s%s is not among the source's tables any more: its rows stay at the destination "
            "as they are",
            table->schema, table->schema[0] == '\0' ? "" : ".", table->table);
        if (text == NULL) {
            return ps_fail_nomem(err, "planning the sync");
        }
        planner_warn(planner, text);
    }
    plan->gone = gone;
    plan->gone_count = count;
    return PS_OK;
}

static enum ps_status fail_none_selected(const struct planner *planner, struct ps_error *err)
{
    size_t count = planner->found.tables_count;
    if (planner->request->platform) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "none of the %zu tables found is selected: look at `tables` and "
                       "`exclude_tables` in the setup form",
                       count);
    }
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "none of the %zu tables found is selected: look at `tables`, `exclude_tables` "
                   "and --tables, and at `penstock discover`",
                   count);
}

static enum ps_status select_tables(struct planner *planner, struct ps_error *err)
{
    const struct ps_config *config = planner->request->config;
    struct ps_arena *arena = planner->plan->arena;
    const char *const *wanted = ps_config_list(config, "tables", NULL);
    const char *const *unwanted = ps_config_list(config, "exclude_tables", NULL);
    const char *const *asked = planner->request->tables;
    bool *wanted_hits = ps_arena_array(arena, list_size(wanted) + 1, sizeof(bool));
    bool *unwanted_hits = ps_arena_array(arena, list_size(unwanted) + 1, sizeof(bool));
    bool *asked_hits = ps_arena_array(arena, list_size(asked) + 1, sizeof(bool));
    planner->selected =
        ps_arena_array(arena, planner->found.tables_count + 1, sizeof(struct ps_table *));
    if (wanted_hits == NULL || unwanted_hits == NULL || asked_hits == NULL ||
        planner->selected == NULL) {
        return ps_fail_nomem(err, "selecting tables");
    }
    for (size_t i = 0; i < planner->found.tables_count; i++) {
        struct ps_table *table = planner->found.tables[i];
        bool in = matches_any(wanted, table, wanted_hits);
        bool asked_for = matches_any(asked, table, asked_hits);
        bool out = unwanted[0] != NULL && matches_any(unwanted, table, unwanted_hits);
        if (in && asked_for && !out) {
            planner->selected[planner->selected_count++] = table;
        }
    }
    for (size_t i = 0; i < planner->found.refused_count; i++) {
        /* A pattern that hits one of them is no slip; what is refused is warned about anyhow. */
        (void)matches_any(wanted, planner->found.refused[i], wanted_hits);
        (void)matches_any(asked, planner->found.refused[i], asked_hits);
    }
    for (enum metadata_kind kind = 0; metadata_is_on(planner->request) && kind < METADATA_TABLES;
         kind++) {
        (void)matches_any(unwanted, metadata_table(kind), unwanted_hits);
    }
    warn_of_misses(planner, wanted, wanted_hits, "tables");
    warn_of_misses(planner, unwanted, unwanted_hits, "exclude_tables");
    warn_of_misses(planner, asked, asked_hits, "--tables");
    warn_of_options_by_table(planner);
    enum ps_status status = check_refused(planner, err);
    if (status == PS_OK) {
        status = check_resync(planner, err);
    }
    if (status == PS_OK && planner->selected_count == 0 && planner->found.tables_count > 0) {
        return fail_none_selected(planner, err);
    }
    return status;
}

/* Names what the configuration selects, and keeps of it what the platform's user wants. */
static enum ps_status name_and_select(struct planner *planner, struct ps_error *err)
{
    struct ps_arena *arena = planner->plan->arena;
    size_t count = planner->selected_count;
    planner->names = ps_arena_array(arena, count + 1, sizeof(*planner->names));
    planner->selected_entries =
        ps_arena_array(arena, count + 1, sizeof(*planner->selected_entries));
    if (planner->names == NULL || planner->selected_entries == NULL) {
        return ps_fail_nomem(err, "planning the sync");
    }
    enum ps_status status =
        names_assign(planner->request, arena, planner->selected, count, planner->names, err);
    const struct metadata_request metadata = {.plan = planner->request,
                                              .arena = arena,
                                              .names = planner->names,
                                              .names_count = count,
                                              .warn = planner_warn,
                                              .context = planner};
    if (status == PS_OK) {
        status = metadata_plan(&metadata, planner->plan, err);
    }
    if (status != PS_OK) {
        return status;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const struct destination_name *name = &planner->names[i];
        if (ps_selection_table(planner->request->selection, name->schema, name->table,
                               &planner->selected_entries[kept])) {
            planner->names[kept] = *name;
            planner->selected[kept++] = planner->selected[i];
        }
    }
    planner->selected_count = kept;
    return PS_OK;
}

/* Describes what is selected; a table that has gone meanwhile is left out with a warning. */
static enum ps_status describe_selected(struct planner *planner, struct ps_error *err)
{
    const struct ps_source_ops *ops = planner->request->source_ops;
    size_t kept = 0;
    for (size_t i = 0; i < planner->selected_count; i++) {
        struct ps_table *table = planner->selected[i];
        enum ps_status status = ops->describe(planner->source, planner->plan->arena, table, err);
        if (status == PS_SCHEMA) {
            planner_warn(planner, err->message);
            continue;
        }
        if (status != PS_OK) {
            return status;
        }
        if (ps_cancel_is_set(planner->request->cancel)) {
            return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "the sync was asked to stop");
        }
        planner->names[kept] = planner->names[i];
        planner->selected_entries[kept] = planner->selected_entries[i];
        planner->selected[kept++] = table;
    }
    planner->selected_count = kept;
    return PS_OK;
}

/* A transaction that is never ended keeps every window open: said, but not overruled. */
static enum ps_status warn_of_old_horizon(struct planner *planner, struct ps_error *err)
{
    struct ps_now now;
    enum ps_status status = planner->request->source_ops->now(planner->source, &now, err);
    if (status != PS_OK) {
        return status;
    }
    if (now.held) {
        planner_warn(planner,
                     "a prepared transaction is open at the source, and nobody can see when "
                     "it began: until it ends, incremental reads begin where they began "
                     "last");
    }
    if (!now.horizon_known) {
        planner->horizon_unknown =
            ps_arena_strdup(planner->plan->arena,
                            now.horizon_unknown_reason == NULL ? "" : now.horizon_unknown_reason);
        return planner->horizon_unknown == NULL ? ps_fail_nomem(err, "planning the sync") : PS_OK;
    }
    int64_t hours = (now.utc.seconds - now.horizon_utc.seconds) / 3600;
    if (hours >= HORIZON_HOURS_OLD) {
        const char *text = ps_arena_printf(
            planner->plan->arena,
            "a transaction has been open at the source for %lld hours: incremental reads begin "
            "before it each time, until it ends",
            (long long)hours);
        if (text == NULL) {
            return ps_fail_nomem(err, "planning the sync");
        }
        planner_warn(planner, text);
    }
    return PS_OK;
}

/* What answers, and what about the way to it would better be otherwise. */
static enum ps_status ask_about(struct planner *planner, struct ps_error *err)
{
    struct ps_plan *plan = planner->plan;
    struct ps_about about = {.server = NULL};
    plan->server = NULL;
    if (planner->request->source_ops->about == NULL) {
        return PS_OK;
    }
    planner->request->source_ops->about(planner->source, &about);
    plan->server = ps_arena_strdup(plan->arena, about.server);
    if (plan->server == NULL) {
        return ps_fail_nomem(err, "planning the sync");
    }
    if (about.advice != NULL) {
        planner_warn(planner, about.advice);
    }
    return PS_OK;
}

/* Opens the source, lists and describes; passing trouble starts it over. */
static enum ps_status discover_once(struct planner *planner, struct ps_error *err)
{
    const struct ps_source_ops *ops = planner->request->source_ops;
    const struct ps_config *config = planner->request->config;
    struct ps_source_request open = {
        .config = config,
        .tables = ps_config_list(config, "tables", NULL),
        .exclude_tables = ps_config_list(config, "exclude_tables", NULL),
        .syncs_completed =
            planner->request->state == NULL ? 0 : planner->request->state->syncs_completed,
        .cancel = planner->request->cancel,
    };
    enum ps_status status = ops->open(&open, &planner->source, err);
    if (status != PS_OK) {
        return status;
    }
    planner->found = (struct ps_table_list){.arena = planner->plan->arena};
    planner->plan->warnings_count = 0;
    planner->selected_count = 0;
    planner->horizon_unknown = NULL;
    status = ask_about(planner, err);
    if (status != PS_OK) {
        return status;
    }
    status = ops->list_tables(planner->source, &planner->found, err);
    if (status != PS_OK) {
        return status;
    }
    for (size_t i = 0; i < planner->found.warnings_count; i++) {
        planner_warn(planner, planner->found.warnings[i]);
    }
    if ((status = select_tables(planner, err)) != PS_OK ||
        (status = find_gone(planner, err)) != PS_OK ||
        (status = name_and_select(planner, err)) != PS_OK ||
        (status = describe_selected(planner, err)) != PS_OK) {
        return status;
    }
    return warn_of_old_horizon(planner, err);
}

static enum ps_status discover(struct planner *planner, struct ps_error *err)
{
    struct ps_retry retry;
    ps_retry_init(&retry, planner->request->config, planner->request->clock,
                  planner->request->cancel);
    if (planner->request->patience_ms != 0) {
        ps_retry_hurry(&retry, planner->request->patience_ms);
    }
    for (;;) {
        enum ps_status status = discover_once(planner, err);
        if (status == PS_OK) {
            trouble_passed(planner->request->troubles, TROUBLE_OF_THE_SYNC);
            return PS_OK;
        }
        planner->request->source_ops->close(planner->source);
        planner->source = NULL;
        status = ps_retry_classify(&retry, status, err);
        trouble_note(planner->request->troubles, TROUBLE_OF_THE_SYNC, err);
        status = trouble_wait(planner->request->troubles, TROUBLE_OF_THE_SYNC, &retry, status, err);
        if (status != PS_OK) {
            return status;
        }
    }
}

static int by_work_order(const void *a, const void *b)
{
    const struct ps_plan_table *x = a, *y = b;
    if ((x->resume != NULL) != (y->resume != NULL)) {
        return x->resume != NULL ? -1 : 1; /* so that few loads are under way at any time */
    }
    if (x->sizing.size_class != y->sizing.size_class) {
        return x->sizing.size_class < y->sizing.size_class ? -1 : 1;
    }
    int64_t rows_x = x->source_table->rows_estimate, rows_y = y->source_table->rows_estimate;
    if (rows_x != rows_y) {
        return rows_x < rows_y ? -1 : 1;
    }
    int order = strcmp(x->source_table->schema, y->source_table->schema);
    return order != 0 ? order : strcmp(x->source_table->name, y->source_table->name);
}

static void tell_renamed(struct planner *planner, const struct ps_table *table,
                         const struct destination_name *name)
{
    if (!name->renamed) {
        return;
    }
    const char *text = ps_arena_printf(
        planner->plan->arena,
        "the table %s is called \"%s\" at the destination, where its own name is taken",
        plan_table_label(planner->plan->arena, table), name->table);
    if (text == NULL) {
        planner->failed = true;
    } else {
        planner_warn(planner, text);
    }
}

/* True where the table's windows are those of a clock or of plain numbers. */
static bool has_horizon_in_time(const struct ps_plan_table *table)
{
    return table->mode == PS_MODE_INCREMENTAL &&
           !table->source_table->columns[table->read_columns[table->cursor]].counter;
}

/* Where the horizon cannot be seen, the look-back alone stands for late commits: worth saying. */
static enum ps_status warn_of_unknown_horizon(struct planner *planner, struct ps_error *err)
{
    const struct ps_plan *plan = planner->plan;
    bool windows = false;
    for (size_t i = 0; i < plan->tables_count; i++) {
        windows = windows || has_horizon_in_time(&plan->tables[i]);
    }
    if (planner->horizon_unknown == NULL || !windows) {
        return PS_OK;
    }
    const char *text = ps_arena_printf(
        plan->arena,
        "rows that are committed later than `lookback_seconds` (%lld) after their time may be "
        "missed, because open transactions cannot be seen: %s",
        (long long)ps_config_integer(planner->request->config, "lookback_seconds", 300),
        planner->horizon_unknown);
    if (text == NULL) {
        return ps_fail_nomem(err, "planning the sync");
    }
    planner_warn(planner, text);
    return PS_OK;
}

/* One name for all tables is worth a word where none of them has it. */
static enum ps_status warn_of_soft_delete(struct planner *planner, struct ps_error *err)
{
    const struct ps_plan *plan = planner->plan;
    const char *name = ps_config_text(planner->request->config, "soft_delete_column");
    bool there = name == NULL || strchr(name, '=') != NULL || plan->tables_count == 0;
    for (size_t i = 0; i < plan->tables_count && !there; i++) {
        const struct ps_plan_table *table = &plan->tables[i];
        there =
            table->soft_delete >= 0 &&
            strcasecmp(table->source_table->columns[table->read_columns[table->soft_delete]].name,
                       name) == 0;
    }
    if (there) {
        return PS_OK;
    }
    const char *text =
        ps_arena_printf(plan->arena,
                        "no table has a column `%.128s` that can mark a row as deleted "
                        "(soft_delete_column)",
                        name);
    if (text == NULL) {
        return ps_fail_nomem(err, "planning the sync");
    }
    planner_warn(planner, text);
    return PS_OK;
}

/* A slip in `column_types` would leave the column as it is. */
static enum ps_status warn_of_column_types(struct planner *planner, struct ps_error *err)
{
    const char *at = NULL;
    const struct ps_table **tables =
        ps_arena_array(planner->plan->arena, planner->selected_count + 1, sizeof(*tables));
    if (tables == NULL) {
        return ps_fail_nomem(err, "planning the sync");
    }
    for (size_t i = 0; i < planner->selected_count; i++) {
        tables[i] = planner->selected[i];
    }
    for (const char *text;
         (text = column_types_unmatched(planner->request->config, tables, planner->selected_count,
                                        planner->plan->arena, &at)) != NULL;) {
        planner_warn(planner, text);
    }
    return PS_OK;
}

static enum ps_status warn_of_threads(struct planner *planner, struct ps_error *err)
{
    int64_t threads = ps_config_integer(planner->request->config, "threads", 1);
    if (threads <= PS_THREADS_MAX) {
        return PS_OK;
    }
    const char *text =
        ps_arena_printf(planner->plan->arena, "`threads` is %lld; a sync reads with %d at most",
                        (long long)threads, PS_THREADS_MAX);
    if (text == NULL) {
        return ps_fail_nomem(err, "planning the sync");
    }
    planner_warn(planner, text);
    return PS_OK;
}

static enum ps_status plan_tables(struct planner *planner, struct ps_error *err)
{
    struct ps_plan *plan = planner->plan;
    size_t count = planner->selected_count;
    plan->tables = ps_arena_array(plan->arena, count + 1, sizeof(*plan->tables));
    if (plan->tables == NULL) {
        return ps_fail_nomem(err, "planning the sync");
    }
    const char *left_behind = NULL;
    enum ps_status status = names_left_behind(planner->request, plan->arena, planner->selected,
                                              count, planner->names, &left_behind, err);
    if (left_behind != NULL) {
        planner_warn(planner, left_behind);
    }
    struct claims *claims = NULL;
    if (status == PS_OK) {
        status = claims_new(planner->request->state, &planner->found, plan->arena, &claims, err);
    }
    for (size_t i = 0; i < count && status == PS_OK; i++) {
        const struct ps_table *table = planner->selected[i];
        tell_renamed(planner, table, &planner->names[i]);
        struct plan_table_request request = {
            .plan = planner->request,
            .arena = plan->arena,
            .table = table,
            .name = &planner->names[i],
            .selected = planner->selected_entries[i],
            .state = planner->request->state == NULL
                         ? NULL
                         : ps_state_find(planner->request->state, table->schema, table->name),
            .flatten_memory = plan->flatten_memory,
            .claims = claims,
            .warn = planner_warn,
            .context = planner,
        };
        status = plan_table(&request, &plan->tables[i], err);
    }
    if (status == PS_OK) {
        plan->tables_count = count;
        plan->tables_found = planner->found.tables_count;
        qsort(plan->tables, count, sizeof(*plan->tables), by_work_order);
        status = warn_of_unknown_horizon(planner, err);
    }
    if (status == PS_OK) {
        status = warn_of_soft_delete(planner, err);
    }
    if (status == PS_OK) {
        status = warn_of_column_types(planner, err);
    }
    return status == PS_OK ? warn_of_threads(planner, err) : status;
}

static enum ps_status plan_discovered(struct planner *planner, struct ps_error *err)
{
    const struct ps_plan_request *request = planner->request;
    enum ps_status status = plan_tables(planner, err);
    if (status == PS_OK && request->partitions) {
        status = parts_count(request, planner->source, planner->plan, err);
    }
    if (status == PS_OK && planner->failed) {
        status = ps_fail_nomem(err, "planning the sync");
    }
    if (status != PS_OK) {
        trouble_note(request->troubles, TROUBLE_OF_THE_SYNC, err);
    }
    return status;
}

static enum ps_status plan_empty(struct ps_plan **ret_plan, struct ps_error *err)
{
    struct ps_plan *plan = ps_calloc(1, sizeof(*plan));
    if (plan == NULL || (plan->arena = ps_arena_new(PLAN_BYTES_MAX)) == NULL) {
        ps_free(plan);
        return ps_fail_nomem(err, "planning the sync");
    }
    *ret_plan = plan;
    return PS_OK;
}

enum ps_status plan_of_nothing(const struct ps_plan_request *request, struct ps_plan **ret_plan,
                               struct ps_error *err)
{
    struct planner planner = {.request = request};
    enum ps_status status = plan_empty(&planner.plan, err);
    if (status != PS_OK) {
        return status;
    }
    const struct metadata_request metadata = {
        .plan = request, .arena = planner.plan->arena, .warn = planner_warn, .context = &planner};
    status = metadata_plan_alone(&metadata, planner.plan, err);
    if (status != PS_OK) {
        ps_plan_free(planner.plan);
        return status;
    }
    *ret_plan = planner.plan;
    return PS_OK;
}

enum ps_status ps_plan_new(const struct ps_plan_request *request, struct ps_plan **ret_plan,
                           struct ps_error *err)
{
    struct planner planner = {.request = request};
    enum ps_status status = plan_empty(&planner.plan, err);
    if (status != PS_OK) {
        return status;
    }
    status = flatten_memory_new(&planner.plan->flatten_memory, err);
    if (status == PS_OK) {
        status = discover(&planner, err);
    }
    if (status == PS_OK) {
        status = plan_discovered(&planner, err);
    }
    request->source_ops->close(planner.source);
    if (status != PS_OK) {
        ps_plan_free(planner.plan);
        return status;
    }
    *ret_plan = planner.plan;
    return PS_OK;
}

void ps_plan_free(struct ps_plan *plan)
{
    if (plan != NULL) {
        flatten_memory_free(plan->flatten_memory);
        ps_arena_free(plan->arena);
        ps_free(plan);
    }
}
