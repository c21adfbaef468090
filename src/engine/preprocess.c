/*
 * The phase before the tables (engine/preprocess.h).
 */
#include "engine/preprocess.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/random.h"
#include "engine/plan.h"
#include "engine/sql_template.h"
#include "engine/trouble.h"

/* Before the first sync: no row is as old. */
#define NEVER "1970-01-01T00:00:00Z"
#define LAST_SYNC "_last_sync"
#define MARK_SIZE 17

struct phase {
    const struct preprocess_request *request;
    const struct ps_plan_table *table; /* whose statement is filled */
    const char *list[2];               /* of the value found last */
    char number[PS_VALUE_TEXT_SIZE];
    struct ps_source *source;
    const char **statements; /* by table of the plan; NULL: none */
};

enum ps_status preprocess_check(const struct ps_config *config, const struct ps_source_ops *ops,
                                struct ps_error *err)
{
    if (!ps_config_boolean(config, "enable_preprocessing")) {
        return PS_OK;
    }
    size_t tables = 0;
    (void)ps_config_list(config, "preprocessing_table", &tables);
    if (tables == 0 || !ps_config_is_set(config, "preprocessing_sql")) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "`enable_preprocessing` is on, but `%s` is not set",
                       tables == 0 ? "preprocessing_table" : "preprocessing_sql");
    }
    return ops->execute != NULL ? PS_OK
                                : ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                                          "`enable_preprocessing` is on, but the source `%s` runs "
                                          "no SQL",
                                          ops->name);
}

static const struct ps_state *state_of(const struct phase *phase)
{
    return phase->request->run->state;
}

static void find_text(struct phase *phase, const char *text, struct sql_value *ret_value)
{
    phase->list[0] = text == NULL || text[0] == '\0' ? NULL : text;
    *ret_value = (struct sql_value){.list = phase->list};
}

/* The tables that a name means, as far as they differ. */
struct named {
    const char *name;
    size_t size;
    const char *schema, *table; /* of the first of them */
    size_t count;
};

static bool is_named(const struct named *named, const char *table)
{
    return strlen(table) == named->size && strncasecmp(table, named->name, named->size) == 0;
}

static void count_named(struct named *named, const char *schema, const char *table)
{
    if (!is_named(named, table) || (named->count > 0 && strcmp(schema, named->schema) == 0 &&
                                    strcmp(table, named->table) == 0)) {
        return;
    }
    if (named->count++ == 0) {
        named->schema = schema;
        named->table = table;
    }
}

/*
 * The table whose statement is filled, where it has that name; else those of the sync and of the
 * state, of which tables that are gone count where there are no others.
 */
static void find_named(const struct phase *phase, struct named *named)
{
    const struct ps_plan *plan = phase->request->plan;
    const struct ps_table *own = phase->table->source_table;
    count_named(named, own->schema, own->name);
    if (named->count > 0) {
        return;
    }
    for (size_t i = 0; i < plan->tables_count; i++) {
        const struct ps_table *table = plan->tables[i].source_table;
        count_named(named, table->schema, table->name);
    }
    for (int gone = 0; gone < 2 && (gone == 0 || named->count == 0); gone++) {
        for (const struct ps_table_state *state = state_of(phase)->tables; state != NULL;
             state = state->next) {
            if (gone == 1 || state->mode != NULL) {
                count_named(named, state->schema, state->table);
            }
        }
    }
}

/* "{<TABLE>_last_sync}": where the table's cursor is; as {last_sync} where it has none. */
static bool find_table_time(struct phase *phase, const char *name, struct sql_value *ret_value)
{
    size_t size = strlen(name), end = strlen(LAST_SYNC);
    if (size <= end || strcasecmp(name + size - end, LAST_SYNC) != 0) {
        return false;
    }
    struct named named = {.name = name, .size = size - end};
    find_named(phase, &named);
    if (named.count == 0) {
        return false;
    }
    if (named.count > 1) {
        *ret_value = (struct sql_value){.refusal = "more than one table is meant by {"};
        return true;
    }
    const struct ps_table_state *state = ps_state_find(state_of(phase), named.schema, named.table);
    const char *last = state_of(phase)->last_sync;
    if (state != NULL && state->cursor.present) {
        (void)ps_scalar_format(&state->cursor, phase->number);
        last = phase->number;
    }
    find_text(phase, last == NULL ? NEVER : last, ret_value);
    return true;
}

static bool find_value(void *context, const char *name, struct sql_value *ret_value)
{
    struct phase *phase = context;
    const struct ps_state *state = state_of(phase);
    const struct ps_config *config = phase->request->run->plan.config;
    if (strcasecmp(name, "table_list") == 0) {
        find_text(phase, phase->table->source_table->name, ret_value);
        ret_value->schema = phase->table->source_table->schema;
        return true;
    }
    if (strcasecmp(name, "connector_list") == 0) {
        *ret_value = (struct sql_value){.list = ps_config_list(config, "connector_list", NULL)};
        return true;
    }
    if (strcasecmp(name, "last_sync") == 0) {
        find_text(phase, state->last_sync == NULL ? NEVER : state->last_sync, ret_value);
        return true;
    }
    if (strcasecmp(name, "syncs_completed") == 0) {
        snprintf(phase->number, sizeof(phase->number), "%" PRIu64, state->syncs_completed);
        find_text(phase, phase->number, ret_value);
        return true;
    }
    for (size_t i = 0; i < state->imported_count; i++) {
        if (strcasecmp(state->imported[i].name, name) == 0 && *state->imported[i].value != '\0') {
            find_text(phase, state->imported[i].value, ret_value);
            return true;
        }
    }
    return find_table_time(phase, name, ret_value);
}

static bool is_meant(const struct ps_config *config, const struct ps_table *table)
{
    const char *const *patterns = ps_config_list(config, "preprocessing_table", NULL);
    for (size_t i = 0; patterns[i] != NULL; i++) {
        if (ps_table_pattern_match(patterns[i], table->schema, table->name)) {
            return true;
        }
    }
    return false;
}

/* All templates first: what cannot be filled refuses before any SQL. */
static enum ps_status fill_all(struct phase *phase, struct ps_error *err)
{
    struct ps_plan *plan = phase->request->plan;
    const struct ps_config *config = phase->request->run->plan.config;
    const struct sql_template sql_template = {
        .text = ps_config_text_or_empty(config, "preprocessing_sql"),
        .find = find_value,
        .context = phase,
    };
    bool any = false;
    phase->statements =
        ps_arena_array(plan->arena, plan->tables_count + 1, sizeof(*phase->statements));
    if (phase->statements == NULL) {
        return ps_fail_nomem(err, "preprocessing");
    }
    for (size_t i = 0; i < plan->tables_count; i++) {
        phase->table = &plan->tables[i];
        if (!is_meant(config, phase->table->source_table)) {
            continue;
        }
        struct ps_buffer sql;
        ps_buffer_init(&sql, 0);
        enum ps_status status = sql_template_fill(&sql_template, &sql, err);
        if (status == PS_OK) {
            phase->statements[i] = ps_arena_strdup(plan->arena, ps_buffer_text(&sql));
        }
        ps_buffer_done(&sql);
        if (status != PS_OK) {
            return status;
        }
        if (phase->statements[i] == NULL) {
            return ps_fail_nomem(err, "preprocessing");
        }
        any = true;
    }
    if (!any) {
        phase->request->warn(phase->request->context,
                             "none of the tables of this sync is named by `preprocessing_table`: "
                             "no statement was run");
    }
    return PS_OK;
}

/*
 * What the state keeps of a statement that has run, until a sync of its table ends well: a hash of
 * the template, since its values may have moved on when a sync is resumed.
 */
static void write_mark(const struct phase *phase, char out[MARK_SIZE])
{
    const char *text =
        ps_config_text_or_empty(phase->request->run->plan.config, "preprocessing_sql");
    snprintf(out, MARK_SIZE, "%016" PRIx64, ps_hash_bytes(text, strlen(text)));
}

static enum ps_status save(const struct phase *phase, struct ps_error *err)
{
    const struct ps_run_request *run = phase->request->run;
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    run->state->number++;
    enum ps_status status = ps_state_write(run->state, &text, err);
    if (status == PS_OK) {
        status =
            run->sink_ops->checkpoint(run->sink, text.data, text.size, run->state->number, err);
    }
    phase->request->result->sink_failed = status != PS_OK;
    if (status == PS_OK) {
        phase->request->result->checkpoints++;
        if (run->events.checkpoint != NULL) {
            status = run->events.checkpoint(run->events.context, text.data, text.size, err);
        }
    }
    ps_buffer_done(&text);
    return status;
}

static enum ps_status open_source(struct phase *phase, struct ps_error *err)
{
    const struct ps_plan_request *plan = &phase->request->run->plan;
    const struct ps_source_request open = {.config = plan->config,
                                           .syncs_completed = state_of(phase)->syncs_completed,
                                           .cancel = plan->cancel};
    return plan->source_ops->open(&open, &phase->source, err);
}

/* The statement with all its attempts, on a connection that is made where there is none. */
static enum ps_status execute(struct phase *phase, const struct ps_plan_table *table,
                              const char *sql, int64_t *ret_rows, struct ps_error *err)
{
    const struct ps_plan_request *plan = &phase->request->run->plan;
    const struct ps_source_ops *ops = plan->source_ops;
    struct ps_retry retry;
    ps_retry_init(&retry, plan->config, plan->clock, plan->cancel);
    for (;;) {
        enum ps_status status = PS_OK;
        if (phase->source == NULL) {
            status = open_source(phase, err);
        }
        if (status == PS_OK) {
            status = ops->execute(phase->source, table->source_table, sql, ret_rows, err);
        }
        if (status == PS_OK) {
            trouble_passed(phase->request->troubles, TROUBLE_OF_THE_SYNC);
            return PS_OK;
        }
        status = ps_retry_classify(&retry, status, err);
        trouble_note(phase->request->troubles, TROUBLE_OF_THE_SYNC, err);
        status = trouble_wait(phase->request->troubles, TROUBLE_OF_THE_SYNC, &retry, status, err);
        if (status != PS_OK) {
            return status;
        }
        ops->close(phase->source);
        phase->source = NULL;
    }
}

/* `ret_alone`: the failure is of the one table, whatever becomes of the others. */
static enum ps_status run_one(struct phase *phase, struct ps_plan_table *table, const char *sql,
                              bool *ret_alone, struct ps_error *err)
{
    struct ps_state *state = phase->request->run->state;
    struct ps_table_state *kept;
    char mark[MARK_SIZE];
    int64_t rows = 0;
    const struct ps_table *source_table = table->source_table;
    *ret_alone = false;
    enum ps_status status =
        ps_state_table(state, source_table->schema, source_table->name, &kept, err);
    write_mark(phase, mark);
    if (status != PS_OK || (kept->preprocessed != NULL && strcmp(kept->preprocessed, mark) == 0)) {
        return status;
    }
    status = execute(phase, table, sql, &rows, err);
    if (status != PS_OK) {
        *ret_alone = status != PS_CANCELED && status != PS_NOMEM && status != PS_BUG;
        return status;
    }
    table->preprocessed = true;
    table->preprocessed_rows = rows;
    ps_log(PS_LOG_INFO, "%s: preprocessing affected %lld row%s",
           plan_table_label(phase->request->plan->arena, source_table), (long long)rows,
           rows == 1 ? "" : "s");
    status = ps_state_set_text(state, &kept->preprocessed, mark, err);
    return status == PS_OK ? save(phase, err) : status;
}

static void leave_out(const struct phase *phase, size_t index, const struct ps_error *err)
{
    struct ps_plan *plan = phase->request->plan;
    const char *label = plan_table_label(plan->arena, plan->tables[index].source_table);
    const char *text = ps_arena_printf(
        plan->arena, "%s was not synced: its preprocessing failed: %s", label, err->message);
    phase->request->warn(phase->request->context, text == NULL ? err->message : text);
    phase->request->result->tables_skipped++;
    size_t behind = plan->tables_count - index - 1;
    memmove(&plan->tables[index], &plan->tables[index + 1], behind * sizeof(*plan->tables));
    memmove(&phase->statements[index], &phase->statements[index + 1],
            behind * sizeof(*phase->statements));
    plan->tables_count--;
    plan->began = NULL; /* the next sync's {last_sync} is as far back as this one's */
}

/* When this sync begins, by the source's clock: {last_sync} of the next. */
static enum ps_status read_clock(struct phase *phase, struct ps_error *err)
{
    const struct ps_plan_request *plan = &phase->request->run->plan;
    struct ps_now now;
    enum ps_status status = open_source(phase, err);
    if (status == PS_OK) {
        status = plan->source_ops->now(phase->source, &now, err);
    }
    if (status == PS_OK) {
        char text[PS_VALUE_TEXT_SIZE];
        (void)ps_timestamp_format(now.utc, true, text);
        phase->request->plan->began = ps_arena_strdup(phase->request->plan->arena, text);
        if (phase->request->plan->began == NULL) {
            status = ps_fail_nomem(err, "preprocessing");
        }
    }
    return status;
}

enum ps_status preprocess_run(const struct preprocess_request *request, struct ps_error *err)
{
    const struct ps_plan_request *plan_request = &request->run->plan;
    struct phase phase = {.request = request};
    if (!ps_config_boolean(plan_request->config, "enable_preprocessing")) {
        return PS_OK;
    }
    enum ps_status status = fill_all(&phase, err);
    if (status == PS_OK) {
        status = read_clock(&phase, err);
    }
    if (status != PS_OK) {
        trouble_note(request->troubles, TROUBLE_OF_THE_SYNC, err);
    }
    for (size_t i = 0; status == PS_OK && i < request->plan->tables_count;) {
        if (phase.statements[i] == NULL) {
            i++;
            continue;
        }
        bool alone;
        status = run_one(&phase, &request->plan->tables[i], phase.statements[i], &alone, err);
        if (status == PS_OK) {
            i++;
        } else if (alone) {
            leave_out(&phase, i, err);
            status = PS_OK;
        }
    }
    plan_request->source_ops->close(phase.source);
    return status;
}

enum ps_status preprocess_end(const struct ps_run_request *run, const struct ps_plan *plan,
                              struct ps_error *err)
{
    struct ps_state *state = run->state;
    if (run->plan.tables == NULL) {
        for (struct ps_table_state *kept = state->tables; kept != NULL; kept = kept->next) {
            kept->preprocessed = NULL;
        }
        return plan->began == NULL ? PS_OK
                                   : ps_state_set_text(state, &state->last_sync, plan->began, err);
    }
    for (size_t i = 0; i < plan->tables_count; i++) {
        const struct ps_table *table = plan->tables[i].source_table;
        struct ps_table_state *kept = ps_state_find(state, table->schema, table->name);
        if (kept != NULL) {
            kept->preprocessed = NULL;
        }
    }
    return PS_OK;
}
