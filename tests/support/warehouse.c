/*
 * The tests' own eyes on a warehouse.
 */
#include "support/warehouse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "penstock/batch.h"
#include "sinks/duckdb/library.h"
#include "sinks/duckdb/names.h"
#include "sinks/duckdb/types.h"
#include "support/fake_sink.h"

struct eyes {
    const struct duck_library *library;
    struct duck_api_database *database;
    struct duck_api_connection *connection;
};

static struct eyes eyes_open(const char *path)
{
    struct eyes eyes = {0};
    struct ps_error err = {0};
    char *reason = NULL;
    if (duck_library_get(&eyes.library, &err) != PS_OK ||
        eyes.library->open_ext(path, &eyes.database, NULL, &reason) != 0 ||
        eyes.library->connect(eyes.database, &eyes.connection) != 0) {
        fprintf(stderr, "reading %s: %s%s\n", path, err.message, reason != NULL ? reason : "");
        abort();
    }
    return eyes;
}

static void eyes_close(struct eyes *eyes)
{
    eyes->library->disconnect(&eyes->connection);
    eyes->library->close(&eyes->database);
}

static void put_bytes(struct ps_buffer *out, const struct duck_api_string *string, bool binary)
{
    const char *bytes =
        string->size <= DUCK_STRING_INLINE ? string->value.inlined : string->value.pointer.bytes;
    for (uint32_t i = 0; i < string->size; i++) {
        if (binary) {
            ps_buffer_printf(out, "%02x", (unsigned char)bytes[i]);
        } else {
            ps_buffer_putc(out, bytes[i]);
        }
    }
}

static ps_int128 decimal_at(const void *data, uint8_t precision, uint64_t row)
{
    if (precision <= 4) {
        return ((const int16_t *)data)[row];
    }
    if (precision <= 9) {
        return ((const int32_t *)data)[row];
    }
    if (precision <= 18) {
        return ((const int64_t *)data)[row];
    }
    ps_int128 value = 0;
    memcpy(&value, (const char *)data + row * sizeof value, sizeof value);
    return value;
}

/* One value; fixed-width ones by way of a vector of one row, so that both sinks' texts are made by
 * the same code. */
static void put_value(struct ps_buffer *out, struct duck_type type, const void *data, uint64_t row)
{
    _Alignas(16) unsigned char cell[16] = {0};
    struct ps_vector vector = {.type = type.type, .scale = type.scale, .values = cell};
    if (ps_type_is_variable(type.type)) {
        put_bytes(out, (const struct duck_api_string *)data + row, type.type == PS_TYPE_BINARY);
        return;
    }
    switch (type.type) {
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME: {
        int64_t micros = ((const int64_t *)data)[row];
        int64_t seconds = micros / 1000000 - (micros % 1000000 < 0 ? 1 : 0);
        struct ps_timestamp time = {seconds, (int32_t)(micros - seconds * 1000000) * 1000};
        memcpy(cell, &time, sizeof time);
        break;
    }
    case PS_TYPE_DECIMAL: {
        ps_int128 value = decimal_at(data, type.precision, row);
        memcpy(cell, &value, sizeof value);
        break;
    }
    default: {
        static const size_t widths[PS_TYPES] = {
            [PS_TYPE_BOOLEAN] = 1,    [PS_TYPE_SHORT] = 2, [PS_TYPE_INT] = 4,
            [PS_TYPE_LONG] = 8,       [PS_TYPE_FLOAT] = 4, [PS_TYPE_DOUBLE] = 8,
            [PS_TYPE_NAIVE_DATE] = 4,
        };
        size_t width = widths[type.type];
        memcpy(cell, (const char *)data + row * width, width);
    }
    }
    fake_sink_value(out, &vector, 0);
}

static void put_row(struct ps_buffer *out, const struct duck_library *library,
                    struct duck_api_chunk *chunk, const struct duck_type *types, uint64_t row)
{
    uint64_t columns = library->data_chunk_get_column_count(chunk);
    for (uint64_t c = 0; c < columns; c++) {
        struct duck_api_vector *vector = library->data_chunk_get_vector(chunk, c);
        const uint64_t *validity = library->vector_get_validity(vector);
        ps_buffer_puts(out, c == 0 ? "" : "|");
        if (validity != NULL && (validity[row / 64] >> (row % 64) & 1) == 0) {
            ps_buffer_putc(out, '~');
        } else {
            put_value(out, types[c], library->vector_get_data(vector), row);
        }
    }
    ps_buffer_putc(out, '\n');
}

/* NULL where the query fails. */
static char *query(struct eyes *eyes, const char *sql)
{
    const struct duck_library *library = eyes->library;
    struct duck_api_result result = {0};
    if (library->query(eyes->connection, sql, &result) != 0) {
        fprintf(stderr, "%s: %s\n", sql, library->result_error(&result));
        library->destroy_result(&result);
        return NULL;
    }
    struct ps_buffer out;
    ps_buffer_init(&out, 0);
    ps_buffer_puts(&out, "");
    uint64_t columns = library->column_count(&result);
    struct duck_type types[64] = {0};
    for (uint64_t c = 0; c < columns && c < 64; c++) {
        struct duck_api_type *type = library->column_logical_type(&result, c);
        types[c] = duck_type_of_api(library, type);
        library->destroy_logical_type(&type);
    }
    struct duck_api_chunk *chunk = NULL;
    while ((chunk = library->fetch_chunk(result)) != NULL) {
        uint64_t rows = library->data_chunk_get_size(chunk);
        for (uint64_t row = 0; row < rows; row++) {
            put_row(&out, library, chunk, types, row);
        }
        library->destroy_data_chunk(&chunk);
    }
    library->destroy_result(&result);
    char *text = ps_strdup(ps_buffer_text(&out));
    ps_buffer_done(&out);
    return text;
}

char *warehouse_query(const char *path, const char *sql)
{
    struct eyes eyes = eyes_open(path);
    char *text = query(&eyes, sql);
    if (text == NULL) {
        abort();
    }
    eyes_close(&eyes);
    return text;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts the lines of a text and takes out the "|" before the mark of deleted rows. */
static char *sort_lines(char *text)
{
    size_t count = 0;
    for (const char *at = text; *at != '\0'; at++) {
        count += *at == '\n';
    }
    char **lines = calloc(count + 1, sizeof *lines);
    char *at = text;
    for (size_t i = 0; i < count; i++) {
        lines[i] = at;
        at = strchr(at, '\n');
        *at++ = '\0';
        char *mark = strrchr(lines[i], '|');
        memmove(mark, mark + 1, strlen(mark));
    }
    qsort(lines, count, sizeof *lines, compare_lines);
    struct ps_buffer out;
    ps_buffer_init(&out, 0);
    for (size_t i = 0; i < count; i++) {
        ps_buffer_puts(&out, lines[i]);
        ps_buffer_putc(&out, '\n');
    }
    free(lines);
    char *sorted = ps_strdup(ps_buffer_text(&out));
    ps_buffer_done(&out);
    return sorted;
}

static bool table_exists(struct eyes *eyes, const char *schema, const char *table)
{
    struct ps_buffer sql;
    ps_buffer_init(&sql, 0);
    ps_buffer_puts(&sql, "SELECT 1 FROM duckdb_tables() WHERE schema_name = ");
    duck_name_literal(&sql, schema);
    ps_buffer_puts(&sql, " AND table_name = ");
    duck_name_literal(&sql, table);
    char *found = query(eyes, sql.data);
    bool exists = found != NULL && found[0] != '\0';
    ps_free(found);
    ps_buffer_done(&sql);
    return exists;
}

char *warehouse_rows(const char *path, const char *schema, const char *table, const char *columns)
{
    struct eyes eyes = eyes_open(path);
    struct ps_buffer own;
    struct ps_buffer sql;
    ps_buffer_init(&own, 0);
    ps_buffer_init(&sql, 0);
    duck_name_schema(&own, "tester", schema);
    char *sorted = NULL;
    if (table_exists(&eyes, own.data, table)) {
        ps_buffer_puts(&sql, "SELECT ");
        for (const char *at = columns; *at != '\0';) {
            size_t size = strcspn(at, ",");
            char *name = strndup(at, size);
            duck_name_quote(&sql, name);
            free(name);
            ps_buffer_puts(&sql, ", ");
            at += size + (at[size] == ',');
        }
        ps_buffer_puts(&sql, "CASE WHEN _fivetran_deleted THEN ' deleted' ELSE '' END FROM ");
        duck_name_quote(&sql, own.data);
        ps_buffer_putc(&sql, '.');
        duck_name_quote(&sql, table);
        char *text = query(&eyes, sql.data);
        if (text == NULL) {
            abort();
        }
        sorted = sort_lines(text);
        ps_free(text);
    }
    ps_buffer_done(&own);
    ps_buffer_done(&sql);
    eyes_close(&eyes);
    return sorted;
}

const char *warehouse_path(void)
{
    static char path[256];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/penstock-test-XXXXXX", folder != NULL ? folder : "/tmp");
    if (mkdtemp(path) == NULL) {
        abort();
    }
    strcat(path, "/warehouse.db");
    return path;
}

void warehouse_remove(const char *path)
{
    static const char *const suffixes[] = {"", ".wal", ".tmp"};
    char name[512];
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        if (unlink(name) != 0) {
            (void)rmdir(name);
        }
    }
    snprintf(name, sizeof name, "%s", path);
    char *slash = strrchr(name, '/');
    *slash = '\0';
    (void)rmdir(name);
}
