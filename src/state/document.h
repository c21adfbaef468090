/*
 * What the files that read and write the document share: how a damaged one is refused, and the form
 * of a load or a window under way.
 */
#ifndef PS_STATE_DOCUMENT_H
#define PS_STATE_DOCUMENT_H

#include "base/json.h"
#include "state/state.h"

/* What is read, for messages: the document's name, and the table in it (0: none). */
struct reading {
    const char *where; /* NULL: the platform's */
    size_t table;      /* counted from 1 */
    struct ps_state *state;
};

/* CONFIG, class data: the document is damaged, and so. */
enum ps_status reading_damaged(const struct reading *reading, const char *what,
                               struct ps_error *err);
/* Not there, or null. */
bool reading_is_absent(const struct ps_json *member);
enum ps_type reading_type(const char *name);

/* load_document.c */
enum ps_status load_read(const struct reading *reading, const struct ps_json *object,
                         struct ps_table_state *table, struct ps_error *err) PS_MUST_CHECK;
/* The window of a table without a load. */
enum ps_status window_read(const struct reading *reading, const struct ps_json *object,
                           struct ps_table_state *table, struct ps_error *err) PS_MUST_CHECK;
enum ps_status load_put(struct ps_json_writer *writer, const struct ps_table_state *table,
                        struct ps_error *err) PS_MUST_CHECK;
enum ps_status window_put(struct ps_json_writer *writer, const struct ps_table_state *table,
                          struct ps_error *err) PS_MUST_CHECK;

/* state_write.c. False: the value could not be read again, and must never be written. */
bool scalar_reads_back(const struct ps_scalar *value, const char *text, size_t size);

#endif
