/*
 * ${NAME} and @path in configuration files; see reference.h.
 */
#include "config/reference.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/text.h"

#define VARIABLE_NAME_MAX 255

static int read_all(int fd, size_t limit, struct ps_buffer *out)
{
    char chunk[16384];
    size_t total = 0;
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return errno;
        }
        if (got == 0) {
            return ps_buffer_ok(out) ? 0 : ENOMEM;
        }
        total += (size_t)got;
        if (total > limit) {
            return EFBIG;
        }
        ps_buffer_append(out, chunk, (size_t)got);
    }
}

int reference_read(const char *path, size_t limit, struct ps_buffer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    int error = 0;
    struct stat status;
    if (fstat(fd, &status) != 0) {
        error = errno;
    } else if (S_ISDIR(status.st_mode)) {
        error = EISDIR;
    } else if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
        error = EINVAL;
    } else {
        error = read_all(fd, limit, out);
    }
    close(fd);
    return error;
}

const char *reference_reason(int error)
{
    switch (error) {
    case ENOENT:
        return "there is no such file";
    case EISDIR:
        return "it is a folder";
    case EFBIG:
        return "it is larger than 16 MiB";
    case EINVAL:
        return "it is neither a file nor a pipe";
    case EACCES:
        return "the right to read it is missing";
    default: {
        const char *text = strerrordesc_np(error);
        return text != NULL ? text : "it cannot be read";
    }
    }
}

static bool is_name_byte(char c, bool first)
{
    char folded = text_fold(c);
    return (folded >= 'a' && folded <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/*
 * Whether the name can be shown: the value may belong to a secret that was never meant to name a
 * variable, but a name in capitals, as variables have them, is hardly a part of one.
 */
static bool is_shown_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z') {
            return false;
        }
    }
    return true;
}

static enum ps_status variable_fail(const struct reference_place *place, const char *name,
                                    struct ps_error *err)
{
    struct text_shown key;
    if (name == NULL) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "%s: the value of \"%s\" holds \"${\" without a variable's name and \"}\" "
                       "after it; write ${NAME}, or $${ where \"${\" itself is meant",
                       place->path, text_show(&key, place->key));
    }
    bool shown = is_shown_name(name);
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "%s: the value of \"%s\" takes the environment variable %s%s which is not set; "
                   "set it, or write $${ where \"${\" itself is meant",
                   place->path, text_show(&key, place->key), shown ? name : "named in ${…}",
                   shown ? "," : "");
}

/* Appends the value of the variable that begins after "${"; gives what follows its "}". */
static enum ps_status expand_variable(const struct reference_place *place, const char *text,
                                      struct ps_buffer *out, const char **ret_rest,
                                      struct ps_error *err)
{
    char name[VARIABLE_NAME_MAX + 1];
    size_t size = 0;
    while (size < VARIABLE_NAME_MAX && is_name_byte(text[size], size == 0)) {
        name[size] = text[size];
        size++;
    }
    name[size] = '\0';
    if (size == 0 || text[size] != '}') {
        return variable_fail(place, NULL, err);
    }
    const char *value = getenv(name);
    if (value == NULL) {
        return variable_fail(place, name, err);
    }
    ps_buffer_puts(out, value);
    *ret_rest = text + size + 1;
    return PS_OK;
}

static enum ps_status expand_text(const struct reference_place *place, const char *text,
                                  struct ps_buffer *out, struct ps_error *err)
{
    while (*text != '\0') {
        if (strncmp(text, "$${", 3) == 0) {
            ps_buffer_puts(out, "${");
            text += 3;
        } else if (strncmp(text, "${", 2) == 0) {
            enum ps_status status = expand_variable(place, text + 2, out, &text, err);
            if (status != PS_OK) {
                return status;
            }
        } else {
            size_t plain = strcspn(text + 1, "$") + 1;
            ps_buffer_append(out, text, plain);
            text += plain;
        }
    }
    return PS_OK;
}

static enum ps_status file_fail(const struct reference_place *place, const char *path,
                                const char *reason, struct ps_error *err)
{
    /* Only what begins like a path is shown: "@dmin" may be a password. */
    bool shown = path[0] == '/' || strncmp(path, "./", 2) == 0 || strncmp(path, "../", 3) == 0;
    struct text_shown key, file;
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "%s: the value of \"%s\" begins with \"@\", so it is read from a file%s%s%s, "
                   "but %s; a relative path begins at the configuration file's folder, and a value "
                   "that itself begins with \"@\" is written with \"@@\"",
                   place->path, text_show(&key, place->key), shown ? " (" : "",
                   shown ? text_show(&file, path) : "", shown ? ")" : "", reason);
}

static void drop_line_break(struct ps_buffer *out, size_t start)
{
    if (out->size > start && out->data[out->size - 1] == '\n') {
        out->data[--out->size] = '\0';
        if (out->size > start && out->data[out->size - 1] == '\r') {
            out->data[--out->size] = '\0';
        }
    }
}

/* Appends the path of the file that `named` (the text after "@") names. */
static enum ps_status find_file(const struct reference_place *place, const char *named,
                                struct ps_buffer *path, struct ps_error *err)
{
    struct ps_buffer name;
    ps_buffer_init(&name, 0);
    enum ps_status status = expand_text(place, named, &name, err);
    const char *slash = strrchr(place->path, '/');
    if (status == PS_OK && ps_buffer_text(&name)[0] != '/' && slash != NULL) {
        ps_buffer_append(path, place->path, (size_t)(slash - place->path) + 1);
    }
    ps_buffer_puts(path, ps_buffer_text(&name));
    if (status == PS_OK && (!ps_buffer_ok(&name) || !ps_buffer_ok(path))) {
        status = ps_fail_nomem(err, "reading the configuration");
    }
    if (status == PS_OK && name.size == 0) {
        status = file_fail(place, named, "no file is named", err);
    }
    ps_buffer_done(&name);
    return status;
}

/* Reads the file that `named` names. */
static enum ps_status expand_file(const struct reference_place *place, const char *named,
                                  size_t limit, struct ps_buffer *out, struct ps_error *err)
{
    struct ps_buffer path;
    ps_buffer_init(&path, 0);
    enum ps_status status = find_file(place, named, &path, err);
    if (status != PS_OK) {
        goto out;
    }
    size_t start = out->size;
    int error = reference_read(ps_buffer_text(&path), limit, out);
    if (error == ENOMEM) {
        status = ps_fail_nomem(err, "reading the configuration");
    } else if (error != 0) {
        status = file_fail(place, named, reference_reason(error), err);
    } else if (out->size > start && memchr(out->data + start, '\0', out->size - start) != NULL) {
        status = file_fail(place, named, "it holds a NUL byte, so it is no text", err);
    } else {
        drop_line_break(out, start);
    }
out:
    ps_buffer_done(&path);
    return status;
}

/* "@path", and not "@@…", which stands for a text with one "@". */
static bool is_path(const char *value)
{
    return value[0] == '@' && value[1] != '@';
}

bool reference_names_file(const struct reference_place *place, const char *value)
{
    struct stat status;
    struct ps_buffer path;
    ps_buffer_init(&path, 0);
    bool names = is_path(value) && find_file(place, value + 1, &path, NULL) == PS_OK &&
                 stat(ps_buffer_text(&path), &status) == 0 && S_ISREG(status.st_mode);
    ps_buffer_done(&path);
    return names;
}

enum ps_status reference_expand(const struct reference_place *place, const char *value,
                                size_t limit, struct ps_buffer *out, struct ps_error *err)
{
    enum ps_status status;
    if (is_path(value)) {
        status = expand_file(place, value + 1, limit, out, err);
    } else {
        status = expand_text(place, value[0] == '@' ? value + 1 : value, out, err);
    }
    if (status == PS_OK && !ps_buffer_ok(out)) {
        status = ps_fail_nomem(err, "reading the configuration");
    }
    return status;
}
