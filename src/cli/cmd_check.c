/*
 * penstock check: the source's own setup tests, in order, and whether its horizon can be seen.
 */
#include <stdio.h>

#include "base/log.h"
#include "cli/local.h"
#include "cli/result.h"

#define TESTS_MAX 32
#define LABEL_WIDTH 44

/* What the tests came to. */
struct check {
    const struct local *local;
    struct output *out;
    bool json;
    enum ps_status status; /* of the first failure */
    struct ps_error err;
    struct ps_error errors[TESTS_MAX]; /* status 0: it passed */
    size_t run;                        /* tests from here on were not run */
    bool horizon_asked, horizon_known;
    char horizon_reason[PS_ERROR_MESSAGE_SIZE];
    char server[PS_ERROR_MESSAGE_SIZE]; /* what answers; "" : the source does not say */
    char advice[PS_ERROR_MESSAGE_SIZE];
};

static void print_line(const struct check *check, const char *label, const char *verdict)
{
    if (!check->json) {
        output_printf(check->out, "%-*s %s\n", LABEL_WIDTH, label, verdict);
        (void)output_flush(check->out);
    }
}

static void print_advice(const struct check *check, const char *text)
{
    struct ps_buffer clean;

    if (check->json) {
        return;
    }
    ps_buffer_init(&clean, 0);
    ps_redact(&clean, text);
    output_printf(check->out, "  %s\n", ps_buffer_text(&clean));
    ps_buffer_done(&clean);
}

static void fail(struct check *check, const struct ps_error *err)
{
    if (check->status == PS_OK) {
        check->status = err->status;
        check->err = *err;
    }
}

/* The tests build on each other: what follows a failure is not run. */
static void run_tests(struct check *check, const struct ps_source_request *request)
{
    const struct ps_source_ops *ops = check->local->source_ops;

    for (size_t i = 0; ops->tests[i].name != NULL && i < TESTS_MAX; i++) {
        if (check->status != PS_OK) {
            print_line(check, ops->tests[i].label, "not run");
            continue;
        }
        check->run = i + 1;
        if (ops->test(request, ops->tests[i].name, &check->errors[i]) == PS_OK) {
            print_line(check, ops->tests[i].label, "ok");
        } else {
            fail(check, &check->errors[i]);
            print_line(check, ops->tests[i].label, "FAILED");
            print_advice(check, check->errors[i].message);
        }
    }
}

static void ask_about(struct check *check, struct ps_source *source)
{
    struct ps_about about = {.server = NULL};

    if (check->local->source_ops->about == NULL) {
        return;
    }
    check->local->source_ops->about(source, &about);
    (void)snprintf(check->server, sizeof check->server, "%s", about.server);
    print_line(check, "What answers", about.server);
    if (about.advice != NULL) {
        (void)snprintf(check->advice, sizeof check->advice, "%s", about.advice);
        print_advice(check, about.advice);
    }
}

/* Not seeing it is no failure: reads go by a longer look-back then; but it is better seen. */
static void ask_horizon(struct check *check, const struct ps_source_request *request)
{
    static const char label[] = "Seeing the oldest open transaction";
    const struct ps_source_ops *ops = check->local->source_ops;
    struct ps_source *source = NULL;
    struct ps_error err = {0};
    struct ps_now now = {0};
    enum ps_status status = ops->open(request, &source, &err);

    if (status == PS_OK) {
        ask_about(check, source);
        status = ops->now(source, &now, &err);
    }
    if (status != PS_OK) {
        fail(check, &err);
        print_line(check, label, "FAILED");
        print_advice(check, err.message);
    } else {
        check->horizon_asked = true;
        check->horizon_known = now.horizon_known;
        print_line(check, label, now.horizon_known ? "ok" : "cannot be seen");
        if (!now.horizon_known && now.horizon_unknown_reason != NULL) {
            (void)snprintf(check->horizon_reason, sizeof check->horizon_reason, "%s",
                           now.horizon_unknown_reason);
            print_advice(check, check->horizon_reason);
        }
    }
    ops->close(source);
}

static void put_test(struct ps_json_writer *writer, const struct check *check, size_t i)
{
    const struct ps_test *test = &check->local->source_ops->tests[i];
    bool ok = check->errors[i].status == PS_OK;

    ps_json_open(writer, NULL, '{');
    ps_json_put_text(writer, "name", test->name);
    ps_json_put_text(writer, "label", test->label);
    ps_json_put_text(writer, "result", i >= check->run ? "not run" : ok ? "ok" : "failed");
    if (!ok) {
        ps_json_put_text(writer, "message", check->errors[i].message);
    }
    ps_json_close(writer, '}');
}

static void write_document(const struct check *check)
{
    struct ps_json_writer writer;
    struct ps_buffer buffer;

    result_begin(&writer, &buffer, check->status, check->local->source_name);
    ps_json_open(&writer, "tests", '[');
    for (size_t i = 0; i < TESTS_MAX && check->local->source_ops->tests[i].name != NULL; i++) {
        put_test(&writer, check, i);
    }
    ps_json_close(&writer, ']');
    result_put_optional(&writer, "server", *check->server == '\0' ? NULL : check->server);
    result_put_optional(&writer, "advice", *check->advice == '\0' ? NULL : check->advice);
    if (check->horizon_asked) {
        ps_json_open(&writer, "horizon", '{');
        ps_json_put_boolean(&writer, "known", check->horizon_known);
        if (!check->horizon_known) {
            ps_json_put_text(&writer, "reason", check->horizon_reason);
        }
        ps_json_close(&writer, '}');
    } else {
        ps_json_put_null(&writer, "horizon");
    }
    result_put_warnings(&writer, check->local->settings.warnings,
                        check->local->settings.warnings_count, NULL, 0);
    result_end(&writer, check->status, &check->err, check->out);
}

static enum exit_status run_check(const struct command_line *line, struct output *out)
{
    struct local local = {0};
    struct check check = {.local = &local, .out = out, .json = command_given(line, "json")};
    enum exit_status exit_status;

    check.status = local_configure(&local, command_text(line, "config"), &check.err);
    local_log_warnings(&local);
    if (check.status != PS_OK) {
        ps_log(PS_LOG_SEVERE, "%s", check.err.message);
        if (check.json) {
            result_write_failed(out, &check.err);
        }
    } else {
        const struct ps_source_request request = {
            .config = local.config,
            .tables = ps_config_list(local.config, "tables", NULL),
            .exclude_tables = ps_config_list(local.config, "exclude_tables", NULL),
        };
        run_tests(&check, &request);
        if (check.status == PS_OK) {
            ask_horizon(&check, &request);
        }
        if (check.json) {
            write_document(&check);
        }
    }
    exit_status = exit_status_of(check.status, &check.err, 0);
    local_done(&local);
    return exit_status;
}

static const struct command_option options[] = {
    LOCAL_OPTION_CONFIG,
    LOCAL_OPTION_JSON("One JSON document instead of lines."),
    {.name = NULL},
};

const struct command command_check = {
    .name = "check",
    .summary = "tests whether a source can be reached and read",
    .details = "Exit status 2: the configuration is wrong; 3: the source cannot be reached, or\n"
               "refuses.\n",
    .options = options,
    .run = run_check,
    .fail = result_write_failed,
};
