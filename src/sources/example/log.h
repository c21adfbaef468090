/*
 * The source's log: the records of both tables in one order. Where one is read from is a cursor,
 * the number of records sent before. Not for: options and tests (example.c).
 */
#ifndef PS_SOURCES_EXAMPLE_LOG_H
#define PS_SOURCES_EXAMPLE_LOG_H

#include "penstock/source.h"

/* table1: 250 upserts · table2: 150 upserts · table1: an update · table1: a delete. */
#define LOG_TABLE1_ROWS 250
#define LOG_TABLE2_ROWS 150
#define LOG_RECORDS (LOG_TABLE1_ROWS + LOG_TABLE2_ROWS + 2)

/* Texts of table2.b2: most are short, 60 of them long, and one larger than a message. */
#define LOG_LONG_FIRST 60
#define LOG_LONG_END 120
#define LOG_LONG_SIZE 4096
#define LOG_OVERSIZE_ROW 140
#define LOG_OVERSIZE_SIZE 120000

/* The members of struct ps_source_ops; no state in the source is needed. */
enum ps_status example_reader_open(struct ps_source *source, const struct ps_read_request *request,
                                   struct ps_reader **ret_reader, struct ps_error *err);
enum ps_status example_reader_next(struct ps_reader *reader, struct ps_batch *batch,
                                   struct ps_error *err);
const char *example_reader_position(struct ps_reader *reader);
void example_reader_cancel(struct ps_reader *reader);
void example_reader_close(struct ps_reader *reader);

#endif
