/*
 * The records' bytes, one after the other in one buffer. See backlog.h.
 */
#include "tester/backlog.h"

#include <string.h>

#define KEPT_BYTES ((size_t)1 << 20)

/* What stands before each record's bytes, without regard to alignment. */
struct head {
    struct tester_table *table;
    size_t size;
    enum ps_operation operation;
};

void backlog_done(struct backlog *backlog)
{
    ps_buffer_done(&backlog->bytes);
    *backlog = (struct backlog){0};
}

enum ps_status backlog_add(struct backlog *backlog, const struct backlog_record *record,
                           struct ps_error *err)
{
    struct head head;
    memset(&head, 0, sizeof head);
    head.table = record->table;
    head.size = record->size;
    head.operation = record->operation;
    ps_buffer_append(&backlog->bytes, &head, sizeof head);
    ps_buffer_append(&backlog->bytes, record->bytes, record->size);
    if (!ps_buffer_ok(&backlog->bytes)) {
        return ps_fail_nomem(err, "keeping records until their table is changed");
    }
    backlog->count++;
    return PS_OK;
}

bool backlog_full(const struct backlog *backlog)
{
    return backlog->count >= BACKLOG_RECORDS_MAX || backlog->bytes.size >= BACKLOG_BYTES_MAX;
}

bool backlog_next(const struct backlog *backlog, size_t *place, struct backlog_record *ret_record)
{
    struct head head;
    if (*place == backlog->bytes.size) {
        return false;
    }
    memcpy(&head, backlog->bytes.data + *place, sizeof head);
    *ret_record = (struct backlog_record){
        .table = head.table,
        .operation = head.operation,
        .bytes = (const uint8_t *)backlog->bytes.data + *place + sizeof head,
        .size = head.size,
    };
    *place += sizeof head + head.size;
    return true;
}

void backlog_clear(struct backlog *backlog)
{
    backlog->count = 0;
    if (backlog->bytes.capacity > KEPT_BYTES) {
        ps_buffer_done(&backlog->bytes); /* a large record may have been among them */
        ps_buffer_init(&backlog->bytes, 0);
    } else {
        ps_buffer_clear(&backlog->bytes);
    }
}
