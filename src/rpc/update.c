/*
 * Update: a sync whose sink is the call's own stream. How its end looks to the platform is told in
 * docs/rpc.md, "How a sync ends".
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/engine.h"
#include "rpc/progress.h"
#include "rpc/service.h"
#include "sinks/stream/stream.h"

#define CHECKPOINT_SECONDS 60

/* One Update. Its thread is the sync's writer. */
struct update {
    const struct rpc_service *service;
    struct rpc_request *request;
    struct ps_rpc_call *call;
    const struct ps_source_ops *source_ops;
    struct ps_config *config;
    struct ps_state *state;
    struct ps_stream stream;
    struct ps_sink *sink;
    struct rpc_progress progress;
};

static enum ps_status send_message(void *context, uint8_t *message, size_t size,
                                   struct ps_error *err)
{
    struct update *update = context;
    rpc_progress_sending(&update->progress, true);
    enum ps_status status = ps_rpc_call_send(update->call, message, size, err);
    rpc_progress_sending(&update->progress, false);
    return status;
}

static void log_plan(void *context, const struct ps_plan *plan)
{
    struct update *update = context;
    size_t whole = 0;
    int64_t rows = 0;
    rpc_progress_planned(&update->progress, plan);
    for (size_t i = 0; i < plan->tables_count; i++) {
        int64_t estimate = plan->tables[i].source_table->rows_estimate;
        whole += plan->tables[i].load;
        rows += estimate > 0 ? estimate : 0;
    }
    ps_log(PS_LOG_INFO, "%s: %zu of %zu tables, about %lld rows; %zu read whole, %zu by changes",
           update->source_ops->name, plan->tables_count, plan->tables_found, (long long)rows, whole,
           plan->tables_count - whole);
    if (plan->server != NULL) {
        ps_log(PS_LOG_INFO, "%s: %s", update->source_ops->name, plan->server);
    }
    for (size_t i = 0; i < plan->tables_count && ps_log_enabled(PS_LOG_DEBUG); i++) {
        const struct ps_plan_table *table = &plan->tables[i];
        ps_log(PS_LOG_DEBUG, "%s %s: %s, %s", table->source_table->schema,
               table->source_table->name, ps_mode_name(table->mode), table->reason);
    }
}

static void note_progress(void *context, const struct ps_progress *progress)
{
    struct update *update = context;
    rpc_progress_note(&update->progress, progress);
}

/* Goes to the user by the stream, too. A stream that takes it no more ends the sync by itself. */
static void send_warning(void *context, const char *text)
{
    struct update *update = context;
    struct ps_buffer redacted;
    struct ps_error err = {0};
    ps_log(PS_LOG_WARNING, "%s", text);
    ps_buffer_init(&redacted, 0);
    ps_redact(&redacted, text);
    enum ps_status status = ps_sink_stream.warning(update->sink, ps_buffer_text(&redacted), &err);
    if (status != PS_OK) {
        ps_log(PS_LOG_DEBUG, "a warning could not be sent: %s", err.message);
    }
    ps_buffer_done(&redacted);
}

static enum ps_status open_stream(struct update *update, struct ps_error *err)
{
    update->stream = (struct ps_stream){.context = update, .send = send_message};
    if (update->config != NULL) {
        update->stream.message_bytes = ps_message_bytes(update->source_ops, update->config);
        update->stream.with_schema = rpc_service_with_schema(update->config);
    }
    struct ps_sink_request request = {.destination = "",
                                      .schema = "",
                                      .clock = update->service->clock,
                                      .stream = &update->stream};
    return ps_sink_stream.open(&request, &update->sink, err);
}

static enum ps_status run_sync(struct update *update, struct ps_run_result *result,
                               struct ps_error *err)
{
    struct ps_run_request run = {
        .plan = {.source_ops = update->source_ops,
                 .config = update->config,
                 .sink_caps = ps_sink_stream.caps,
                 .platform = true,
                 .selection = update->request->selection,
                 .clock = update->service->clock,
                 .cancel = ps_rpc_call_cancel(update->call)},
        .sink_ops = &ps_sink_stream,
        .sink = update->sink,
        .state = update->state,
        .checkpoint_seconds = CHECKPOINT_SECONDS,
        .events = {.context = update,
                   .plan = log_plan,
                   .progress = note_progress,
                   .warning = send_warning},
    };
    enum ps_status status = rpc_progress_start(&update->progress, err);
    if (status == PS_OK) {
        status = ps_sync_run(&run, result, err);
    }
    rpc_progress_end(&update->progress);
    return status;
}

/* The state must be this source's own: another's cursors mean nothing here. */
static enum ps_status check_state(const struct update *update, struct ps_error *err)
{
    if (update->state->source != NULL &&
        strcmp(update->state->source, update->source_ops->name) != 0) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "the state is that of the source %.64s, and the configuration means %s: "
                       "re-sync the connection, which loads all its tables again, or set the "
                       "source that the state was made with",
                       update->state->source, update->source_ops->name);
    }
    return PS_OK;
}

static enum ps_status prepare(struct update *update, struct ps_error *err)
{
    enum ps_status status = rpc_service_configure(update->service, update->request,
                                                  &update->source_ops, &update->config, err);
    if (status == PS_OK) {
        status = ps_state_parse(update->request->state_json, update->request->state_size, NULL,
                                &update->state, err);
    }
    return status == PS_OK ? check_state(update, err) : status;
}

/* What a person must mend is shown to the user as a task, and is no failure of the call. */
static void finish(struct update *update, enum ps_status status, const struct ps_error *err)
{
    if (status == PS_OK) {
        return;
    }
    if (status != PS_CONFIG || update->sink == NULL) {
        rpc_service_fail(update->call, rpc_code_of(status), "Update", err);
        return;
    }
    struct ps_buffer text;
    struct ps_error send_err = {0};
    ps_buffer_init(&text, 0);
    ps_redact(&text, err->message);
    ps_log(PS_LOG_SEVERE, "Update: %s", err->message);
    status = ps_sink_stream.task(update->sink, ps_buffer_text(&text), &send_err);
    if (status != PS_OK) {
        rpc_service_fail(update->call, rpc_code_of(status), "Update", &send_err);
    }
    ps_buffer_done(&text);
}

static void log_end(const struct ps_run_result *result, enum ps_status status)
{
    struct ps_table_result totals = ps_run_result_totals(result);
    uint64_t rows = totals.upserts + totals.updates + totals.deletes + result->rows_unsaved;
    char unsaved[96] = "";
    if (result->rows_unsaved > 0) {
        snprintf(unsaved, sizeof(unsaved), "; besides, %llu row%s sent after the last checkpoint",
                 (unsigned long long)result->rows_unsaved,
                 result->rows_unsaved == 1 ? " was" : "s were");
    }
    ps_log(PS_LOG_INFO,
           "Update %s after %.1f s: %llu upserts, %llu updates, %llu deletes, %llu truncates, "
           "%llu rows left out, %llu checkpoints, %.0f rows/s%s",
           status == PS_OK ? "done" : "ended", result->seconds, (unsigned long long)totals.upserts,
           (unsigned long long)totals.updates, (unsigned long long)totals.deletes,
           (unsigned long long)totals.truncates, (unsigned long long)totals.skipped,
           (unsigned long long)result->checkpoints,
           result->seconds > 0 ? (double)rows / result->seconds : 0, unsaved);
}

void rpc_update(const struct rpc_service *service, struct rpc_request *request,
                struct ps_rpc_call *call)
{
    struct update update = {.service = service, .request = request, .call = call};
    struct ps_run_result result = {.arena = NULL};
    struct ps_error err = {0}, open_err = {0};
    enum ps_status status = prepare(&update, &err);
    enum ps_status opened = open_stream(&update, &open_err);
    if (status == PS_OK && opened != PS_OK) {
        status = opened;
        err = open_err;
    }
    if (status == PS_OK) {
        status = run_sync(&update, &result, &err);
        log_end(&result, status);
    }
    finish(&update, status, &err);
    ps_sink_stream.close(update.sink);
    ps_run_result_done(&result);
    ps_state_free(update.state);
    ps_config_free(update.config);
}
