/*
 * How Penstock reports what went wrong: one status per call, and a record that the caller owns.
 *
 * A source or sink classifies an error where the fact is known; the engine alone decides what to
 * do about it (docs/architecture.md, "Errors"). A message is one line: what was tried, on what, why
 * it failed, what to do. It holds no secret and no row data.
 */
#ifndef PENSTOCK_ERROR_H
#define PENSTOCK_ERROR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PS_MUST_CHECK __attribute__((warn_unused_result))
#define PS_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define PS_PUBLIC __attribute__((visibility("default")))
#else
#define PS_MUST_CHECK
#define PS_PRINTF(text, first)
#define PS_PUBLIC
#endif

/* What a fallible call came to, and so what its caller should do next. */
enum ps_status {
    PS_OK = 0,
    PS_END,           /* nothing is left: not an error */
    PS_RETRY,         /* passing trouble: the same may work later */
    PS_SNAPSHOT_GONE, /* the point in time is no more: go on in a new one */
    PS_EXPIRED,       /* the history that a position needs is gone: load the table again */
    PS_SCHEMA,        /* the table is not what it was: describe it again */
    PS_CANCELED,      /* somebody asked for the end */
    PS_CONFIG,        /* a person must act: a setting, a right, a credential, a file */
    PS_DATA,          /* a value cannot be carried faithfully */
    PS_NOMEM,         /* memory ran out */
    PS_BUG,           /* our own mistake */
};

/* The kind of trouble behind a status; it selects how a retry is made. */
enum ps_error_class {
    PS_CLASS_NONE = 0,
    PS_CLASS_DEADLOCK,
    PS_CLASS_LOCK_TIMEOUT,
    PS_CLASS_TIMEOUT,
    PS_CLASS_NETWORK,
    PS_CLASS_THROTTLE,
    PS_CLASS_FAILOVER,
    PS_CLASS_AUTH,
    PS_CLASS_PERMISSION,
    PS_CLASS_SCHEMA,
    PS_CLASS_DATA,
    PS_CLASS_DISK,
    PS_CLASS_SETTING, /* a configuration, a command line, a state or a file of ours */
};
#define PS_ERROR_CLASSES ((size_t)PS_CLASS_SETTING + 1)

#define PS_ERROR_MESSAGE_SIZE 1024
#define PS_ERROR_UNSHOWN_SIZE 1024

/*
 * A caller-owned error record. Written in full by the call that fails, untouched by one that
 * succeeds. Start it as {0}.
 */
struct ps_error {
    enum ps_status status;
    enum ps_error_class error_class;
    int32_t vendor_code;     /* the database's own number; 0 where it has none */
    char sqlstate[6];        /* "" where there is none */
    uint32_t retry_after_ms; /* what the other side asked us to wait; 0 where it did not say */
    char message[PS_ERROR_MESSAGE_SIZE];
    char unshown[PS_ERROR_UNSHOWN_SIZE]; /* ps_error_keep_unshown; of no interest to anybody else */
};

/*
 * Fills err (may be NULL) and gives status back, so that a function can end in
 * `return ps_fail(err, PS_CONFIG, PS_CLASS_AUTH, "…")`. Vendor code, SQLSTATE, retry_after_ms and
 * what is not shown are reset. Line breaks in the result become spaces; what is too long is cut at
 * a character.
 */
PS_PUBLIC enum ps_status ps_fail(struct ps_error *err, enum ps_status status,
                                 enum ps_error_class error_class, const char *format, ...)
    PS_PRINTF(4, 5);

/*
 * Keeps the other side's own words (NULL: none; what is too long is cut) beside a message that may
 * not quote them, since they may hold a row's values: after ps_fail. The user's expressions for
 * passing trouble (`deadlock_patterns`, `timeout_patterns`) are looked for in them; then they are
 * wiped. Nothing shows, logs, sends or stores them.
 */
PS_PUBLIC void ps_error_keep_unshown(struct ps_error *err, const char *text);

/* Memory ran out while doing `what` ("reading the state"). */
PS_PUBLIC enum ps_status ps_fail_nomem(struct ps_error *err, const char *what);

/*
 * Puts "<text>: " before the message of an error that is passed on, for context that only the
 * caller knows (the table, the file).
 */
PS_PUBLIC void ps_error_prefix(struct ps_error *err, const char *format, ...) PS_PRINTF(2, 3);

/* "retry", "config", …: stable names for logs and documents. */
PS_PUBLIC const char *ps_status_name(enum ps_status status);

/* "deadlock", "network", …: stable names for logs and documents; "" for none. */
PS_PUBLIC const char *ps_error_class_name(enum ps_error_class error_class);

#ifdef __cplusplus
}
#endif

#endif
