/*
 * JSON (RFC 8259): a strict reader into a tree, a writer, and a validator for values. Numbers keep
 * their text, so that no digit is lost. Duplicate names: the reader refuses them. Depth is bounded
 * by 512.
 */
#ifndef PS_BASE_JSON_H
#define PS_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "penstock/error.h"

enum ps_json_kind {
    PS_JSON_NULL,
    PS_JSON_FALSE,
    PS_JSON_TRUE,
    PS_JSON_NUMBER,
    PS_JSON_STRING,
    PS_JSON_ARRAY,
    PS_JSON_OBJECT,
};

/* Lives in the arena it was parsed into. */
struct ps_json {
    enum ps_json_kind kind;
    const char *text;             /* NUMBER: as written. STRING: unescaped UTF-8, NUL-terminated */
    size_t text_size;             /* a string may hold U+0000 */
    const char *name;             /* in an object: the member's name */
    struct ps_json *first, *next; /* ARRAY, OBJECT: the first child; the next sibling */
    size_t count;                 /* children */
};

struct ps_json_options {
    bool comments; /* takes // and slash-star comments; `ret_had_comments` of the parse tells */
};

/*
 * Parses one document and nothing after it (a byte order mark at the start is skipped). CONFIG
 * (PS_CLASS_SETTING): where and why, as "line 3, column 7: …"; the message shows none of the
 * document's own text. NOMEM.
 */
enum ps_status ps_json_parse(struct ps_arena *arena, const char *text, size_t size,
                             const struct ps_json_options *options, struct ps_json **ret_root,
                             bool *ret_had_comments, struct ps_error *err) PS_MUST_CHECK;

/* The named member of an object, or NULL (also where `object` is NULL or none). */
const struct ps_json *ps_json_member(const struct ps_json *object, const char *name);
/* A member's string, or `otherwise` where it is missing or no string. */
const char *ps_json_string(const struct ps_json *object, const char *name, const char *otherwise);
/* A member that is an integer in range; false: it is not there or none. */
bool ps_json_integer(const struct ps_json *object, const char *name, int64_t *ret_value);
bool ps_json_boolean(const struct ps_json *object, const char *name, bool otherwise);

/* True where the bytes are one valid JSON value in valid UTF-8. Allocates nothing. */
bool ps_json_valid(const void *bytes, size_t size);

/*
 * The writer: appends to a buffer, puts the commas itself. Names are for members of an object;
 * NULL inside an array and at the top. Text must be UTF-8; what is not valid becomes U+FFFD.
 */
struct ps_json_writer {
    struct ps_buffer *out;
    uint32_t depth;
    bool comma;
    bool pretty; /* line breaks and two blanks a level */
};
void ps_json_writer_init(struct ps_json_writer *writer, struct ps_buffer *out, bool pretty);
void ps_json_open(struct ps_json_writer *writer, const char *name, char bracket); /* '{' or '[' */
void ps_json_close(struct ps_json_writer *writer, char bracket);                  /* '}' or ']' */
void ps_json_put_text(struct ps_json_writer *writer, const char *name, const char *text);
void ps_json_put_text_sized(struct ps_json_writer *writer, const char *name, const char *text,
                            size_t size);
void ps_json_put_integer(struct ps_json_writer *writer, const char *name, int64_t value);
void ps_json_put_number(struct ps_json_writer *writer, const char *name, double value,
                        int decimals);
void ps_json_put_boolean(struct ps_json_writer *writer, const char *name, bool value);
void ps_json_put_null(struct ps_json_writer *writer, const char *name);
/* A text that is JSON already. */
void ps_json_put_raw(struct ps_json_writer *writer, const char *name, const char *json);

#endif
