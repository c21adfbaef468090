/*
 * libduckdb, loaded when a command needs it: the functions of its documented C API that are in use,
 * as a struct of pointers. DuckDB gives no header with the library, so the few types and numbers we
 * need are declared here. Not for: what we make of them (statement.h, feed.h).
 */
#ifndef PS_SINKS_DUCKDB_LIBRARY_H
#define PS_SINKS_DUCKDB_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "penstock/error.h"

/* DuckDB's handles are pointers to structs of its own. */
struct duck_api_database;
struct duck_api_connection;
struct duck_api_config;
struct duck_api_prepared;
struct duck_api_pending;
struct duck_api_type;
struct duck_api_chunk;
struct duck_api_vector;
struct duck_api_appender;
struct duck_api_error_data;
struct duck_api_table_function;
struct duck_api_info; /* of a table function's bind, init or call */

/* duckdb_result: six words, all but the last deprecated; passed by value to fetch_chunk. */
struct duck_api_result {
    uint64_t deprecated[3];
    void *deprecated_columns;
    char *deprecated_message;
    void *internal;
};

/* duckdb_string_t: up to 12 bytes inside, else a prefix and a pointer. */
#define DUCK_STRING_INLINE 12u
struct duck_api_string {
    uint32_t size;
    union {
        char inlined[DUCK_STRING_INLINE];
        struct {
            char prefix[4];
            const char *bytes;
        } __attribute__((packed)) pointer; /* else the union begins at 8, not at 4 */
    } value;
};
_Static_assert(sizeof(struct duck_api_string) == 16, "as DuckDB lays it out");

/* Rows in a full vector. */
#define DUCK_VECTOR_ROWS 2048u

/* duckdb_type, as far as it is used. */
enum duck_api_type_id {
    DUCK_API_BOOLEAN = 1,
    DUCK_API_SMALLINT = 3,
    DUCK_API_INTEGER = 4,
    DUCK_API_BIGINT = 5,
    DUCK_API_FLOAT = 10,
    DUCK_API_DOUBLE = 11,
    DUCK_API_TIMESTAMP = 12,
    DUCK_API_DATE = 13,
    DUCK_API_VARCHAR = 17,
    DUCK_API_BLOB = 18,
    DUCK_API_DECIMAL = 19,
    DUCK_API_TIMESTAMP_TZ = 31,
};

/* duckdb_pending_state, as far as it is used. */
enum duck_api_pending_state {
    DUCK_API_PENDING_NOT_READY = 1,
    DUCK_API_PENDING_ERROR = 2,
    DUCK_API_PENDING_NO_TASKS = 3,
};

/* duckdb_error_type, as far as it is used. */
enum duck_api_error {
    DUCK_API_ERROR_UNTOLD = 0, /* where there is but a text */
    DUCK_API_ERROR_TRANSACTION = 10,
    DUCK_API_ERROR_CATALOG = 13,
    DUCK_API_ERROR_PARSER = 14,
    DUCK_API_ERROR_SYNTAX = 22,
    DUCK_API_ERROR_BINDER = 24,
    DUCK_API_ERROR_IO = 28,
    DUCK_API_ERROR_INTERRUPT = 29,
    DUCK_API_ERROR_FATAL = 30,
    DUCK_API_ERROR_INTERNAL = 31,
    DUCK_API_ERROR_OUT_OF_MEMORY = 33,
    DUCK_API_ERROR_PERMISSION = 34,
    DUCK_API_ERROR_DEPENDENCY = 37,
};

/* X(result, name without "duckdb_", arguments). Functions that can fail give 0 for success. */
#define DUCK_API_FUNCTIONS(X)                                                                      \
    X(const char *, library_version, (void))                                                       \
    X(int, create_config, (struct duck_api_config * *ret_config))                                  \
    X(int, set_config, (struct duck_api_config * config, const char *name, const char *value))     \
    X(void, destroy_config, (struct duck_api_config * *config))                                    \
    X(int, open_ext,                                                                               \
      (const char *path, struct duck_api_database **ret_database, struct duck_api_config *config,  \
       char **ret_error))                                                                          \
    X(void, close, (struct duck_api_database * *database))                                         \
    X(int, connect,                                                                                \
      (struct duck_api_database * database, struct duck_api_connection * *ret_connection))         \
    X(void, disconnect, (struct duck_api_connection * *connection))                                \
    X(void, interrupt, (struct duck_api_connection * connection))                                  \
    X(void, free, (void *memory))                                                                  \
    X(int, query,                                                                                  \
      (struct duck_api_connection * connection, const char *sql,                                   \
       struct duck_api_result *ret_result))                                                        \
    X(void, destroy_result, (struct duck_api_result * result))                                     \
    X(const char *, result_error, (struct duck_api_result * result))                               \
    X(int, result_error_type, (struct duck_api_result * result))                                   \
    X(uint64_t, rows_changed, (struct duck_api_result * result))                                   \
    X(uint64_t, column_count, (struct duck_api_result * result))                                   \
    X(const char *, column_name, (struct duck_api_result * result, uint64_t column))               \
    X(struct duck_api_type *, column_logical_type,                                                 \
      (struct duck_api_result * result, uint64_t column))                                          \
    X(struct duck_api_chunk *, fetch_chunk, (struct duck_api_result result))                       \
    X(int, prepare,                                                                                \
      (struct duck_api_connection * connection, const char *sql,                                   \
       struct duck_api_prepared **ret_prepared))                                                   \
    X(void, destroy_prepare, (struct duck_api_prepared * *prepared))                               \
    X(const char *, prepare_error, (struct duck_api_prepared * prepared))                          \
    X(int, bind_int64, (struct duck_api_prepared * prepared, uint64_t index, int64_t value))       \
    X(int, bind_varchar_length,                                                                    \
      (struct duck_api_prepared * prepared, uint64_t index, const char *text, uint64_t size))      \
    X(int, execute_prepared,                                                                       \
      (struct duck_api_prepared * prepared, struct duck_api_result * ret_result))                  \
    X(int, pending_prepared,                                                                       \
      (struct duck_api_prepared * prepared, struct duck_api_pending * *ret_pending))               \
    X(int, pending_execute_task, (struct duck_api_pending * pending))                              \
    X(int, execute_pending,                                                                        \
      (struct duck_api_pending * pending, struct duck_api_result * ret_result))                    \
    X(const char *, pending_error, (struct duck_api_pending * pending))                            \
    X(void, destroy_pending, (struct duck_api_pending * *pending))                                 \
    X(struct duck_api_type *, create_logical_type, (int type_id))                                  \
    X(struct duck_api_type *, create_decimal_type, (uint8_t width, uint8_t scale))                 \
    X(void, logical_type_set_alias, (struct duck_api_type * type, const char *alias))              \
    X(char *, logical_type_get_alias, (struct duck_api_type * type))                               \
    X(int, get_type_id, (struct duck_api_type * type))                                             \
    X(uint8_t, decimal_width, (struct duck_api_type * type))                                       \
    X(uint8_t, decimal_scale, (struct duck_api_type * type))                                       \
    X(void, destroy_logical_type, (struct duck_api_type * *type))                                  \
    X(struct duck_api_table_function *, create_table_function, (void))                             \
    X(void, destroy_table_function, (struct duck_api_table_function * *function))                  \
    X(void, table_function_set_name,                                                               \
      (struct duck_api_table_function * function, const char *name))                               \
    X(void, table_function_set_extra_info,                                                         \
      (struct duck_api_table_function * function, void *extra, void (*destroy)(void *)))           \
    X(void, table_function_set_bind,                                                               \
      (struct duck_api_table_function * function, void (*bind)(struct duck_api_info *)))           \
    X(void, table_function_set_init,                                                               \
      (struct duck_api_table_function * function, void (*init)(struct duck_api_info *)))           \
    X(void, table_function_set_local_init,                                                         \
      (struct duck_api_table_function * function, void (*init)(struct duck_api_info *)))           \
    X(void, table_function_set_function,                                                           \
      (struct duck_api_table_function * function,                                                  \
       void (*call)(struct duck_api_info *, struct duck_api_chunk *)))                             \
    X(int, register_table_function,                                                                \
      (struct duck_api_connection * connection, struct duck_api_table_function * function))        \
    X(void *, bind_get_extra_info, (struct duck_api_info * info))                                  \
    X(void, bind_add_result_column,                                                                \
      (struct duck_api_info * info, const char *name, struct duck_api_type *type))                 \
    X(void, bind_set_error, (struct duck_api_info * info, const char *message))                    \
    X(void *, init_get_extra_info, (struct duck_api_info * info))                                  \
    X(void, init_set_init_data,                                                                    \
      (struct duck_api_info * info, void *data, void (*destroy)(void *)))                          \
    X(void, init_set_max_threads, (struct duck_api_info * info, uint64_t threads))                 \
    X(void, init_set_error, (struct duck_api_info * info, const char *message))                    \
    X(void *, function_get_extra_info, (struct duck_api_info * info))                              \
    X(void *, function_get_local_init_data, (struct duck_api_info * info))                         \
    X(void, function_set_error, (struct duck_api_info * info, const char *message))                \
    X(struct duck_api_chunk *, create_data_chunk,                                                  \
      (struct duck_api_type * *types, uint64_t columns))                                           \
    X(int, appender_create_ext,                                                                    \
      (struct duck_api_connection * connection, const char *catalog, const char *schema,           \
       const char *table, struct duck_api_appender **ret_appender))                                \
    X(int, append_data_chunk,                                                                      \
      (struct duck_api_appender * appender, struct duck_api_chunk * chunk))                        \
    X(int, appender_close, (struct duck_api_appender * appender))                                  \
    X(struct duck_api_error_data *, appender_error_data, (struct duck_api_appender * appender))    \
    X(int, error_data_error_type, (struct duck_api_error_data * error))                            \
    X(const char *, error_data_message, (struct duck_api_error_data * error))                      \
    X(void, destroy_error_data, (struct duck_api_error_data * *error))                             \
    X(int, appender_destroy, (struct duck_api_appender * *appender))                               \
    X(uint64_t, data_chunk_get_size, (struct duck_api_chunk * chunk))                              \
    X(uint64_t, data_chunk_get_column_count, (struct duck_api_chunk * chunk))                      \
    X(void, data_chunk_set_size, (struct duck_api_chunk * chunk, uint64_t rows))                   \
    X(struct duck_api_vector *, data_chunk_get_vector,                                             \
      (struct duck_api_chunk * chunk, uint64_t column))                                            \
    X(void, destroy_data_chunk, (struct duck_api_chunk * *chunk))                                  \
    X(void *, vector_get_data, (struct duck_api_vector * vector))                                  \
    X(uint64_t *, vector_get_validity, (struct duck_api_vector * vector))                          \
    X(void, vector_ensure_validity_writable, (struct duck_api_vector * vector))

struct duck_library {
#define DUCK_API_MEMBER(result, name, arguments) result(*name) arguments;
    DUCK_API_FUNCTIONS(DUCK_API_MEMBER)
#undef DUCK_API_MEMBER
};

/* False: the vector's row is NULL. */
static inline bool duck_vector_is_valid(const struct duck_library *library,
                                        struct duck_api_vector *vector, uint64_t row)
{
    const uint64_t *validity = library->vector_get_validity(vector);
    return validity == NULL || (validity[row / 64] >> (row % 64) & 1u) != 0;
}

/*
 * The library, loaded at the first call and kept for the life of the process (its threads and its
 * thread-local data do not survive being unloaded). Looks at $PENSTOCK_DUCKDB, beside the
 * executable, then where the loader looks. CONFIG: it was not found (says where it looked and how
 * to get it), or it lacks a function. Thread-safe.
 */
enum ps_status duck_library_get(const struct duck_library **ret_library,
                                struct ps_error *err) PS_MUST_CHECK;

#endif
