/*
 * Reading the log: a reader passes over the records of the other table, so that every read of a
 * whole log ends at the same cursor, whichever table it is of.
 */
#include "sources/example/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "sources/example/example.h"

enum { TABLE1_UPDATE = LOG_TABLE1_ROWS + LOG_TABLE2_ROWS, TABLE1_DELETE };

struct log_reader {
    struct ps_reader base;
    struct ps_read_request request;
    bool second; /* of table2 */
    int next;    /* the index of the log's next record */
    uint64_t start;
    char position[24]; /* after the last OK */
    char *text;        /* of table2: what its long values begin with */
    atomic_bool canceled;
};

/* One record on its way into a batch. */
struct put {
    struct log_reader *reader;
    struct ps_batch *batch;
    uint32_t column; /* of the batch */
};

/* The index of the table's first record at or after `index`; LOG_RECORDS: there is none. */
static int record_of_table(const struct log_reader *reader, int index)
{
    if (reader->second) {
        index = index < LOG_TABLE1_ROWS ? LOG_TABLE1_ROWS : index;
        return index < TABLE1_UPDATE ? index : LOG_RECORDS;
    }
    return index >= LOG_TABLE1_ROWS && index < TABLE1_UPDATE ? TABLE1_UPDATE : index;
}

static enum ps_operation operation_of(int index)
{
    return index == TABLE1_UPDATE ? PS_UPDATE : index == TABLE1_DELETE ? PS_DELETE : PS_UPSERT;
}

static enum ps_status parse_position(const char *text, uint64_t *ret_start, struct ps_error *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long long start = strtoull(text, &end, 10);
    /* Room for what is added, also where somebody wrote the number by hand. */
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
        start > (unsigned long long)INT64_MAX - LOG_RECORDS) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "the state's position in the example source is no count of records; "
                       "re-sync to begin anew");
    }
    *ret_start = start;
    return PS_OK;
}

enum ps_status example_reader_open(struct ps_source *source, const struct ps_read_request *request,
                                   struct ps_reader **ret_reader, struct ps_error *err)
{
    (void)source;
    uint64_t start = 0;
    enum ps_status status = PS_OK;
    if (request->position != NULL) {
        status = parse_position(request->position, &start, err);
    }
    if (status != PS_OK) {
        return status;
    }
    struct log_reader *reader = ps_calloc(1, sizeof(*reader));
    bool second = strcmp(request->table->name, "table2") == 0;
    char *text = second ? ps_malloc(LOG_OVERSIZE_SIZE) : NULL;
    if (reader == NULL || (second && text == NULL)) {
        ps_free(reader);
        ps_free(text);
        return ps_fail_nomem(err, "reading the example's records");
    }
    if (second) {
        memset(text, 'n', LOG_OVERSIZE_SIZE);
    }
    reader->base.ops = &ps_source_example;
    reader->request = *request;
    reader->second = second;
    reader->text = text;
    snprintf(reader->position, sizeof(reader->position), "%" PRIu64, start);
    reader->next = record_of_table(reader, 0);
    reader->start = start;
    atomic_init(&reader->canceled, false);
    *ret_reader = &reader->base;
    return PS_OK;
}

/* A text as a value, where it is not larger than is wanted. */
static enum ps_status put_text(struct put *put, const char *text, size_t size)
{
    if (size > put->reader->request.value_bytes_max) {
        ps_batch_value_bad(put->batch, put->column, "the value is larger than max_value_bytes");
        return PS_OK;
    }
    return ps_batch_put_bytes(put->batch, put->column, text, size) ? PS_OK : PS_NOMEM;
}

static enum ps_status put_number_text(struct put *put, const char *prefix, int number)
{
    char text[32];
    int size = snprintf(text, sizeof(text), "%s%d", prefix, number);
    return put_text(put, text, (size_t)size);
}

/* table1: a1 "a-<row>", a2 row * 0.234; later a-0 is updated and a-2 deleted. */
static enum ps_status put_table1(struct put *put, uint32_t column, int index)
{
    bool update = index == TABLE1_UPDATE, del = index == TABLE1_DELETE;
    if (column == 0) {
        return put_number_text(put, "a-", update ? 0 : del ? 2 : index);
    }
    if (del) {
        ps_batch_put_null(put->batch, put->column);
    } else {
        ps_batch_put_double(put->batch, put->column, update ? 110.234 : index * 0.234);
    }
    return PS_OK;
}

/* table2: b1 "b<row + 1>", b2 a text of very different sizes. */
static enum ps_status put_table2(struct put *put, uint32_t column, int index)
{
    int row = index - LOG_TABLE1_ROWS;
    if (column == 0) {
        return put_number_text(put, "b", row + 1);
    }
    if (row == LOG_OVERSIZE_ROW) {
        return put_text(put, put->reader->text, LOG_OVERSIZE_SIZE);
    }
    if (row >= LOG_LONG_FIRST && row < LOG_LONG_END) {
        return put_text(put, put->reader->text, LOG_LONG_SIZE);
    }
    return row == 0 ? put_text(put, "ben", 3) : put_number_text(put, "ben-", row + 1);
}

static enum ps_status put_record(struct log_reader *reader, struct ps_batch *batch, int index,
                                 struct ps_error *err)
{
    struct put put = {.reader = reader, .batch = batch};
    for (; put.column < batch->columns_count; put.column++) {
        uint32_t column = reader->request.columns[put.column];
        enum ps_status status =
            reader->second ? put_table2(&put, column, index) : put_table1(&put, column, index);
        if (status != PS_OK) {
            return ps_fail_nomem(err, "reading the example's records");
        }
    }
    ps_batch_row_end(batch);
    return PS_OK;
}

/* A batch has one operation. Where nothing of the table is left, the rest of the log is passed. */
enum ps_status example_reader_next(struct ps_reader *base, struct ps_batch *batch,
                                   struct ps_error *err)
{
    struct log_reader *reader = (struct log_reader *)base;
    if (atomic_load(&reader->canceled)) {
        return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "the read was canceled");
    }
    if (reader->next == LOG_RECORDS) {
        return PS_END;
    }
    enum ps_status fault = example_fault(err);
    if (fault != PS_OK) {
        return fault;
    }
    if (ps_fault("example.expired")) {
        return ps_fail(err, PS_EXPIRED, PS_CLASS_NONE,
                       "reading %s: what the log had before record %d is gone",
                       reader->request.table->name, reader->next);
    }
    batch->operation = operation_of(reader->next);
    while (reader->next < LOG_RECORDS && !ps_batch_full(batch) &&
           operation_of(reader->next) == batch->operation) {
        enum ps_status status = put_record(reader, batch, reader->next, err);
        if (status != PS_OK) {
            return status;
        }
        reader->next = record_of_table(reader, reader->next + 1);
    }
    snprintf(reader->position, sizeof(reader->position), "%" PRIu64,
             reader->start + (uint64_t)reader->next);
    return PS_OK;
}

const char *example_reader_position(struct ps_reader *reader)
{
    return ((struct log_reader *)reader)->position;
}

void example_reader_cancel(struct ps_reader *reader)
{
    atomic_store(&((struct log_reader *)reader)->canceled, true);
}

void example_reader_close(struct ps_reader *base)
{
    struct log_reader *reader = (struct log_reader *)base;
    if (reader != NULL) {
        ps_free(reader->text);
        ps_free(reader);
    }
}
