/*
 * The conformance suite of sources: what include/penstock/source.h promises, tried on one source.
 * What a source cannot do is declared in its `struct contract_source`, not left out by hand.
 */
#ifndef TESTS_CONTRACT_SOURCES_SUITE_H
#define TESTS_CONTRACT_SOURCES_SUITE_H

#include "penstock/source.h"

/* What to write, for a source with counters: a row to each table that has one. */
enum contract_write {
    CONTRACT_WRITE_ALONE,  /* in a transaction that is over at once */
    CONTRACT_WRITE_OPEN,   /* in one that stays open … */
    CONTRACT_WRITE_COMMIT, /* … until now */
};

struct contract_source {
    const struct ps_source_ops *ops;
    const struct ps_config *config;
    uint64_t syncs_completed;
    /* The tables to read, "name" or "schema.name"; NULL-terminated. NULL: all that are listed.
     * Each should hold some hundred rows, so that there is something to cut, and at most some ten
     * thousand. Nothing but `write` writes to them while the suite runs. */
    const char *const *tables;
    /* The source's allocations go through base/alloc.h alone, so that each can be made to fail. */
    bool torture;
    /* An exact count is the number of rows that a read gives. */
    bool counts_rows;
    /* Columns may be UNSPECIFIED. */
    bool untyped;
    /* Needed where a column is a counter. */
    void (*write)(void *context, enum contract_write what);
    void *write_context;
};

/* Runs all tests; the number that failed. */
int contract_source_run(const char *name, const struct contract_source *contract);

#endif
