/*
 * The error record's text and names (penstock/error.h). Not for: what to do about an error.
 */
#include "penstock/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Takes away half a character at the end of a text that was cut. */
static size_t whole_characters(const char *text, size_t size)
{
    size_t start = size;
    while (start > 0 && size - start < 4) {
        start--;
        if (((uint8_t)text[start] & 0xC0) != 0x80) {
            size_t length = ps_utf8_length((const uint8_t *)text + start, size - start);
            return length == 0 ? start : size;
        }
    }
    return size;
}

/* Copies `length` bytes' worth of text (as snprintf counted) into the message, as one line. */
static void message_set(struct ps_error *err, char *text, int length)
{
    size_t size = length < 0 ? 0 : (size_t)length;
    if (size >= PS_ERROR_MESSAGE_SIZE) {
        size = whole_characters(text, PS_ERROR_MESSAGE_SIZE - 1);
    }
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) {
        size--;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n' || text[i] == '\r') {
            text[i] = ' ';
        }
    }
    memcpy(err->message, text, size);
    err->message[size] = '\0';
}

enum ps_status ps_fail(struct ps_error *err, enum ps_status status, enum ps_error_class error_class,
                       const char *format, ...)
{
    if (err == NULL) {
        return status;
    }
    /* The arguments may point into the record itself, so it is written only once they are used. */
    char text[PS_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    err->status = status;
    err->error_class = error_class;
    err->vendor_code = 0;
    err->sqlstate[0] = '\0';
    err->retry_after_ms = 0;
    memset(err->unshown, 0, sizeof(err->unshown));
    message_set(err, text, length);
    return status;
}

void ps_error_keep_unshown(struct ps_error *err, const char *text)
{
    if (err != NULL) {
        (void)snprintf(err->unshown, sizeof(err->unshown), "%s", text == NULL ? "" : text);
    }
}

enum ps_status ps_fail_nomem(struct ps_error *err, const char *what)
{
    return ps_fail(err, PS_NOMEM, PS_CLASS_NONE, "memory ran out while %s", what);
}

void ps_error_prefix(struct ps_error *err, const char *format, ...)
{
    if (err == NULL) {
        return;
    }
    char prefix[PS_ERROR_MESSAGE_SIZE], text[2 * PS_ERROR_MESSAGE_SIZE + 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof(prefix), format, arguments);
    va_end(arguments);
    int length = snprintf(text, sizeof(text), "%s: %s", prefix, err->message);
    message_set(err, text, length);
}

const char *ps_status_name(enum ps_status status)
{
    static const char *const names[] = {
        [PS_OK] = "ok",
        [PS_END] = "end",
        [PS_RETRY] = "retry",
        [PS_SNAPSHOT_GONE] = "snapshot_gone",
        [PS_EXPIRED] = "expired",
        [PS_SCHEMA] = "schema",
        [PS_CANCELED] = "canceled",
        [PS_CONFIG] = "config",
        [PS_DATA] = "data",
        [PS_NOMEM] = "nomem",
        [PS_BUG] = "bug",
    };
    size_t index = (size_t)status;
    return index < sizeof(names) / sizeof(names[0]) ? names[index] : "unknown";
}

const char *ps_error_class_name(enum ps_error_class error_class)
{
    static const char *const names[] = {
        [PS_CLASS_NONE] = "",
        [PS_CLASS_DEADLOCK] = "deadlock",
        [PS_CLASS_LOCK_TIMEOUT] = "lock_timeout",
        [PS_CLASS_TIMEOUT] = "timeout",
        [PS_CLASS_NETWORK] = "network",
        [PS_CLASS_THROTTLE] = "throttle",
        [PS_CLASS_FAILOVER] = "failover",
        [PS_CLASS_AUTH] = "auth",
        [PS_CLASS_PERMISSION] = "permission",
        [PS_CLASS_SCHEMA] = "schema",
        [PS_CLASS_DATA] = "data",
        [PS_CLASS_DISK] = "disk",
        [PS_CLASS_SETTING] = "setting",
    };
    size_t index = (size_t)error_class;
    return index < sizeof(names) / sizeof(names[0]) ? names[index] : "";
}
