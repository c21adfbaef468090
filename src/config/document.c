/*
 * Writes docs/options.md from the option tables; see document.h.
 */
#include "config/document.h"

#include <inttypes.h>
#include <string.h>

#include "config/values.h"

static const char head[] =
    "# Options\n"
    "\n"
    "<!-- Generated from the option tables by tools/generate-options. Do not edit. -->\n"
    "\n"
    "`configuration.json` is one flat JSON object: each key below with a text, a number, `true` "
    "or\n"
    "`false`. Keys match without regard to case. `\"\"`, blanks and `null` mean \"not set\".\n"
    "An unknown key is a warning that names the nearest known one; a value left like\n"
    "`<YOUR_HOST>` is an error.\n"
    "\n"
    "`source` names the source. Without it the source follows from the keys: `mssql_…` means\n"
    "sqlserver; `account`, `snowflake_…` or `use_privatelink` snowflake; `host` yugabytedb; "
    "`ehr_…`\n"
    "ehr; and none of them ehr, the built-in one (`penstock sync`).\n"
    "\n"
    "A source's key may have the source's name before it: `postgresql_host` is the `host` of\n"
    "postgresql, and wins over `host`. [The setup form](form.md) of several sources offers keys "
    "so.\n"
    "\n"
    "In the file (never in what the platform sends) `${NAME}` takes a value from the environment,\n"
    "and a value that begins with `@` is read from that file: `\"@/run/secrets/password\"`. A\n"
    "relative path begins at the folder of the configuration file, and one closing line break is\n"
    "dropped. Whoever connects anew reads such a file again, so that a password can be changed\n"
    "while a sync runs. `$${` and a leading `@@` stand for `${` and `@` themselves. `//` and `/* "
    "*/` "
    "comments\n"
    "are taken with a warning.\n"
    "\n"
    "| kind | takes |\n"
    "|---|---|\n"
    "| text | any text, exactly as written |\n"
    "| secret | the same; it is never shown, neither in logs nor in errors |\n"
    "| number | a whole number within the bounds told |\n"
    "| yes or no | `true`/`false`, `yes`/`no`, `on`/`off`, `1`/`0` |\n"
    "| choice | one of the values told; case does not count |\n"
    "| list | values separated by commas |\n"
    "| file | its bytes in base64, as `base64 -w0 FILE` writes them |\n"
    "| by table | one value for all tables, or `schema.table=value, other=value`, or both |\n"
    "\n"
    "A table is named as `table` or `schema.table`; `*` stands for any run of characters, and the\n"
    "case of ASCII letters does not count. The first pattern that matches wins, then the value "
    "for\n"
    "all tables, then the default.\n";

/*
 * Text inside a cell: a bar would end the cell, a line break the row, and outside of `code` stars
 * and angle brackets would be taken for Markdown.
 */
static void cell_put(struct ps_buffer *out, const char *text)
{
    bool code = false;
    for (; *text != '\0'; text++) {
        code = code != (*text == '`');
        if (*text == '|' || (*text == '*' && !code)) {
            ps_buffer_putc(out, '\\');
            ps_buffer_putc(out, *text);
        } else if (*text == '<' && !code) {
            ps_buffer_puts(out, "&lt;");
        } else {
            ps_buffer_putc(out, *text == '\n' ? ' ' : *text);
        }
    }
}

static void code_put(struct ps_buffer *out, const char *text)
{
    ps_buffer_putc(out, '`');
    for (; *text != '\0'; text++) {
        ps_buffer_puts(out, *text == '|' ? "\\" : "");
        ps_buffer_putc(out, *text);
    }
    ps_buffer_putc(out, '`');
}

static void codes_put(struct ps_buffer *out, const char *const *texts)
{
    for (size_t i = 0; texts[i] != NULL; i++) {
        ps_buffer_puts(out, i == 0 ? "" : ", ");
        code_put(out, texts[i]);
    }
}

static void choices_put(struct ps_buffer *out, const struct ps_option *option)
{
    for (size_t i = 0; value_choice(option, i) != NULL; i++) {
        ps_buffer_puts(out, i == 0 ? "" : ", ");
        code_put(out, value_choice(option, i));
    }
}

static void type_put(struct ps_buffer *out, const struct ps_option *option)
{
    switch (option->type) {
    case PS_OPTION_TEXT:
        ps_buffer_puts(out, "text");
        break;
    case PS_OPTION_SECRET:
        ps_buffer_puts(out, "secret");
        break;
    case PS_OPTION_INTEGER:
        ps_buffer_printf(out, "number, %" PRId64 " to %" PRId64, option->minimum, option->maximum);
        break;
    case PS_OPTION_BOOLEAN:
        ps_buffer_puts(out, "yes or no");
        break;
    case PS_OPTION_CHOICE:
        ps_buffer_puts(out, "choice: ");
        choices_put(out, option);
        break;
    case PS_OPTION_LIST:
        ps_buffer_puts(out, "list");
        break;
    case PS_OPTION_BY_TABLE:
        ps_buffer_puts(out, "by table");
        if (option->choices != NULL || option->described_choices != NULL) {
            ps_buffer_puts(out, ": ");
            choices_put(out, option);
        }
        break;
    case PS_OPTION_UPLOAD:
        ps_buffer_printf(out, "file, at most %" PRId32 " bytes", option->upload_bytes_max);
        break;
    }
}

static void option_put(struct ps_buffer *out, const struct ps_option *option)
{
    ps_buffer_puts(out, "| ");
    code_put(out, option->name);
    if (option->aliases != NULL && option->aliases[0] != NULL) {
        ps_buffer_puts(out, ", also ");
        codes_put(out, option->aliases);
    }
    ps_buffer_puts(out, " | ");
    type_put(out, option);
    ps_buffer_puts(out, " | ");
    if (option->default_value != NULL) {
        code_put(out, option->default_value);
    } else {
        ps_buffer_puts(out, (option->flags & (PS_OPTION_REQUIRED | PS_OPTION_ASKED)) != 0
                                ? "**required**"
                                : "not set");
    }
    ps_buffer_puts(out, " | ");
    if (option->help != NULL) {
        cell_put(out, option->help);
    }
    if (option->shown_when != NULL) {
        ps_buffer_puts(out, " Only where ");
        code_put(out, option->shown_when->option);
        ps_buffer_puts(out, " is ");
        code_put(out, option->shown_when->value);
        ps_buffer_putc(out, '.');
    }
    ps_buffer_puts(out, " |\n");
}

/* The options with or without PS_OPTION_ADVANCED, as a table; nothing where there are none. */
static void options_put(struct ps_buffer *out, const struct ps_option *options, uint32_t advanced)
{
    bool begun = false;
    for (const struct ps_option *option = options; option->name != NULL; option++) {
        if ((option->flags & PS_OPTION_ADVANCED) != advanced) {
            continue;
        }
        if (!begun) {
            ps_buffer_puts(out, advanced != 0 ? "\nSeldom needed:\n" : "");
            ps_buffer_puts(out, "\n| key | kind | default | what it does |\n|---|---|---|---|\n");
            begun = true;
        }
        option_put(out, option);
    }
}

enum ps_status ps_options_document(const struct ps_options_section *sections, struct ps_buffer *out,
                                   struct ps_error *err)
{
    ps_buffer_puts(out, head);
    for (const struct ps_options_section *section = sections; section->title != NULL; section++) {
        ps_buffer_printf(out, "\n## %s\n", section->title);
        if (section->intro != NULL) {
            ps_buffer_printf(out, "\n%s\n", section->intro);
        }
        options_put(out, section->options, 0);
        options_put(out, section->options, PS_OPTION_ADVANCED);
    }
    return ps_buffer_ok(out) ? PS_OK : ps_fail_nomem(err, "writing the page of options");
}
