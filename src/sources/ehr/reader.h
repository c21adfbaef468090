/*
 * Reading a table: a range of rows, or the rows that changed since an instant.
 */
#ifndef SOURCES_EHR_READER_H
#define SOURCES_EHR_READER_H

#include "hospital.h"
#include "penstock/source.h"

/* The hospital outlives the reader. As the members of struct ps_source_ops say. */
enum ps_status ehr_reader_open(const struct ehr_hospital *hospital, const struct ps_source_ops *ops,
                               const struct ps_read_request *request, struct ps_reader **ret_reader,
                               struct ps_error *err) PS_MUST_CHECK;
enum ps_status ehr_reader_next(struct ps_reader *reader, struct ps_batch *batch,
                               struct ps_error *err);
const char *ehr_reader_position(struct ps_reader *reader);
void ehr_reader_cancel(struct ps_reader *reader);
void ehr_reader_close(struct ps_reader *reader);

#endif
