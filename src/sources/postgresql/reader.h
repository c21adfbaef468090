/*
 * The reader of one table, and the steps of a read that are taken again where the server could not
 * send a row (unsendable.c). Everything else of it is in reader.c.
 */
#ifndef PS_SOURCES_POSTGRESQL_READER_H
#define PS_SOURCES_POSTGRESQL_READER_H

#include <stdatomic.h>

#include "sources/postgresql/partition.h"
#include "sources/postgresql/source.h"
#include "sources/postgresql/stream.h"

enum reader_state { READER_OPENED, READER_SENT, READER_ROWS, READER_DONE, READER_FAILED };

/* One thread, but for `canceled` and `wake_fd`, which reader_cancel touches from any. */
struct reader {
    struct ps_reader base;
    struct source *source;
    const struct ps_table *table;
    struct ps_read_request request;
    struct ps_window edge; /* the request's window, where it has one, … */
    struct window window;  /* … and in which order it is read */
    struct partition partition;
    struct ps_table leaf; /* what is read in place of the table, where a partition says so */
    struct ps_buffer leaf_schema, leaf_name;
    bool handed;       /* a batch was given away; the place of its last row is the position */
    char position[24]; /* "127,5" */
    struct type_field *fields;
    uint32_t fields_count;
    bool begun;     /* the savepoint was asked for */
    bool has_parts; /* other tables are read under this one's name */
    enum reader_state state;
    struct stream stream;
    char *message;        /* libpq's, which the stream reads; NULL: none */
    size_t bulk_progress; /* bytes since the socket was last set to wake for each */
    bool bulk;            /* the socket wakes for BULK_BYTES */
    /* A read without places that met a row which the server cannot send begins again with them,
     * table by table: those of `stores`, where other tables than its own are read under its name.
     */
    bool again;
    uint32_t *stores;
    size_t stores_count, stores_done;
    int64_t silence_ns;         /* for so long the server may send nothing; 0: for ever */
    uint32_t unsendable_rows;   /* left out so far */
    uint32_t unsendable_column; /* at fault in the last of them */
    _Atomic bool canceled;
    int wake_fd;
};

static inline struct link *reader_link(const struct reader *reader)
{
    return &reader->source->link;
}

/* What is read under the table's name, by partition.leaf, is called by its own name from now on. */
enum ps_status reader_name_leaf(struct reader *reader, struct ps_error *err) PS_MUST_CHECK;
/* Locks the table, for which it may wait long, and looks whether it is still the one described. */
enum ps_status reader_probe(struct reader *reader, struct ps_error *err) PS_MUST_CHECK;
/* Sends the COPY; then takes the answer to it. OK: its rows follow. */
enum ps_status reader_send(struct reader *reader, struct ps_error *err) PS_MUST_CHECK;
enum ps_status reader_start(struct reader *reader, struct ps_error *err) PS_MUST_CHECK;

/* unsendable.c */

/*
 * The server failed in the midst of the rows, and the error was DATA. OK: they go on, without the
 * row that it cannot send, which is counted in the batch. Else the read has failed, by `err` as it
 * was where no such row is found.
 */
enum ps_status reader_go_round(struct reader *reader, struct ps_batch *batch,
                               struct ps_error *err) PS_MUST_CHECK;
/* A read that began again goes on with the next of its stores. */
enum ps_status reader_next_store(struct reader *reader, struct ps_error *err) PS_MUST_CHECK;

#endif
