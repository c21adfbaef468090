/*
 * penstock tester: stands in for the platform for one sync of a connector that listens on a port.
 * What is asked and checked is the tester's (src/tester); here are the command line, the wire, the
 * places, signals and the exit status.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/local.h"
#include "cli/process.h"
#include "cli/tester_report.h"
#include "rpc/client.h"
#include "state/file.h"

#define MESSAGE_BYTES_MAX ((size_t)134217728)
#define IDLE_SECONDS_MAX 86400
#define WAIT_SECONDS_MAX 3600
#define NOTICE_MS 60000
#define PATH_SIZE 128

struct tester {
    const struct command_line *line;
    struct local local;
    struct ps_cancel cancel;
    struct ps_rpc_client *client;
    struct ps_rpc_stream *stream;
    int64_t idle_seconds;
    char folder[4096]; /* where the warehouse lies */
    struct tester_report report;
    struct ps_tester_result result;
};

static void method_path(const char *method, char out[PATH_SIZE])
{
    snprintf(out, PATH_SIZE, "%s%s", PS_TESTER_SERVICE, method);
}

static enum ps_status wire_call(void *context, const char *method, const struct ps_buffer *request,
                                struct ps_buffer *answer, struct ps_error *err)
{
    struct tester *tester = context;
    char path[PATH_SIZE];
    method_path(method, path);
    enum ps_status status =
        ps_rpc_client_call(tester->client, path, request, tester->idle_seconds * 1000, answer, err);
    if (status == PS_RETRY) {
        return ps_fail(err, PS_DATA, PS_CLASS_TIMEOUT,
                       "the connector gave no answer for %lld s: it hangs; --idle-seconds gives it "
                       "longer",
                       (long long)tester->idle_seconds);
    }
    return status;
}

static enum ps_status wire_open(void *context, const char *method, const struct ps_buffer *request,
                                struct ps_error *err)
{
    struct tester *tester = context;
    char path[PATH_SIZE];
    method_path(method, path);
    return ps_rpc_stream_open(tester->client, path, request, &tester->stream, err);
}

static enum ps_status wire_next(void *context, int64_t timeout_ms, uint8_t **ret_message,
                                size_t *ret_size, struct ps_error *err)
{
    struct tester *tester = context;
    return ps_rpc_stream_next(tester->stream, timeout_ms, ret_message, ret_size, err);
}

static void wire_stop(void *context)
{
    struct tester *tester = context;
    ps_rpc_stream_stop(tester->stream);
}

static void on_event(void *context, const struct ps_tester_event *event)
{
    struct tester *tester = context;
    tester_report_event(&tester->report, event);
}

/* A call with one answer takes long; of Update the room `tester` tells it. */
static void on_wait(void *context, int64_t waited_ms)
{
    on_event(context, &(struct ps_tester_event){.kind = PS_TESTER_WAITING,
                                                .number = (uint64_t)(waited_ms / 1000)});
}

static enum ps_status on_checkpoint(void *context, const char *json, size_t size,
                                    struct ps_error *err)
{
    struct tester *tester = context;
    return ps_file_replace(tester->local.state_path, json, size, err);
}

static enum ps_status take_number(const struct command_line *line, const char *option,
                                  int64_t maximum, int64_t *ret_number, struct ps_error *err)
{
    const char *text = command_text(line, option);
    char *end = NULL;
    long long number = text == NULL ? 0 : strtoll(text, &end, 10);
    if (text == NULL) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "--%s is missing: the port on which the connector listens", option);
    }
    if (end == text || *end != '\0' || number < 1 || number > maximum) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "--%s takes a number from 1 to %lld, not `%s`", option, (long long)maximum,
                       text);
    }
    *ret_number = number;
    return PS_OK;
}

/* The folder of the warehouse: files of the connector go below it. */
static void take_folder(struct tester *tester)
{
    const char *slash = strrchr(tester->local.warehouse, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - tester->local.warehouse);
    if (slash == NULL || size >= sizeof tester->folder) {
        snprintf(tester->folder, sizeof tester->folder, ".");
    } else {
        snprintf(tester->folder, sizeof tester->folder, "%.*s", size == 0 ? 1 : (int)size,
                 tester->local.warehouse);
    }
}

/* All that can be wrong before a byte is sent. */
static enum ps_status prepare(struct tester *tester, struct ps_rpc_client_options *options,
                              int64_t *ret_wait_seconds, struct ps_error *err)
{
    const struct command_line *line = tester->line;
    const char *config_path = command_text(line, "config");
    int64_t port = 0;
    enum ps_status status = take_number(line, "port", 65535, &port, err);
    if (status == PS_OK) {
        status = take_number(line, "idle-seconds", IDLE_SECONDS_MAX, &tester->idle_seconds, err);
    }
    if (status == PS_OK) {
        status = take_number(line, "wait-seconds", WAIT_SECONDS_MAX, ret_wait_seconds, err);
    }
    if (status == PS_OK && config_path != NULL) {
        status = ps_settings_read_file(&tester->local.settings, config_path, err);
    }
    local_log_warnings(&tester->local);
    if (status == PS_OK) {
        status = ps_tester_check_settings(&tester->local.settings, err);
    }
    if (status == PS_OK) {
        status = local_take_files(&tester->local, line, false, err);
    }
    if (status == PS_OK) {
        options->host = command_text(line, "host");
        options->port = (uint16_t)port;
        options->message_bytes_max = MESSAGE_BYTES_MAX;
        options->cancel = &tester->cancel;
        tester->local.source_name = "connector";
        take_folder(tester);
    }
    return status;
}

static enum ps_status run_session(struct tester *tester, struct ps_error *err)
{
    const struct ps_tester_request request = {
        .wire = {.context = tester,
                 .call = wire_call,
                 .open = wire_open,
                 .next = wire_next,
                 .stop = wire_stop},
        .settings = &tester->local.settings,
        .sink_ops = tester->local.sink_ops,
        .sink = tester->local.sink,
        .state = tester->local.state,
        .folder = tester->folder,
        .schema = tester->local.schema,
        .cancel = &tester->cancel,
        .idle_seconds = tester->idle_seconds,
        .events = {.context = tester, .event = on_event, .checkpoint = on_checkpoint},
    };
    return ps_tester_run(&request, &tester->result, err);
}

static enum ps_status run(struct tester *tester, struct ps_error *err)
{
    struct ps_rpc_client_options options = {0};
    int64_t wait_seconds = 0;
    options.waiting = on_wait;
    options.waiting_context = tester;
    options.notice_ms = NOTICE_MS;
    enum ps_status status = prepare(tester, &options, &wait_seconds, err);
    tester->report = (struct tester_report){
        .out = tester->report.out,
        .json = command_given(tester->line, "json"),
        .strict = command_given(tester->line, "strict"),
        .warehouse = tester->local.warehouse,
        .schema = tester->local.schema,
        .folder = tester->folder,
        .notes = tester->local.settings.warnings,
        .notes_count = tester->local.settings.warnings_count,
    };
    if (status == PS_OK) {
        status = ps_rpc_client_new(&options, &tester->client, err);
    }
    if (status == PS_OK) {
        status = ps_rpc_client_wait(tester->client, wait_seconds * 1000, err);
    }
    if (status == PS_OK) {
        status = local_open(&tester->local, err);
    }
    return status == PS_OK ? run_session(tester, err) : status;
}

static enum exit_status exit_of(const struct tester *tester, enum ps_status status,
                                const struct ps_error *err)
{
    if (tester->result.test_failed != NULL) {
        return EXIT_UNREACHABLE; /* as `penstock check`: the source refuses */
    }
    if (status == PS_OK && tester->report.strict && tester->result.breaches_total > 0) {
        return EXIT_SKIPPED;
    }
    /* Local files that fail once the stream runs are no slip in what was asked for. */
    if (status == PS_CONFIG && err->error_class == PS_CLASS_DISK && tester->result.arena != NULL) {
        return EXIT_FAILED;
    }
    return exit_status_of(status, err, tester->result.totals.skipped);
}

static enum exit_status run_tester(const struct command_line *line, struct output *out)
{
    struct tester tester = {.line = line, .report = {.out = out}};
    struct ps_error err = {0};
    ps_cancel_init(&tester.cancel);
    process_cancel_on_signal(&tester.cancel);
    enum ps_status status = run(&tester, &err);
    process_cancel_done();
    if (status != PS_OK && status != PS_CANCELED) {
        ps_log(PS_LOG_SEVERE, "%s", err.message);
    }
    if (tester.report.json || tester.result.arena != NULL) {
        tester_report_end(&tester.report, &tester.result, status, &err);
    }
    enum exit_status exit_status = exit_of(&tester, status, &err);
    ps_rpc_stream_close(tester.stream);
    ps_rpc_client_free(tester.client);
    ps_tester_result_done(&tester.result);
    local_done(&tester.local);
    return exit_status;
}

static const struct command_option options[] = {
    {.name = "port",
     .type = COMMAND_VALUE,
     .argument = "N",
     .help = "The port on which the connector listens."},
    {.name = "host",
     .type = COMMAND_VALUE,
     .argument = "H",
     .default_value = "localhost",
     .help = "The machine on which it listens (localhost)."},
    {.name = "config",
     .type = COMMAND_VALUE,
     .argument = "FILE",
     .help = "The connector's configuration: a flat JSON object, sent as it is."},
    LOCAL_OPTION_WAREHOUSE,
    LOCAL_OPTION_STATE,
    LOCAL_OPTION_SCHEMA,
    {.name = "strict",
     .type = COMMAND_FLAG,
     .help = "A breach of the contract fails the sync (exit status 4); without it: a warning."},
    {.name = "wait-seconds",
     .type = COMMAND_VALUE,
     .argument = "N",
     .default_value = "10",
     .help = "How long to wait for the connector to listen (10)."},
    {.name = "idle-seconds",
     .type = COMMAND_VALUE,
     .argument = "N",
     .default_value = "600",
     .help = "A connector that sends nothing for so long has hung (600)."},
    LOCAL_OPTION_JSON("Events as they happen, one JSON object a line, and the result document as "
                      "the last line."),
    {.name = NULL},
};

const struct command command_tester = {
    .name = "tester",
    .summary = "drives a Partner SDK connector as the platform would",
    .details =
        "Start the connector first, in any language. The tester asks for its form, runs its\n"
        "tests, asks for its schema and then for one sync, whose rows it writes into the\n"
        "warehouse. It names what breaks the contract. The state is kept for the next sync.\n",
    .options = options,
    .run = run_tester,
    .fail = tester_report_failed,
};
