/*
 * The source's own struct, and the members of its table of functions that live in other files than
 * source.c.
 */
#ifndef PS_SOURCES_POSTGRESQL_SOURCE_H
#define PS_SOURCES_POSTGRESQL_SOURCE_H

#include "penstock/source.h"
#include "sources/postgresql/catalog.h"
#include "sources/postgresql/link.h"
#include "sources/postgresql/nodes.h"

/* One thread at a time; the link's transaction, where one is open, is the present point in time. */
struct source {
    struct ps_source base;
    const struct ps_config *config;
    const char *const *tables, *const *exclude_tables; /* the request's */
    struct link_settings settings;
    struct link link;
    struct catalog *catalog;         /* NULL until it is first asked for */
    struct ps_buffer scope;          /* the oids of the schemas in `catalog` */
    struct ps_buffer missing;        /* patterns of `schema` that named no schema */
    struct ps_buffer snapshot, mark; /* of the present point in time, once they were asked for */
    struct ps_buffer reason;         /* why the horizon is not known */
    struct nodes nodes;              /* of YugabyteDB, once they were asked */
    int64_t hold_since_ns;           /* since when a table is waited for; 0: none is */
    bool pinned;  /* by pin: not to be replaced by another point without being asked */
    bool reading; /* a savepoint is open, and maybe a COPY */
};

/* True where the configuration asks for the table: what is not asked for is not spoken of. */
bool source_means(const struct source *source, const struct ps_table *table);

/* Takes a point in time where none was; RETRY where there was one and its connection is lost. */
enum ps_status source_need_transaction(struct source *source, struct ps_error *err) PS_MUST_CHECK;

/*
 * Behind views and foreign tables, which may be partitions and children too, stand rights,
 * functions and servers of others: what fails there leaves out this table alone (DATA). A session
 * of ours that is lost, a lock, a time limit and a node of the cluster that cannot be reached stay
 * what they are. has_parts: other tables are read under its name. Gives the status, as `err` then
 * has it.
 */
enum ps_status source_blame_table(const struct source *source, const struct ps_table *table,
                                  bool has_parts, enum ps_status status,
                                  struct ps_error *err) PS_MUST_CHECK;

/* options.c */
extern const struct ps_option source_options_postgresql[], source_options_yugabytedb[];

/* now.c */
enum ps_status source_now(struct ps_source *base, struct ps_now *ret_now, struct ps_error *err);

/* tables.c */
enum ps_status source_list_tables(struct ps_source *base, struct ps_table_list *list,
                                  struct ps_error *err);
enum ps_status source_describe(struct ps_source *base, struct ps_arena *arena,
                               struct ps_table *table, struct ps_error *err);
/* Reads the catalog of the scope into source->catalog over a link in a transaction. */
enum ps_status source_read_tables(struct source *source, struct link *link,
                                  struct ps_error *err) PS_MUST_CHECK;

/* count.c */
enum ps_status source_count(struct ps_source *base, const struct ps_count_request *request,
                            int64_t *ret_rows, struct ps_error *err);

/* execute.c */
enum ps_status source_execute(struct ps_source *base, const struct ps_table *table, const char *sql,
                              int64_t *ret_rows, struct ps_error *err);

/* tests.c */
extern const struct ps_test source_tests[];
enum ps_status source_test(const struct ps_source_request *request, const char *name,
                           struct ps_error *err);

/* hold.c */
enum ps_status source_hold(struct ps_source *base, const struct ps_table *table,
                           struct ps_error *err);
enum ps_status source_mark(struct ps_source *base, const char **ret_mark, struct ps_error *err);
/*
 * A TRUNCATE or a rewrite that was committed after the point in time was taken makes the table
 * look empty in it, without an error: SCHEMA. The result is query_rewritten's.
 */
enum ps_status source_check_rewritten(const struct source *source, const struct ps_table *table,
                                      const PGresult *result, bool *ret_has_parts,
                                      struct ps_error *err) PS_MUST_CHECK;

/* reader.c */
enum ps_status source_reader_open(struct ps_source *base, const struct ps_read_request *request,
                                  struct ps_reader **ret_reader, struct ps_error *err);
enum ps_status source_reader_next(struct ps_reader *base, struct ps_batch *batch,
                                  struct ps_error *err);
const char *source_reader_position(struct ps_reader *base);
void source_reader_cancel(struct ps_reader *base);
void source_reader_close(struct ps_reader *base);

#endif
