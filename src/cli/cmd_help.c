/*
 * penstock help: the help pages, and (for tools/check-generated) the page docs/options.md.
 */
#include <assert.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/help.h"
#include "config/document.h"
#include "engine/engine.h"
#include "sources/registry.h"

#define SOURCES_MAX 32
#define TITLE_SIZE 128

static enum exit_status print_options_page(struct output *out)
{
    const struct ps_source_ops *const *sources = ps_sources();
    struct ps_options_section sections[SOURCES_MAX + 2] = {
        {.title = "Every source", .options = ps_engine_options}};
    char titles[SOURCES_MAX][TITLE_SIZE];
    struct ps_buffer page;
    struct ps_error err = {0};
    enum ps_status status;

    for (size_t i = 0; sources[i] != NULL; i++) {
        assert(i < SOURCES_MAX);
        (void)snprintf(titles[i], TITLE_SIZE, "%s: `%s`", sources[i]->label, sources[i]->name);
        sections[i + 1] =
            (struct ps_options_section){.title = titles[i], .options = sources[i]->options};
    }
    ps_buffer_init(&page, 0);
    status = ps_options_document(sections, &page, &err);
    if (status == PS_OK) {
        output_buffer(out, &page);
    } else {
        ps_log(PS_LOG_SEVERE, "%s", err.message);
    }
    ps_buffer_done(&page);
    return exit_status_of(status, &err, 0);
}

static enum exit_status run_help(const struct command_line *line, struct output *out)
{
    const struct command *command;
    struct ps_error err = {0};

    if (command_given(line, "options-page")) {
        return print_options_page(out);
    }
    if (line->operand == NULL) {
        help_page(out);
        return EXIT_DONE;
    }
    command = command_find(line->operand);
    if (command == NULL) {
        enum ps_status status = command_unknown(line->operand, &err);
        ps_log(PS_LOG_SEVERE, "%s", err.message);
        return exit_status_of(status, &err, 0);
    }
    help_command(command, out);
    return EXIT_DONE;
}

static const struct command_option options[] = {
    {.name = "options-page", .type = COMMAND_FLAG}, /* docs/options.md as Markdown */
    {.name = NULL},
};

const struct command command_help = {
    .name = "help",
    .summary = "shows the commands, or the options of one",
    .operand = "[COMMAND]",
    .options = options,
    .run = run_help,
};
