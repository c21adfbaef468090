/*
 * penstock serve: the connector as the platform starts it. `penstock --port N` is the same.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/process.h"
#include "rpc/service.h"
#include "sources/registry.h"

#define SYNCS_MAX 1024
/* How long syncs under way may take to end by themselves once the server is asked to stop. With the
 * time to stop and to save that comes after it, less than the ten seconds after which containers
 * are killed. */
#define DRAIN_MS 5000

static const struct command_option options[] = {
    {.name = "port",
     .type = COMMAND_VALUE,
     .argument = "N",
     .default_value = "50051",
     .help = "The port to listen on, on all addresses (50051)."},
    {.name = "source",
     .type = COMMAND_VALUE,
     .argument = "NAME",
     .help = "Serve this source alone. Without it the form begins with a choice of the sources."},
    {.name = "max-syncs",
     .type = COMMAND_VALUE,
     .argument = "N",
     .default_value = "16",
     .help = "How many syncs may run at once (16); more are refused."},
    {.name = "compression",
     .type = COMMAND_VALUE,
     .argument = "none|gzip",
     .default_value = "none",
     .help = "Whether answers are compressed (none). Requests are taken in either form."},
    {.name = NULL},
};

static enum ps_status take_source(const struct command_line *line, struct rpc_service *service,
                                  struct ps_error *err)
{
    service->source = command_text(line, "source");
    if (service->source != NULL && ps_source_find(service->source) == NULL) {
        struct ps_buffer known;
        ps_buffer_init(&known, 1024);
        for (const struct ps_source_ops *const *source = ps_sources(); *source != NULL; source++) {
            ps_buffer_printf(&known, " %s", (*source)->name);
        }
        enum ps_status status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                                        "there is no source `%.64s`; --source takes one of:%s",
                                        service->source, ps_buffer_text(&known));
        ps_buffer_done(&known);
        return status;
    }
    return PS_OK;
}

/*
 * Messages are allocated by the reader and freed by who sends them. By its defaults the C library
 * gives that memory back and asks for it again all the time: a fifth of a sync's CPU time. What it
 * keeps goes back after each call (rpc/server.c), but for the end of each of its arenas, which it
 * makes eight of for each processor: the threshold times the number of arenas stays. One arena
 * alone, or two, would make readers and sender wait for each other.
 */
static void keep_memory_of_messages(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    (void)mallopt(M_ARENA_MAX, processors > 2 ? 2 * (int)processors : 4);
    (void)mallopt(M_TRIM_THRESHOLD, 2 << 20);
    (void)mallopt(M_TOP_PAD, 256 << 10);
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

static void log_listening(void *context, uint16_t port)
{
    const struct rpc_service *service = context;
    ps_log(PS_LOG_INFO, "penstock %s listens on port %u, source: %s", PENSTOCK_VERSION,
           (unsigned)port, service->source == NULL ? "as configured" : service->source);
}

static enum ps_status serve(const struct command_line *line, struct ps_error *err)
{
    struct rpc_service service = {.clock = ps_clock_system()};
    struct ps_rpc_method methods[RPC_SERVICE_METHODS];
    struct ps_cancel stop;
    long port, syncs;
    const char *compression = command_text(line, "compression");
    enum ps_status status = command_number(line, "port", 1, 65535, &port, err);
    if (status == PS_OK) {
        status = command_number(line, "max-syncs", 1, SYNCS_MAX, &syncs, err);
    }
    if (status == PS_OK) {
        status = take_source(line, &service, err);
    }
    if (status == PS_OK && strcmp(compression, "none") != 0 && strcmp(compression, "gzip") != 0) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                         "--compression takes none or gzip, not `%.32s`", compression);
    }
    if (status != PS_OK) {
        return status;
    }
    rpc_service_methods((uint32_t)syncs, methods);
    struct ps_rpc_options rpc = {.port = (uint16_t)port,
                                 .gzip = strcmp(compression, "gzip") == 0,
                                 .methods = methods,
                                 .context = &service,
                                 .listening = log_listening,
                                 .drain_ms = DRAIN_MS};
    keep_memory_of_messages();
    ps_log_configure(PS_LOG_JSON, PS_LOG_INFO);
    ps_cancel_init(&stop);
    process_cancel_on_signal(&stop);
    status = ps_rpc_serve(&rpc, &stop, err);
    process_cancel_done();
    return status;
}

static enum exit_status run_serve(const struct command_line *line, struct output *out)
{
    (void)out; /* standard output is the log's */
    struct ps_error err = {0};
    enum ps_status status = serve(line, &err);
    if (status != PS_OK) {
        ps_log(PS_LOG_SEVERE, "%s", err.message);
        return exit_status_of(status, &err, 0);
    }
    ps_log(PS_LOG_INFO, "stopped");
    return EXIT_DONE;
}

const struct command command_serve = {
    .name = "serve",
    .summary = "serves the platform over gRPC, as a source connector",
    .details = "`penstock --port N` does the same: so the platform starts it. Log lines go to\n"
               "standard output, one JSON object a line. SIGTERM ends it after the syncs under\n"
               "way, or 10 seconds.\n",
    .options = options,
    .run = run_serve,
};
