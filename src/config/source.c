/*
 * Which source a configuration means, by the key `source` or by the keys that only one source has.
 */
#include <string.h>

#include "config/options.h"
#include "config/text.h"

/*
 * Asked in this order: what says the source's name before what only one of them has. A key that
 * ends in "_" stands for all that begin with it.
 */
static const struct {
    const char *key, *source;
} keys[] = {
    {"sqlserver_", "sqlserver"},   {"yugabytedb_", "yugabytedb"},
    {"postgresql_", "postgresql"}, {"example_", "example"},
    {"mssql_", "sqlserver"},       {"account", "snowflake"},
    {"snowflake_", "snowflake"},   {"use_privatelink", "snowflake"},
    {"host", "yugabytedb"},        {"ehr_", "ehr"},
};

static const char *const names[] = {"sqlserver",  "snowflake", "yugabytedb",
                                    "postgresql", "ehr",       "example"};

static bool is_given(const struct ps_settings *settings, const char *key)
{
    bool prefix = key[strlen(key) - 1] == '_';
    for (size_t i = 0; i < settings->count; i++) {
        const struct ps_setting *entry = &settings->entries[i];
        bool same = prefix ? text_begins(entry->key, key) : text_equal(entry->key, key);
        if (same && !text_is_blank(entry->value)) {
            return true;
        }
    }
    return false;
}

const char *ps_settings_source(const struct ps_settings *settings, const char *otherwise)
{
    const char *source = ps_settings_get(settings, "source");
    if (source != NULL) {
        size_t size = 0;
        const char *trimmed = text_trim(source, strlen(source), &size);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (text_equal_sized(trimmed, size, names[i])) {
                return names[i];
            }
        }
        return source;
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (is_given(settings, keys[i].key)) {
            return keys[i].source;
        }
    }
    return otherwise;
}
