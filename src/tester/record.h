/*
 * Records: from the wire's bytes to rows of open batches, with the contract checked on the way.
 */
#ifndef PS_TESTER_RECORD_H
#define PS_TESTER_RECORD_H

#include "tester/backlog.h"
#include "tester/slots.h"

struct records {
    struct roster *roster;
    struct slots *slots;
    uint64_t number;   /* of records read so far */
    uint64_t homeless; /* records skipped because they name no table, or none that can be */
    uint64_t reading;  /* marks the cells of the record being read */
    struct backlog backlog;
    bool row_data_waits; /* a record of the backlog has its values in row_data */
    uint32_t *wanted;    /* columns of an UPDATE or DELETE */
    uint32_t wanted_capacity;
};

void records_done(struct records *records);

/* Takes one Record. DATA: its bytes are none. */
enum ps_status record_take(struct records *records, const uint8_t *bytes, size_t size,
                           struct ps_error *err) PS_MUST_CHECK;

/* Which table a record or another operation speaks of. */
struct record_address {
    bool has_schema;
    struct wire_name schema, name;
};
/* The table, made where it is missing, with the checks of names; *ret_table stays NULL where there
 * is no name to go by. */
enum ps_status record_table(struct roster *roster, const struct record_address *address,
                            struct tester_table **ret_table, struct ps_error *err) PS_MUST_CHECK;

/*
 * An operation of its own that soft-deletes the rows there were before it; `deferred`: only when
 * the sync has succeeded (records_end), and only those that nothing was written to since.
 */
enum ps_status record_truncate(struct records *records, const struct record_address *address,
                               bool deferred, struct ps_error *err) PS_MUST_CHECK;
/*
 * Takes the records that wait for their table's new columns. To be called before anything that
 * counts on all records having been taken.
 */
enum ps_status records_release(struct records *records, struct ps_error *err) PS_MUST_CHECK;
/* All was committed: tables can change again without waiting. */
void records_committed(struct records *records);
/* The sync has succeeded: truncates that were deferred are made true. */
enum ps_status records_end(struct records *records, struct ps_error *err) PS_MUST_CHECK;

#endif
