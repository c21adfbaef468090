/*
 * Form, Test and Schema, and the table of methods. Update is in update.c.
 */
#include "rpc/service.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "config/form.h"
#include "engine/configure.h"
#include "rpc/answer.h"
#include "rpc/form.h"
#include "rpc/request.h"
#include "sinks/stream/stream.h"
#include "sources/registry.h"

#define ANSWER_BYTES_MAX ((size_t)128 << 20)
#define SERVICE "/fivetran_sdk.v2.SourceConnector/"

/* Calls under way whose configuration asks for debug lines: the process has them as long as there
 * is one. */
static struct {
    struct ps_mutex lock;
    unsigned count; /* under the lock */
} debugging = {.lock = {PTHREAD_MUTEX_INITIALIZER}};

static void debug_begins(struct rpc_request *request)
{
    ps_mutex_lock(&debugging.lock);
    request->debug = true;
    debugging.count++;
    ps_log_configure(PS_LOG_JSON, PS_LOG_DEBUG);
    ps_mutex_unlock(&debugging.lock);
}

/* Forgets what the call's configuration brought to the whole process, its secrets too: a server
 * that lives long meets more passwords than can be kept. Nothing is said of the call afterwards. */
static void request_ends(struct rpc_request *request)
{
    ps_mutex_lock(&debugging.lock);
    if (request->debug && --debugging.count == 0) {
        ps_log_configure(PS_LOG_JSON, PS_LOG_INFO);
    }
    ps_mutex_unlock(&debugging.lock);
    ps_settings_forget_secrets(&request->settings);
    rpc_request_done(request);
}

enum ps_rpc_code rpc_code_of(enum ps_status status)
{
    switch (status) {
    case PS_OK:
    case PS_END:
        return PS_RPC_OK;
    case PS_RETRY:
    case PS_SNAPSHOT_GONE:
    case PS_EXPIRED:
    case PS_SCHEMA:
        return PS_RPC_UNAVAILABLE;
    case PS_CANCELED:
        return PS_RPC_CANCELLED;
    case PS_CONFIG:
        return PS_RPC_FAILED_PRECONDITION;
    case PS_DATA:
        return PS_RPC_INVALID_ARGUMENT;
    case PS_NOMEM:
        return PS_RPC_RESOURCE_EXHAUSTED;
    case PS_BUG:
        break;
    }
    return PS_RPC_INTERNAL;
}

void rpc_service_fail(struct ps_rpc_call *call, enum ps_rpc_code code, const char *what,
                      const struct ps_error *err)
{
    struct ps_buffer text;
    struct ps_error stopped = {0};
    if (code == PS_RPC_CANCELLED && ps_rpc_call_is_stopped(call)) {
        code = PS_RPC_UNAVAILABLE;
        (void)ps_fail(&stopped, PS_RETRY, PS_CLASS_NONE,
                      "the server is shutting down; try again: a sync goes on from its last "
                      "checkpoint");
        err = &stopped;
    }
    ps_buffer_init(&text, 0);
    ps_redact(&text, err->message);
    ps_log(code == PS_RPC_CANCELLED ? PS_LOG_INFO : PS_LOG_SEVERE, "%s: %s", what, err->message);
    ps_rpc_call_finish(call, code, ps_buffer_text(&text));
    ps_buffer_done(&text);
}

enum ps_status rpc_service_configure(const struct rpc_service *service, struct rpc_request *request,
                                     const struct ps_source_ops **ret_ops,
                                     struct ps_config **ret_config, struct ps_error *err)
{
    enum ps_status status =
        ps_configure_source(&request->settings, service->source, "example", ret_ops, err);
    if (status == PS_OK) {
        status = ps_configure(&request->settings, *ret_ops, ret_config, err);
    }
    if (status == PS_OK && ps_config_boolean(*ret_config, "debug")) {
        debug_begins(request);
    }
    for (size_t i = 0; i < request->settings.warnings_count; i++) {
        ps_log(PS_LOG_WARNING, "%s", request->settings.warnings[i]);
    }
    return status;
}

/* Sends a unary answer, whose memory it takes, or says why it cannot. */
static void send_answer(struct ps_rpc_call *call, struct ps_buffer *answer, const char *what)
{
    struct ps_error err = {0};
    size_t size = 0;
    /* An answer without a field has no bytes, and no memory yet. */
    ps_buffer_append(answer, "", 1);
    char *bytes = ps_buffer_steal(answer, &size);
    if (bytes == NULL) {
        ps_fail_nomem(&err, "writing the answer");
        rpc_service_fail(call, PS_RPC_RESOURCE_EXHAUSTED, what, &err);
        return;
    }
    enum ps_status status = ps_rpc_call_send(call, (uint8_t *)bytes, size - 1, &err);
    if (status != PS_OK) {
        rpc_service_fail(call, rpc_code_of(status), what, &err);
    }
}

/* Reads the request; false: the call is finished with what was wrong. */
static bool read_request(struct ps_rpc_call *call, enum rpc_request_kind kind, const char *what,
                         struct rpc_request *request)
{
    struct ps_error err = {0};
    size_t size;
    const uint8_t *bytes = ps_rpc_call_request(call, &size);
    enum ps_status status = rpc_request_read(request, kind, bytes, size, &err);
    if (status != PS_OK) {
        rpc_service_fail(call, status == PS_CONFIG ? PS_RPC_INVALID_ARGUMENT : rpc_code_of(status),
                         what, &err);
    }
    return status == PS_OK;
}

static void handle_form(void *context, struct ps_rpc_call *call)
{
    static const char what[] = "ConfigurationForm";
    const struct rpc_service *service = context;
    struct rpc_request request = {.arena = NULL};
    struct ps_buffer answer;
    struct ps_error err = {0};
    ps_buffer_init(&answer, ANSWER_BYTES_MAX);
    if (read_request(call, RPC_FORM_REQUEST, what, &request)) {
        enum ps_status status = rpc_form_answer(service->source, &answer, &err);
        if (status == PS_OK) {
            send_answer(call, &answer, what);
        } else {
            rpc_service_fail(call, rpc_code_of(status), what, &err);
        }
    }
    ps_buffer_done(&answer);
    rpc_request_done(&request);
}

static bool test_known(const struct ps_source_ops *ops, const char *name)
{
    for (const struct ps_test *test = ops->tests; test->name != NULL; test++) {
        if (strcmp(test->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Any trouble of the test itself is its failure; only a test that is not there is an error. */
static void run_test(const struct rpc_service *service, struct rpc_request *request,
                     struct ps_rpc_call *call)
{
    const struct ps_source_ops *ops = NULL;
    struct ps_config *config = NULL;
    struct ps_buffer answer, failure;
    struct ps_error err = {0};
    ps_buffer_init(&answer, ANSWER_BYTES_MAX);
    ps_buffer_init(&failure, 0);
    enum ps_status status = rpc_service_configure(service, request, &ops, &config, &err);
    if (ops != NULL && !test_known(ops, request->test)) {
        ps_fail(&err, PS_CONFIG, PS_CLASS_SETTING, "the source %s has no test named `%.64s`",
                ops->name, request->test);
        rpc_service_fail(call, PS_RPC_INVALID_ARGUMENT, "Test", &err);
        goto out;
    }
    if (status == PS_OK) {
        assert(ops != NULL); /* it comes with the configuration */
        struct ps_source_request open = {
            .config = config,
            .cancel = ps_rpc_call_cancel(call),
            .tables = ps_config_list(config, "tables", NULL),
            .exclude_tables = ps_config_list(config, "exclude_tables", NULL),
        };
        status = ops->test(&open, request->test, &err);
    }
    if (status == PS_CANCELED) {
        rpc_service_fail(call, PS_RPC_CANCELLED, "Test", &err);
        goto out;
    }
    if (status != PS_OK) {
        ps_log(PS_LOG_WARNING, "test %s failed: %s", request->test, err.message);
        ps_redact(&failure, err.message);
    }
    rpc_answer_test(&answer, status == PS_OK ? NULL : ps_buffer_text(&failure));
    send_answer(call, &answer, "Test");
out:
    ps_config_free(config);
    ps_buffer_done(&answer);
    ps_buffer_done(&failure);
}

static void handle_test(void *context, struct ps_rpc_call *call)
{
    struct rpc_request request = {.arena = NULL};
    if (read_request(call, RPC_TEST_REQUEST, "Test", &request)) {
        run_test(context, &request, call);
    }
    request_ends(&request);
}

bool rpc_service_with_schema(const struct ps_config *config)
{
    return strcmp(ps_config_text_or_empty(config, "destination_names"), "schema") == 0;
}

static enum ps_status answer_schema(const struct rpc_service *service, struct rpc_request *request,
                                    struct ps_rpc_call *call, struct ps_buffer *answer,
                                    struct ps_error *err)
{
    const struct ps_source_ops *ops;
    struct ps_config *config = NULL;
    struct ps_plan *plan = NULL;
    enum ps_status status = rpc_service_configure(service, request, &ops, &config, err);
    if (status == PS_OK) {
        struct ps_plan_request plan_request = {
            .source_ops = ops,
            .config = config,
            .sink_caps = ps_sink_stream.caps,
            .platform = true,
            .clock = service->clock,
            .cancel = ps_rpc_call_cancel(call),
            .patience_ms = PS_PLAN_PATIENCE_MS,
        };
        status = ps_plan_new(&plan_request, &plan, err);
    }
    if (status == PS_OK) {
        for (size_t i = 0; i < plan->warnings_count; i++) {
            ps_log(PS_LOG_WARNING, "%s", plan->warnings[i]);
        }
        rpc_answer_schema(answer, plan, rpc_service_with_schema(config));
        ps_log(PS_LOG_INFO, "Schema: %zu tables of %zu", plan->tables_count, plan->tables_found);
    }
    ps_plan_free(plan);
    ps_config_free(config);
    return status;
}

static void handle_schema(void *context, struct ps_rpc_call *call)
{
    struct rpc_request request = {.arena = NULL};
    struct ps_buffer answer;
    struct ps_error err = {0};
    ps_buffer_init(&answer, ANSWER_BYTES_MAX);
    if (read_request(call, RPC_SCHEMA_REQUEST, "Schema", &request)) {
        enum ps_status status = answer_schema(context, &request, call, &answer, &err);
        if (status == PS_OK) {
            send_answer(call, &answer, "Schema");
        } else {
            rpc_service_fail(call, rpc_code_of(status), "Schema", &err);
        }
    }
    ps_buffer_done(&answer);
    request_ends(&request);
}

static void handle_update(void *context, struct ps_rpc_call *call)
{
    struct rpc_request request = {.arena = NULL};
    if (read_request(call, RPC_UPDATE_REQUEST, "Update", &request)) {
        rpc_update(context, &request, call);
    }
    request_ends(&request);
}

void rpc_service_methods(uint32_t syncs_max, struct ps_rpc_method methods[RPC_SERVICE_METHODS])
{
    const struct ps_rpc_method all[RPC_SERVICE_METHODS] = {
        {.path = SERVICE "ConfigurationForm", .handle = handle_form},
        {.path = SERVICE "Test", .handle = handle_test},
        {.path = SERVICE "Schema", .handle = handle_schema},
        {.path = SERVICE "Update",
         .streams = true,
         .calls_max = syncs_max,
         .handle = handle_update},
        {.path = NULL},
    };
    memcpy(methods, all, sizeof(all));
}
