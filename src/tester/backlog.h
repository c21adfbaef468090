/*
 * Records that wait as they came, because a column of their table is new and rows of it were
 * written since the last checkpoint: each change of a table costs the destination much then, so the
 * changes of many records are made together. Not for: what is in a record (record.c).
 */
#ifndef PS_TESTER_BACKLOG_H
#define PS_TESTER_BACKLOG_H

#include "base/buffer.h"
#include "penstock/batch.h"
#include "penstock/error.h"

#define BACKLOG_RECORDS_MAX 65536u
#define BACKLOG_BYTES_MAX ((size_t)16 << 20) /* the record that reaches it is the last */

struct tester_table;

struct backlog {
    struct ps_buffer bytes; /* records, each behind its head */
    uint32_t count;
};

/* One that waits. */
struct backlog_record {
    struct tester_table *table;
    enum ps_operation operation;
    const uint8_t *bytes; /* in the backlog */
    size_t size;
};

void backlog_done(struct backlog *backlog);
/* Copies the record. */
enum ps_status backlog_add(struct backlog *backlog, const struct backlog_record *record,
                           struct ps_error *err) PS_MUST_CHECK;
/* No more is to be added. */
bool backlog_full(const struct backlog *backlog);
/* The record at *place, which begins at 0 and moves on. False: there are no more. */
bool backlog_next(const struct backlog *backlog, size_t *place, struct backlog_record *ret_record);
/* Empties it. */
void backlog_clear(struct backlog *backlog);

#endif
