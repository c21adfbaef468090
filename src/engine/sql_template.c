/*
 * Filling templates (engine/sql_template.h). What is read of SQL is only where quotes and comments
 * begin and end.
 */
#include "engine/sql_template.h"

#include <string.h>

#define NAME_BYTES_MAX 128

enum place {
    PLACE_BARE,
    PLACE_LITERAL,    /* '…' */
    PLACE_ESCAPED,    /* E'…' */
    PLACE_IDENTIFIER, /* "…" */
    PLACE_LINE,       /* --… */
    PLACE_COMMENT,    /* slash-star */
    PLACE_DOLLAR,     /* $tag$…$tag$ */
};

struct filling {
    const struct sql_template *sql_template;
    const char *at;
    enum place place;
    const char *tag; /* DOLLAR: "$tag$" */
    size_t tag_size;
    bool ended; /* a semicolon was seen */
    struct ps_buffer *out;
};

static enum ps_status refuse(struct ps_error *err, const char *what, const char *name, size_t size)
{
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "`preprocessing_sql`: %s%.*s%s", what,
                   (int)(size > 64 ? 64 : size), name, size > 0 ? "}" : "");
}

static bool is_word(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || (unsigned char)byte >= 0x80;
}

/* The size of "$tag$" here; 0: it is none. */
static size_t dollar_tag(const struct filling *filling)
{
    const char *at = filling->at;
    if (*at != '$' || (at > filling->sql_template->text && is_word(at[-1]))) {
        return 0;
    }
    size_t size = 1;
    while (is_word(at[size]) && !(size == 1 && at[1] >= '0' && at[1] <= '9')) {
        size++;
    }
    return at[size] == '$' ? size + 1 : 0;
}

static bool after_e(const struct filling *filling)
{
    const char *text = filling->sql_template->text, *at = filling->at;
    return at > text && (at[-1] == 'e' || at[-1] == 'E') && (at - 1 == text || !is_word(at[-2]));
}

/* Takes what begins here outside of quotes; gives its size. */
static size_t step_bare(struct filling *filling)
{
    const char *at = filling->at;
    size_t tag = dollar_tag(filling);
    if (*at == '\'') {
        filling->place = after_e(filling) ? PLACE_ESCAPED : PLACE_LITERAL;
    } else if (*at == '"') {
        filling->place = PLACE_IDENTIFIER;
    } else if (at[0] == '-' && at[1] == '-') {
        filling->place = PLACE_LINE;
        return 2;
    } else if (at[0] == '/' && at[1] == '*') {
        filling->place = PLACE_COMMENT;
        return 2;
    } else if (tag > 0) {
        filling->place = PLACE_DOLLAR;
        filling->tag = at;
        filling->tag_size = tag;
        return tag;
    }
    return 1;
}

/* Takes a piece of what is quoted, or its end; gives its size. A doubled quote ends and begins. */
static size_t step_quoted(struct filling *filling)
{
    const char *at = filling->at;
    switch (filling->place) {
    case PLACE_ESCAPED:
        if (at[0] == '\\' && at[1] != '\0') {
            return 2;
        }
        if (at[0] == '\'' && at[1] == '\'') {
            return 2;
        }
        filling->place = *at == '\'' ? PLACE_BARE : PLACE_ESCAPED;
        return 1;
    case PLACE_LITERAL:
        filling->place = *at == '\'' ? PLACE_BARE : PLACE_LITERAL;
        return 1;
    case PLACE_IDENTIFIER:
        filling->place = *at == '"' ? PLACE_BARE : PLACE_IDENTIFIER;
        return 1;
    case PLACE_LINE:
        filling->place = *at == '\n' ? PLACE_BARE : PLACE_LINE;
        return 1;
    case PLACE_COMMENT:
        if (at[0] == '*' && at[1] == '/') {
            filling->place = PLACE_BARE;
            return 2;
        }
        return 1;
    default:
        if (strncmp(at, filling->tag, filling->tag_size) == 0) {
            filling->place = PLACE_BARE;
            return filling->tag_size;
        }
        return 1;
    }
}

static void put_doubling(struct ps_buffer *out, const char *text, char quote)
{
    for (; *text != '\0'; text++) {
        if (*text == quote) {
            ps_buffer_putc(out, quote);
        }
        ps_buffer_putc(out, *text);
    }
}

static void put_quoted(struct ps_buffer *out, const char *text, char quote)
{
    ps_buffer_putc(out, quote);
    put_doubling(out, text, quote);
    ps_buffer_putc(out, quote);
}

static void put_value(struct filling *filling, const struct sql_value *value)
{
    struct ps_buffer *out = filling->out;
    bool table = value->schema != NULL, bare = filling->place == PLACE_BARE;
    char quote = filling->place == PLACE_IDENTIFIER || (table && bare) ? '"' : '\'';
    if (table && bare && value->schema[0] != '\0') {
        put_quoted(out, value->schema, '"');
        ps_buffer_putc(out, '.');
    }
    for (size_t i = 0; value->list[i] != NULL; i++) {
        ps_buffer_puts(out, i == 0 ? "" : ", ");
        if (bare) {
            put_quoted(out, value->list[i], quote);
        } else {
            put_doubling(out, value->list[i], quote);
        }
    }
}

/* Databases differ in what a backslash means in '…'. */
static bool can_be_quoted(const struct filling *filling, const struct sql_value *value)
{
    bool identifier = filling->place == PLACE_IDENTIFIER ||
                      (filling->place == PLACE_BARE && value->schema != NULL);
    for (size_t i = 0; value->list[i] != NULL && !identifier; i++) {
        if (strchr(value->list[i], '\\') != NULL) {
            return false;
        }
    }
    return true;
}

/* The size of "{name}" here; 0: it is none. */
static size_t placeholder(const char *at, char ret_name[NAME_BYTES_MAX])
{
    size_t size = 1;
    while (*at == '{' && is_word(at[size]) && size < NAME_BYTES_MAX) {
        ret_name[size - 1] = at[size];
        size++;
    }
    if (*at != '{' || size == 1 || at[size] != '}') {
        return 0;
    }
    ret_name[size - 1] = '\0';
    return size + 1;
}

static enum ps_status fill_one(struct filling *filling, const char *name, struct ps_error *err)
{
    const struct sql_template *sql_template = filling->sql_template;
    struct sql_value value = {.list = NULL};
    if (filling->place != PLACE_BARE && filling->place != PLACE_LITERAL &&
        filling->place != PLACE_IDENTIFIER) {
        return refuse(err, "in a comment, in $…$ or in E'…' there can be no {", name, strlen(name));
    }
    if (!sql_template->find(sql_template->context, name, &value)) {
        return refuse(err, "nothing is known for {", name, strlen(name));
    }
    if (value.refusal != NULL) {
        return refuse(err, value.refusal, name, strlen(name));
    }
    if (value.list == NULL || value.list[0] == NULL) {
        return refuse(err, "there is no value for {", name, strlen(name));
    }
    if (!can_be_quoted(filling, &value)) {
        return refuse(err, "a backslash, which databases read differently, is in the value of {",
                      name, strlen(name));
    }
    put_value(filling, &value);
    return PS_OK;
}

enum ps_status sql_template_fill(const struct sql_template *sql_template, struct ps_buffer *out,
                                 struct ps_error *err)
{
    struct filling filling = {.sql_template = sql_template, .at = sql_template->text, .out = out};
    while (*filling.at != '\0') {
        char name[NAME_BYTES_MAX];
        size_t size = placeholder(filling.at, name);
        if (filling.ended && strchr(" \t\r\n;", *filling.at) == NULL) {
            return refuse(err, "it is more than one statement", "", 0);
        }
        if (size > 0) {
            enum ps_status status = fill_one(&filling, name, err);
            if (status != PS_OK) {
                return status;
            }
        } else if (filling.place == PLACE_BARE && *filling.at == ';') {
            filling.ended = true;
            size = 1;
        } else {
            size = filling.place == PLACE_BARE ? step_bare(&filling) : step_quoted(&filling);
            ps_buffer_append(out, filling.at, size);
        }
        filling.at += size;
    }
    if (filling.place != PLACE_BARE && filling.place != PLACE_LINE) {
        return refuse(err, "a quote or a comment does not end", "", 0);
    }
    return ps_buffer_ok(out) ? PS_OK : ps_fail_nomem(err, "writing SQL");
}
