/*
 * Fuzzes the reader of configuration.json and the checks of its values. Relative @paths lead into a
 * folder that is not there. Build with -fsanitize=fuzzer, or with replay.c to run single files.
 */
#include <stdlib.h>

#include "config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char *const modes[] = {"require", "prefer", NULL};
static const char *const aliases[] = {"also", NULL};
static const struct ps_option options[] = {
    {.name = "t", .type = PS_OPTION_TEXT, .aliases = aliases},
    {.name = "secret", .type = PS_OPTION_TEXT}, /* A SECRET would fill the redactor's list. */
    {.name = "i", .type = PS_OPTION_INTEGER, .minimum = -5, .maximum = INT64_MAX},
    {.name = "b", .type = PS_OPTION_BOOLEAN},
    {.name = "c", .type = PS_OPTION_CHOICE, .choices = modes},
    {.name = "l", .type = PS_OPTION_LIST},
    {.name = "y", .type = PS_OPTION_BY_TABLE, .default_value = "d"},
    {.name = NULL},
};

/* What the accessors give is read, so that the sanitizers see it. */
static void use(const struct ps_config *config)
{
    size_t count = 0;
    const char *const *list = ps_config_list(config, "l", &count);
    bool sound = list[count] == NULL && ps_config_integer(config, "i", 0) >= -5 &&
                 ps_config_choice(config, "c") < 2 &&
                 ps_config_by_table(config, "y", "public", "orders") != NULL;
    for (size_t i = 0; i < count; i++) {
        (void)ps_table_pattern_match(list[i], "public", "orders");
    }
    if (!sound) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct ps_option none[] = {{.name = NULL}};
    static const struct ps_source_ops source = {.name = "a", .options = options};
    static const struct ps_source_ops other = {.name = "b", .options = options};
    static const struct ps_source_ops *const sources[] = {&source, &other, NULL};
    const struct ps_config_request request = {&source, sources, none};
    struct ps_settings settings = {0};
    struct ps_config *config = NULL;
    struct ps_error err = {0};
    const char *text = size > 0 ? (const char *)bytes : "";
    enum ps_status status =
        settings_read_text(&settings, "/nowhere/configuration.json", text, size, &err);
    if (status == PS_OK) {
        (void)ps_settings_source(&settings, "none");
        status = ps_config_new_of_source(&settings, &request, &config, &err);
    }
    if (status == PS_OK) {
        use(config);
    } else if (status != PS_CONFIG) {
        abort();
    }
    ps_config_free(config);
    ps_settings_done(&settings);
    return 0;
}
