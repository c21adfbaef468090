/*
 * Statements and their errors.
 */
#include "sinks/duckdb/statement.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How an error of a kind is answered. */
struct kind {
    int error_type;
    const char *name; /* with which DuckDB's text begins */
    enum ps_status status;
    enum ps_error_class error_class;
    bool text_is_safe; /* names and paths at most, never a value of a row */
    const char *advice;
};

static const struct kind kinds[] = {
    {DUCK_API_ERROR_IO, "IO Error", PS_CONFIG, PS_CLASS_DISK, true, ""},
    {DUCK_API_ERROR_PERMISSION, "Permission Error", PS_CONFIG, PS_CLASS_DISK, true, ""},
    {DUCK_API_ERROR_OUT_OF_MEMORY, "Out of Memory Error", PS_NOMEM, PS_CLASS_NONE, true, ""},
    {DUCK_API_ERROR_CATALOG, "Catalog Error", PS_CONFIG, PS_CLASS_SCHEMA, true,
     " (was the table changed by hand in the warehouse?)"},
    {DUCK_API_ERROR_BINDER, "Binder Error", PS_CONFIG, PS_CLASS_SCHEMA, true,
     " (was the table changed by hand in the warehouse?)"},
    {DUCK_API_ERROR_DEPENDENCY, "Dependency Error", PS_CONFIG, PS_CLASS_SCHEMA, true,
     " (drop what was made on the table by hand, an index for example)"},
    /* With one connection nothing can stand in a transaction's way but the files. */
    {DUCK_API_ERROR_TRANSACTION, "TransactionContext Error", PS_CONFIG, PS_CLASS_DISK, true, ""},
    {DUCK_API_ERROR_INTERRUPT, "INTERRUPT Error", PS_CANCELED, PS_CLASS_NONE, true, ""},
    {DUCK_API_ERROR_PARSER, "Parser Error", PS_BUG, PS_CLASS_NONE, true, ""},
    {DUCK_API_ERROR_SYNTAX, "Syntax Error", PS_BUG, PS_CLASS_NONE, true, ""},
    {DUCK_API_ERROR_FATAL, "FATAL Error", PS_BUG, PS_CLASS_NONE, false, ""},
    {DUCK_API_ERROR_INTERNAL, "INTERNAL Error", PS_BUG, PS_CLASS_NONE, false, ""},
};

/* Conversion, constraint, range and the like: their texts quote values. */
static const struct kind other_kind = {-1, "", PS_DATA, PS_CLASS_DATA, false, ""};

static int first_line(const char *text)
{
    size_t length = strcspn(text, "\r\n");
    return length > 600 ? 600 : (int)length;
}

/*
 * What DuckDB says of a file, also where it stands inside another error, whose own text is
 * withheld. It begins in one of these ways, and names a file and the system's reason.
 */
static const char *file_trouble(const char *text)
{
    static const char *const starts[] = {"IO Error: Could not ", "IO Error: Cannot ",
                                         "IO Error: Failed to ",
                                         "Failed to commit: Could not write file "};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        const char *found = strstr(text, starts[i]);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

enum ps_status duck_statement_fail(const char *what, int error_type, const char *text,
                                   struct ps_error *err)
{
    const struct kind *kind = &other_kind;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        bool named = text != NULL && strncmp(text, kinds[i].name, strlen(kinds[i].name)) == 0;
        if (kinds[i].error_type == error_type || (error_type == DUCK_API_ERROR_UNTOLD && named)) {
            kind = &kinds[i];
        }
    }
    const char *trouble = text != NULL ? file_trouble(text) : NULL;
    if (trouble != NULL) {
        (void)ps_fail(err, PS_CONFIG, PS_CLASS_DISK, "%s: %.*s", what, first_line(trouble),
                      trouble);
        if (err != NULL && strstr(trouble, "No space left on device") != NULL) {
            err->vendor_code = ENOSPC;
        }
        return PS_CONFIG;
    }
    if (text == NULL || text[0] == '\0') {
        return ps_fail(err, kind->status, kind->error_class, "%s: DuckDB gives no reason", what);
    }
    if (kind->text_is_safe) {
        return ps_fail(err, kind->status, kind->error_class, "%s: %.*s%s", what, first_line(text),
                       text, kind->advice);
    }
    /* "Conversion Error: …": the kind alone. */
    const char *colon = strstr(text, "rror:");
    int length = colon != NULL && colon - text < 60 ? (int)(colon - text) + 4 : 0;
    return ps_fail(err, kind->status, kind->error_class,
                   "%s: DuckDB answered %.*s (its text is withheld: it may show values of rows)",
                   what, length != 0 ? length : 5, length != 0 ? text : "error");
}

enum ps_status duck_statement_run(const struct duck_session *session, const char *what,
                                  const char *sql, int64_t *ret_changed, struct ps_error *err)
{
    const struct duck_library *library = session->library;
    struct duck_api_result result = {0};
    enum ps_status status = PS_OK;
    if (library->query(session->connection, sql, &result) != 0) {
        status = duck_statement_fail(what, library->result_error_type(&result),
                                     library->result_error(&result), err);
    } else if (ret_changed != NULL) {
        *ret_changed = (int64_t)library->rows_changed(&result);
    }
    library->destroy_result(&result);
    return status;
}

enum ps_status duck_statement_run_shared(const struct duck_session *session, const char *what,
                                         const char *sql, void (*idle)(void *context),
                                         void *context, struct ps_error *err)
{
    const struct duck_library *library = session->library;
    struct duck_api_prepared *prepared = NULL;
    struct duck_api_pending *pending = NULL;
    struct duck_api_result result = {0};
    enum ps_status status = PS_OK;
    int failed = library->prepare(session->connection, sql, &prepared);
    if (failed) {
        status =
            duck_statement_fail(what, DUCK_API_ERROR_BINDER, library->prepare_error(prepared), err);
        goto out;
    }
    failed = library->pending_prepared(prepared, &pending);
    int state = failed ? DUCK_API_PENDING_ERROR : DUCK_API_PENDING_NOT_READY;
    while (state == DUCK_API_PENDING_NOT_READY || state == DUCK_API_PENDING_NO_TASKS) {
        state = library->pending_execute_task(pending);
        if (state == DUCK_API_PENDING_NO_TASKS) {
            idle(context);
        }
    }
    if (state == DUCK_API_PENDING_ERROR) {
        status =
            duck_statement_fail(what, DUCK_API_ERROR_UNTOLD, library->pending_error(pending), err);
    } else if (library->execute_pending(pending, &result) != 0) {
        status = duck_statement_fail(what, library->result_error_type(&result),
                                     library->result_error(&result), err);
    }
out:
    library->destroy_result(&result);
    library->destroy_pending(&pending);
    library->destroy_prepare(&prepared);
    return status;
}

enum ps_status duck_statement_run_buffer(const struct duck_session *session, const char *what,
                                         struct ps_buffer *sql, int64_t *ret_changed,
                                         struct ps_error *err)
{
    enum ps_status status = ps_buffer_ok(sql)
                                ? duck_statement_run(session, what, sql->data, ret_changed, err)
                                : ps_fail_nomem(err, what);
    ps_buffer_clear(sql);
    return status;
}

enum ps_status duck_statement_query(const struct duck_session *session, const char *what,
                                    struct ps_buffer *sql, struct duck_reader reader,
                                    struct ps_error *err)
{
    const struct duck_library *library = session->library;
    if (!ps_buffer_ok(sql)) {
        ps_buffer_clear(sql);
        return ps_fail_nomem(err, what);
    }
    struct duck_api_result result = {0};
    enum ps_status status = PS_OK;
    if (library->query(session->connection, ps_buffer_text(sql), &result) != 0) {
        status = duck_statement_fail(what, library->result_error_type(&result),
                                     library->result_error(&result), err);
    } else {
        status = PS_END;
        bool more = true;
        while (more) {
            struct duck_api_chunk *chunk = library->fetch_chunk(result);
            more = chunk != NULL && library->data_chunk_get_size(chunk) != 0;
            if (more) {
                reader.read(library, chunk, reader.context);
                status = PS_OK;
            }
            library->destroy_data_chunk(&chunk);
            more = more && reader.all;
        }
    }
    library->destroy_result(&result);
    ps_buffer_clear(sql);
    return status;
}

struct integers {
    int64_t *values;
    size_t count;
};

static void read_integers(const struct duck_library *library, struct duck_api_chunk *chunk,
                          void *context)
{
    struct integers *integers = context;
    for (size_t i = 0; i < integers->count; i++) {
        struct duck_api_vector *vector = library->data_chunk_get_vector(chunk, i);
        integers->values[i] = duck_vector_is_valid(library, vector, 0)
                                  ? *(const int64_t *)library->vector_get_data(vector)
                                  : 0;
    }
}

enum ps_status duck_statement_integers(const struct duck_session *session, const char *what,
                                       struct ps_buffer *sql, int64_t *ret_values, size_t count,
                                       struct ps_error *err)
{
    struct integers integers = {ret_values, count};
    return duck_statement_query(session, what, sql,
                                (struct duck_reader){read_integers, &integers, false}, err);
}

static void put_text(const struct duck_library *library, struct duck_api_vector *vector,
                     uint64_t row, struct ps_buffer *texts)
{
    if (duck_vector_is_valid(library, vector, row)) {
        const struct duck_api_string *strings = library->vector_get_data(vector);
        const struct duck_api_string *string = &strings[row];
        ps_buffer_append(texts,
                         string->size <= DUCK_STRING_INLINE ? string->value.inlined
                                                            : string->value.pointer.bytes,
                         string->size);
    }
    ps_buffer_putc(texts, '\0');
}

static void read_first_texts(const struct duck_library *library, struct duck_api_chunk *chunk,
                             void *context)
{
    uint64_t columns = library->data_chunk_get_column_count(chunk);
    for (uint64_t i = 0; i < columns; i++) {
        put_text(library, library->data_chunk_get_vector(chunk, i), 0, context);
    }
}

static void read_all_texts(const struct duck_library *library, struct duck_api_chunk *chunk,
                           void *context)
{
    uint64_t columns = library->data_chunk_get_column_count(chunk);
    uint64_t rows = library->data_chunk_get_size(chunk);
    for (uint64_t row = 0; row < rows; row++) {
        for (uint64_t i = 0; i < columns; i++) {
            put_text(library, library->data_chunk_get_vector(chunk, i), row, context);
        }
    }
}

enum ps_status duck_statement_texts(const struct duck_session *session, const char *what,
                                    struct ps_buffer *sql, struct ps_buffer *ret_texts,
                                    struct ps_error *err)
{
    const struct duck_reader reader = {read_first_texts, ret_texts, false};
    enum ps_status status = duck_statement_query(session, what, sql, reader, err);
    if (status == PS_OK && !ps_buffer_ok(ret_texts)) {
        return ps_fail_nomem(err, what);
    }
    return status;
}

enum ps_status duck_statement_all_texts(const struct duck_session *session, const char *what,
                                        struct ps_buffer *sql, struct ps_buffer *ret_texts,
                                        struct ps_error *err)
{
    const struct duck_reader reader = {read_all_texts, ret_texts, true};
    enum ps_status status = duck_statement_query(session, what, sql, reader, err);
    if (status != PS_OK && status != PS_END) {
        return status;
    }
    return ps_buffer_ok(ret_texts) ? PS_OK : ps_fail_nomem(err, what);
}
