/* PEM text and files in memory: see pem.h. */
#include "sources/postgresql/pem.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"
#define LINE_LENGTH 64

bool pem_is_text(const char *value)
{
    return strstr(value, BEGIN) != NULL;
}

bool pem_has(const char *text, const char *kind)
{
    size_t length = strlen(kind);
    for (const char *at = strstr(text, BEGIN); at != NULL; at = strstr(at, BEGIN)) {
        at += strlen(BEGIN);
        const char *end = strstr(at, DASHES);
        if (end != NULL && (size_t)(end - at) >= length &&
            strncmp(end - length, kind, length) == 0) {
            return true;
        }
    }
    return false;
}

/* Steps over white space, and over "\n", "\r" and "\t" that were written out. */
static const char *skip_breaks(const char *at, const char *end)
{
    while (at < end) {
        if (isspace((unsigned char)*at)) {
            at++;
        } else if (*at == '\\' && at + 1 < end && strchr("nrt", at[1]) != NULL) {
            at += 2;
        } else {
            break;
        }
    }
    return at;
}

/* The text between the marks, in lines of equal length. */
static void put_body(const char *at, const char *end, struct ps_buffer *out)
{
    size_t column = 0;
    while ((at = skip_breaks(at, end)) < end) {
        ps_buffer_putc(out, *at++);
        if (++column == LINE_LENGTH) {
            ps_buffer_putc(out, '\n');
            column = 0;
        }
    }
    if (column > 0) {
        ps_buffer_putc(out, '\n');
    }
}

/* A block with headers (of keys that are encrypted in the old way) keeps its lines. */
static void put_lines(const char *at, const char *end, struct ps_buffer *out)
{
    while (at < end) {
        if (*at == '\\' && at + 1 < end && strchr("nrt", at[1]) != NULL) {
            if (at[1] == 'n') {
                ps_buffer_putc(out, '\n');
            }
            at += 2;
        } else {
            ps_buffer_putc(out, *at++);
        }
    }
}

bool pem_normalise(const char *text, struct ps_buffer *out)
{
    const char *begin = strstr(text, BEGIN);
    while (begin != NULL) {
        const char *kind = begin + strlen(BEGIN);
        const char *kind_end = strstr(kind, DASHES);
        const char *end = kind_end != NULL ? strstr(kind_end, END) : NULL;
        size_t length = kind_end != NULL ? (size_t)(kind_end - kind) : 0;
        if (end == NULL || strncmp(end + strlen(END), kind, length) != 0 ||
            strncmp(end + strlen(END) + length, DASHES, strlen(DASHES)) != 0) {
            return false;
        }
        const char *body = kind_end + strlen(DASHES);
        ps_buffer_append(out, begin, (size_t)(body - begin));
        if (memchr(body, ':', (size_t)(end - body)) != NULL) {
            put_lines(body, end, out);
        } else {
            ps_buffer_putc(out, '\n');
            put_body(body, end, out);
        }
        ps_buffer_append(out, end, strlen(END) + length + strlen(DASHES));
        ps_buffer_putc(out, '\n');
        begin = strstr(end + strlen(END), BEGIN);
    }
    return true;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return true;
}

int pem_file(const char *text, size_t size, char *ret_path, size_t path_size)
{
    int fd = memfd_create("penstock-pem", MFD_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    /* libpq refuses a key that others could read. */
    if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 || !write_all(fd, text, size)) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    (void)snprintf(ret_path, path_size, "/proc/self/fd/%d", fd);
    return fd;
}
