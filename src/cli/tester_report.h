/*
 * What a run of the tester says: events as they come, the table of operations and the verdict for
 * people, the result document for machines (docs/tester.md).
 */
#ifndef PS_CLI_TESTER_REPORT_H
#define PS_CLI_TESTER_REPORT_H

#include "cli/output.h"
#include "tester/tester.h"

struct tester_report {
    struct output *out;
    bool json, strict;
    const char *warehouse, *schema, *folder;
    const char *const *notes; /* warnings about the configuration */
    size_t notes_count;
};

void tester_report_event(const struct tester_report *report, const struct ps_tester_event *event);

/* The end: table and verdict, or the document. */
void tester_report_end(const struct tester_report *report, const struct ps_tester_result *result,
                       enum ps_status status, const struct ps_error *err);

/* The document of a run that never began: a struct command's `fail`. */
void tester_report_failed(struct output *out, const struct ps_error *err);

#endif
