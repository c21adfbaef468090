/*
 * Log lines (base/log.h). What may not be shown is decided in redact.c.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/plain.h"
#include "base/thread.h"

#define LINE_SIZE_MAX ((size_t)1 << 20)

/* `lock` guards the rest but `least`; the redactor's lock alone is taken while it is held. */
static struct {
    struct ps_mutex lock;
    enum ps_log_format format;
    _Atomic enum ps_log_level least;
    void (*write)(void *context, enum ps_log_level level, const char *line);
    void *context;
} logger = {.lock = {PTHREAD_MUTEX_INITIALIZER}, .format = PS_LOG_TEXT, .least = PS_LOG_INFO};

static const char *const text_prefixes[] = {
    [PS_LOG_DEBUG] = "debug: ",
    [PS_LOG_INFO] = "",
    [PS_LOG_WARNING] = "warning: ",
    [PS_LOG_SEVERE] = "error: ",
};

/* The platform's own names, which has none for debug lines. */
static const char *const json_levels[] = {
    [PS_LOG_DEBUG] = "INFO",
    [PS_LOG_INFO] = "INFO",
    [PS_LOG_WARNING] = "WARNING",
    [PS_LOG_SEVERE] = "SEVERE",
};

void ps_log_configure(enum ps_log_format format, enum ps_log_level least)
{
    ps_mutex_lock(&logger.lock);
    logger.format = format;
    ps_mutex_unlock(&logger.lock);
    atomic_store(&logger.least, least);
}

bool ps_log_enabled(enum ps_log_level level)
{
    return level >= atomic_load_explicit(&logger.least, memory_order_relaxed);
}

void ps_log_set_writer(void (*write)(void *context, enum ps_log_level level, const char *line),
                       void *context)
{
    ps_mutex_lock(&logger.lock);
    logger.write = write;
    logger.context = context;
    ps_mutex_unlock(&logger.lock);
}

/* One write for the line; more only where the other end takes it in parts. */
static void write_all(int file, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file, bytes, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return; /* Nobody is left to be told. */
        }
        bytes += written;
        size -= (size_t)written;
    }
}

static void one_line(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n' || text[i] == '\r') {
            text[i] = ' ';
        }
    }
}

/* Puts the redacted message into the form asked for. */
static void put_line(struct ps_buffer *line, enum ps_log_format format, enum ps_log_level level,
                     const char *message)
{
    if (format == PS_LOG_TEXT) {
        ps_buffer_puts(line, text_prefixes[level]);
        ps_buffer_puts(line, message);
        if (ps_buffer_ok(line)) {
            line->size = ps_plain(line->data, line->size);
            line->data[line->size] = '\0';
        }
        return;
    }
    struct ps_json_writer writer;
    ps_json_writer_init(&writer, line, false);
    ps_json_open(&writer, NULL, '{');
    ps_json_put_text(&writer, "level", json_levels[level]);
    ps_json_put_text(&writer, "message", message);
    ps_json_put_text(&writer, "message-origin", "sdk_connector");
    ps_json_close(&writer, '}');
}

/* Under the lock. A line that did not fit or found no memory is told by a fixed one. */
static void emit(enum ps_log_level level, const struct ps_buffer *message)
{
    static const char lost_text[] = "a log line was lost: it was too long, or memory ran out";
    static const char lost_json[] =
        "{\"level\":\"WARNING\",\"message\":\"a log line was lost: it was too long, or memory ran "
        "out\",\"message-origin\":\"sdk_connector\"}\n";
    if (logger.write != NULL) {
        bool ok = ps_buffer_ok(message);
        logger.write(logger.context, level, ok ? ps_buffer_text(message) : lost_text);
        return;
    }
    int file = logger.format == PS_LOG_JSON ? STDOUT_FILENO : STDERR_FILENO;
    struct ps_buffer line;
    ps_buffer_init(&line, 0);
    put_line(&line, logger.format, level, ps_buffer_text(message));
    ps_buffer_putc(&line, '\n');
    if (ps_buffer_ok(message) && ps_buffer_ok(&line)) {
        write_all(file, line.data, line.size);
    } else if (logger.format == PS_LOG_JSON) {
        write_all(file, lost_json, sizeof(lost_json) - 1);
    } else {
        write_all(file, "warning: ", 9);
        write_all(file, lost_text, sizeof(lost_text) - 1);
        write_all(file, "\n", 1);
    }
    ps_buffer_done(&line);
}

void ps_log(enum ps_log_level level, const char *format, ...)
{
    if (!ps_log_enabled(level)) {
        return;
    }
    int error = errno; /* Callers log on their way out with it. */
    struct ps_buffer message, redacted;
    ps_buffer_init(&message, LINE_SIZE_MAX);
    ps_buffer_init(&redacted, 0);
    va_list arguments;
    va_start(arguments, format);
    ps_buffer_vprintf(&message, format, arguments);
    va_end(arguments);
    ps_redact(&redacted, ps_buffer_text(&message));
    redacted.failed |= message.failed;
    one_line(redacted.data, redacted.size);
    ps_mutex_lock(&logger.lock);
    emit(level, &redacted);
    ps_mutex_unlock(&logger.lock);
    ps_buffer_done(&redacted);
    ps_buffer_done(&message);
    errno = error;
}
