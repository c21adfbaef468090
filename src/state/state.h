/*
 * The state: the one JSON document from which the next sync goes on. Its form is told in
 * docs/state-format.md. It holds no secret and no row data but cursor values.
 */
#ifndef PS_STATE_STATE_H
#define PS_STATE_STATE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "penstock/value.h"

/* A document says 3 where a window is under way in it, 2 where a load is or something was taken
 * over, else 1, so that older versions can read it. */
#define PS_STATE_VERSION 3

/* What a document is to stay below: loads are cut into fewer parts for it. */
#define PS_STATE_BYTES ((size_t)4 << 20)

/* A column whose own name is taken at the destination, and the name it has there. In byte order. */
struct ps_renamed_column {
    const char *column, *name;
    struct ps_renamed_column *next;
};

/* What a Python connector kept under a name: of one table, or of all. */
struct ps_imported {
    const char *name;
    const char *value; /* "": never, a first sync */
};

/* One part of a read. Texts are owned. */
struct ps_load_part {
    char *bounds;   /* the source's own text */
    char *position; /* where the next read of it goes on; NULL: at its beginning */
    bool finished;  /* all of it was written, or it is read with another; `position` is NULL */
};

/*
 * A full load that was begun and has not ended, or a cursor window, which has one part and is kept
 * in the document once there is a position in it. It changes with every batch, and so owns its
 * memory. What a read was begun with must be there again for it to be gone on with.
 */
struct ps_load_state {
    char *fingerprint;        /* of the columns and keys it was begun with */
    char *incarnation;        /* ps_table.incarnation then; NULL: none */
    char *mark;               /* of its first point in time (source.h); NULL: none */
    char *cursor_column;      /* NULL: none; the scalars are then not present */
    struct ps_scalar limit;   /* what the edge after the read may not pass; type and scale are the
                                 cursor's, also where it is not present */
    struct ps_scalar largest; /* the largest cursor value written so far, of that type */
    bool held;                /* ps_now.held, when it began */
    bool repeats;             /* keys may have been written twice */
    uint64_t skipped;         /* rows left out so far */
    uint64_t told;            /* of so many of them the destination was told the key */
    struct ps_load_part *parts;
    size_t parts_count;
};

/* Rows that it left out, and of which the destination was not told the key either. NULL is fine. */
static inline uint64_t ps_load_unknown_rows(const struct ps_load_state *load)
{
    return load == NULL ? 0 : load->skipped - load->told;
}

/* One table's part. Texts live in the state's arena. */
struct ps_table_state {
    const char *schema, *table;     /* as the source spells them */
    const char *mode;               /* "full", "incremental", "changes": of the last read; NULL:
                                       never read */
    const char *cursor_column;      /* NULL: none */
    struct ps_scalar cursor;        /* the next window's edge before the look-back is taken off */
    char *position;                 /* owned: where a read of changes goes on; NULL: at the first */
    const char *fingerprint;        /* of the columns and keys at the last read; NULL: never read */
    const char *incarnation;        /* ps_table.incarnation at the last load; NULL: none */
    const char *destination_schema; /* "" where it lies in the destination schema itself */
    const char *destination_table;  /* the name given to it at the destination; NULL: not yet */
    struct ps_renamed_column *renamed;   /* NULL: none */
    struct ps_renamed_column *flattened; /* "column/path" and "TYPE name" of members of JSON */
    const char *preprocessed;    /* a hash of the statement run since the last sync; NULL: none */
    bool loading;                /* a full load was begun and has not ended */
    struct ps_load_state *load;  /* owned: where that load is to go on; NULL: it begins again.
                                    Where no load was begun: a window under way; NULL: none */
    struct ps_table_state *next; /* in a state: in byte order of schema, then table */
};

struct ps_state {
    struct ps_arena *arena;         /* owned */
    const char *source;             /* the source's name; NULL in a new state */
    const char *warehouse_id;       /* NULL in a new state */
    const char *destination_schema; /* where the tables without a schema lie; NULL: not said */
    const char *position;           /* of tables that have none of their own; NULL: none */
    uint64_t number;                /* of the checkpoint that wrote it; 0 in a new state */
    uint64_t syncs_completed;
    const char *last_sync; /* when the last complete one began, where statements are run before
                              the tables; else NULL */
    char *connector;       /* owned: the state of a foreign connector, as it gave it; NULL: none */
    size_t connector_size;
    struct ps_imported *imported; /* by name; until a sync of all tables has ended well */
    size_t imported_count;
    struct ps_table_state *tables;
    size_t tables_count;
    struct ps_table_state **sorted; /* the same tables, for this folder's searches */
    size_t sorted_capacity;
};

enum ps_status ps_state_new(struct ps_state **ret_state, struct ps_error *err) PS_MUST_CHECK;
void ps_state_free(struct ps_state *state); /* NULL is fine */

/*
 * Reads a document; `where` names it in messages ("files/state.json"), NULL: the platform keeps it.
 * Empty, blank or {}: a new state; {"cursor": N}, as the Partner SDK's example connector keeps it,
 * also among others: a new state of the source `example` that goes on from there. CONFIG: damaged
 * (no JSON, the checksum does not fit; class data), not ours or a newer version's (class setting);
 * each says what it is and the way out.
 */
enum ps_status ps_state_parse(const char *json, size_t size, const char *where,
                              struct ps_state **ret_state, struct ps_error *err) PS_MUST_CHECK;

/*
 * Appends the document, with its checksum, as one line of JSON and a line break. BUG: a cursor that
 * could not be read again. NOMEM.
 */
enum ps_status ps_state_write(const struct ps_state *state, struct ps_buffer *out,
                              struct ps_error *err) PS_MUST_CHECK;

/* The entry of the state taken over from a Python connector that names the table; NULL: none does,
 * though one for all tables may count for it. */
const struct ps_imported *ps_state_imported_entry(const struct ps_state *state, const char *schema,
                                                  const char *table);

/* A table's cursor, for ps_state_imported_edge. */
struct ps_imported_cursor {
    const char *schema, *table, *column;
    enum ps_type type;
    uint8_t scale;
};
/*
 * The edge that the state taken over from a Python connector gives to a table. END: it says nothing
 * of the table, or that it was never read. CONFIG, by name: what it says does not fit the cursor's
 * type.
 */
enum ps_status ps_state_imported_edge(const struct ps_state *state,
                                      const struct ps_imported_cursor *cursor,
                                      struct ps_scalar *ret_edge,
                                      struct ps_error *err) PS_MUST_CHECK;

/* The table's part, or NULL. Cheap: a binary search. */
struct ps_table_state *ps_state_find(const struct ps_state *state, const char *schema,
                                     const char *table);
/* The table's part, made where it is missing (destination_schema "", all else NULL or 0). */
enum ps_status ps_state_table(struct ps_state *state, const char *schema, const char *table,
                              struct ps_table_state **ret_table,
                              struct ps_error *err) PS_MUST_CHECK;
/* Keeps the column's name at the destination, in place of one kept before. */
enum ps_status ps_state_rename_column(struct ps_state *state, struct ps_table_state *table,
                                      const char *column, const char *name,
                                      struct ps_error *err) PS_MUST_CHECK;
/* Keeps which column a member of a JSON column became: "column/path" and "TYPE name". */
enum ps_status ps_state_flatten_column(struct ps_state *state, struct ps_table_state *table,
                                       const char *member, const char *column,
                                       struct ps_error *err) PS_MUST_CHECK;
/* Keeps where a read of changes goes on (NULL: at the first), in place of what was kept before. */
enum ps_status ps_state_keep_position(struct ps_table_state *table, const char *position,
                                      struct ps_error *err) PS_MUST_CHECK;
/* Keeps a foreign connector's own state, in place of the one kept before: UTF-8 without U+0000. */
enum ps_status ps_state_set_connector(struct ps_state *state, const char *text, size_t size,
                                      struct ps_error *err) PS_MUST_CHECK;
/* Copies a text into the state's arena where it differs from *field (NULL is fine for both). */
enum ps_status ps_state_set_text(struct ps_state *state, const char **field, const char *text,
                                 struct ps_error *err) PS_MUST_CHECK;

/* load.c. Makes one with so many parts, all texts NULL. */
enum ps_status ps_load_new(size_t parts_count, struct ps_load_state **ret_load,
                           struct ps_error *err) PS_MUST_CHECK;
void ps_load_free(struct ps_load_state *load); /* NULL is fine */
/* Takes the load (NULL: none) in place of the table's. */
void ps_load_keep(struct ps_table_state *table, struct ps_load_state *load);
/* True where the part is read with one before it, whose bounds hold it: it has none of its own. */
bool ps_load_part_is_joined(const struct ps_load_state *load, size_t part);
/* True where the table has a window under way that can be gone on with. */
bool ps_window_under_way(const struct ps_table_state *table);
/* The bytes that the bounds of a load take in the document. */
size_t ps_load_bounds_size(const struct ps_load_state *load);

#endif
