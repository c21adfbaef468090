/*
 * Contract: readers. What they put into batches, partitions, positions, windows, cancellation and
 * memory that runs out.
 */
#include "checks.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/json.h"
#include "base/thread.h"

#define ALLOCATIONS_MAX 5000

static void check_text(const struct ps_column *column, const struct ps_vector *vector, uint32_t row)
{
    size_t size;
    const uint8_t *bytes = ps_vector_bytes(vector, row, &size);
    if (column->type != PS_TYPE_BINARY) {
        assert_true(ps_utf8_valid(bytes, size));
    }
    if (column->type == PS_TYPE_JSON && column->json_valid) {
        assert_true(ps_json_valid(bytes, size));
    }
}

static void check_decimal(const struct ps_column *column, ps_int128 value)
{
    ps_int128 limit = 1;
    for (unsigned i = 0; i < column->precision; i++) {
        limit *= 10;
    }
    assert_true(value < limit && value > -limit);
}

static void check_instant(struct ps_timestamp value)
{
    assert_true(value.seconds >= PS_TIMESTAMP_SECONDS_MIN);
    assert_true(value.seconds <= PS_TIMESTAMP_SECONDS_MAX);
    assert_in_range(value.nanos, 0, 999999999);
}

static void check_value(const struct ps_column *column, const struct ps_vector *vector,
                        uint32_t row)
{
    assert_int_equal(vector->type, column->type);
    if (!ps_vector_is_valid(vector, row)) {
        assert_true(column->nullable);
        assert_true(vector->offsets == NULL || vector->offsets[row] == vector->offsets[row + 1]);
        return;
    }
    switch (column->type) {
    case PS_TYPE_BOOLEAN:
        assert_in_range(((const uint8_t *)vector->values)[row], 0, 1);
        break;
    case PS_TYPE_DECIMAL:
        check_decimal(column, ((const ps_int128 *)vector->values)[row]);
        break;
    case PS_TYPE_NAIVE_DATE: {
        int32_t days = ((const int32_t *)vector->values)[row];
        assert_true(days >= PS_DATE_DAYS_MIN && days <= PS_DATE_DAYS_MAX);
        break;
    }
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        check_instant(((const struct ps_timestamp *)vector->values)[row]);
        break;
    case PS_TYPE_SHORT:
    case PS_TYPE_INT:
    case PS_TYPE_LONG:
    case PS_TYPE_FLOAT:
    case PS_TYPE_DOUBLE:
        break;
    default:
        check_text(column, vector, row);
        break;
    }
}

static void check_batch(const struct ps_batch *batch)
{
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        for (uint32_t row = 0; row < batch->rows; row++) {
            check_value(&batch->table->columns[batch->columns[i]], &batch->vectors[i], row);
        }
    }
}

static struct ps_reader *open_reader(struct check *check, const struct ps_read_request *request)
{
    struct ps_reader *reader = NULL;
    struct ps_error err = {0};
    check_status(check->ops->reader_open(check->source, request, &reader, &err), PS_OK, &err);
    assert_non_null(reader);
    assert_ptr_equal(reader->ops, check->ops);
    return reader;
}

static enum ps_status next(struct check *check, struct ps_reader *reader,
                           const struct ps_table *table, struct ps_batch *batch)
{
    struct ps_error err = {0};
    ps_batch_reset(batch);
    batch->table = table;
    enum ps_status status = check->ops->reader_next(reader, batch, &err);
    if (status != PS_OK && status != PS_END) {
        fail_msg("reading %s: %s", table->name, err.message);
    }
    return status;
}

void check_batches_are_bounded_and_valid(void **state)
{
    struct check *check = *state;
    static const uint32_t bounds[] = {1, 7, 1000};

    for (size_t t = 0; t < check->tables_count; t++) {
        const struct ps_table *table = check->tables[t];
        struct ps_read_request request = check_request(check, table);
        for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
            struct ps_reader *reader = open_reader(check, &request);
            struct ps_batch *batch = rows_batch(&request, bounds[b]);
            /* A batch of one row is tried a hundred times only: it is slow on a server. */
            for (int i = 0; bounds[b] > 1 || i < 100; i++) {
                enum ps_status status = next(check, reader, table, batch);
                if (status == PS_END) {
                    assert_int_equal(batch->rows, 0);
                    assert_int_equal(batch->bad_rows, 0);
                    /* And it stays at its end. */
                    assert_int_equal(next(check, reader, table, batch), PS_END);
                    break;
                }
                assert_true(batch->rows > 0 || batch->bad_rows > 0);
                assert_true(batch->rows <= bounds[b]);
                assert_true(batch->operation == PS_UPSERT ||
                            (check->ops->caps & PS_CAP_CHANGES) != 0);
                assert_true(batch->operation != PS_TRUNCATE);
                check_batch(batch);
            }
            ps_batch_free(batch);
            check->ops->reader_close(reader);
        }
    }
}

void check_the_same_read_gives_the_same_rows(void **state)
{
    struct check *check = *state;
    for (size_t t = 0; t < check->tables_count; t++) {
        struct ps_read_request request = check_request(check, check->tables[t]);
        struct row_set first = {0}, second = {0};
        check_read(check, &request, &first);
        check_read(check, &request, &second);
        assert_true(row_set_equal(&first, &second));
        row_set_done(&first);
        row_set_done(&second);
    }
}

void check_columns_are_read_in_the_order_asked(void **state)
{
    struct check *check = *state;
    for (size_t t = 0; t < check->tables_count; t++) {
        struct ps_read_request request = check_request(check, check->tables[t]);
        struct row_set forward = {0}, backward = {0};
        check_read(check, &request, &forward);

        uint32_t count = request.columns_count;
        uint32_t *reversed = ps_arena_array(check->arena, count, sizeof *reversed);
        assert_non_null(reversed);
        for (uint32_t i = 0; i < count; i++) {
            reversed[i] = count - 1 - i;
        }
        request.columns = reversed;
        check_read(check, &request, &backward);
        assert_true(row_set_equal(&forward, &backward));
        row_set_done(&forward);
        row_set_done(&backward);

        request.columns_count = 1; /* the last column alone */
        struct row_set narrow = {0};
        check_read(check, &request, &narrow);
        row_set_done(&narrow);
    }
}

void check_keys_are_there_and_unique(void **state)
{
    struct check *check = *state;
    for (size_t t = 0; t < check->tables_count; t++) {
        const struct ps_table *table = check->tables[t];
        struct ps_read_request request = check_request(check, table);
        uint32_t *keys = ps_arena_array(check->arena, table->columns_count, sizeof *keys);
        struct row_set rows = {0};

        assert_non_null(keys);
        request.columns = keys;
        request.columns_count = 0;
        for (uint32_t i = 0; i < table->columns_count; i++) {
            if (table->columns[i].key_position != 0) {
                keys[request.columns_count++] = i;
            }
        }
        if (request.columns_count == 0) {
            continue;
        }
        check_read(check, &request, &rows);
        if ((check->ops->caps & PS_CAP_KEYS_ONCE) != 0) {
            assert_int_equal(row_set_repeated(&rows), 0);
        }
        row_set_done(&rows);
    }
}

static void plan(struct check *check, const struct ps_table *table, size_t parts,
                 struct ps_partition_list *list)
{
    struct ps_error err = {0};
    *list = (struct ps_partition_list){.arena = check->arena};
    check_status(check->ops->plan(check->source, table, parts, list, &err), PS_OK, &err);
}

/* That partition and the one behind it in the list as one. False: the source does not join them. */
static bool join(const struct check *check, const struct ps_partition_list *list, size_t p,
                 struct ps_buffer *bounds)
{
    ps_buffer_init(bounds, 0);
    return check->ops->join != NULL && p + 1 < list->partitions_count &&
           check->ops->join(list->partitions[p].bounds, list->partitions[p + 1].bounds, bounds);
}

/* The partitions, neighbours joined two by two where the source can do that. */
static void read_joined(struct check *check, struct ps_read_request request,
                        const struct ps_partition_list *list, struct row_set *rows)
{
    for (size_t p = 0; p < list->partitions_count; p++) {
        struct ps_buffer bounds;
        bool joined = join(check, list, p, &bounds);
        const struct ps_partition part = {.bounds = joined ? ps_buffer_text(&bounds)
                                                           : list->partitions[p].bounds};
        request.partition = &part;
        check_read(check, &request, rows);
        ps_buffer_done(&bounds);
        p += joined;
    }
}

void check_partitions_are_the_whole_table(void **state)
{
    struct check *check = *state;
    static const size_t bounds[] = {1, 2, 7, 50};

    for (size_t t = 0; check->ops->plan != NULL && t < check->tables_count; t++) {
        struct ps_read_request request = check_request(check, check->tables[t]);
        struct row_set whole = {0};
        check_read(check, &request, &whole);
        for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
            struct ps_partition_list list;
            struct row_set parts = {0};
            plan(check, check->tables[t], bounds[b], &list);
            for (size_t p = 0; p < list.partitions_count; p++) {
                request.partition = &list.partitions[p];
                check_read(check, &request, &parts);
            }
            /* As multisets: a row in two parts would be one too many. */
            assert_true(row_set_equal(&whole, &parts));
            row_set_done(&parts);
            if (check->ops->join != NULL) {
                struct row_set joined = {0};
                read_joined(check, request, &list, &joined);
                assert_true(row_set_equal(&whole, &joined));
                row_set_done(&joined);
            }
        }
        row_set_done(&whole);
    }
}

/*
 * Reads everything in batches of 23, and after every one closes the reader and goes on in a new
 * one. False: the source gives no positions for such a read.
 */
static bool read_in_pieces(struct check *check, struct ps_read_request request, struct row_set *set)
{
    struct ps_batch *batch = rows_batch(&request, 23);
    char position[4096];
    bool positions = true;

    for (int pieces = 0; pieces < 60 && positions; pieces++) {
        struct ps_reader *reader = open_reader(check, &request);
        bool ended = next(check, reader, request.table, batch) == PS_END;
        if (!ended) {
            const char *after = check->ops->reader_position(reader);
            positions = after != NULL;
            row_set_add_batch(set, batch);
            assert_true(!positions || strlen(after) < sizeof position);
            strcpy(position, positions ? after : "");
            request.position = position;
        }
        check->ops->reader_close(reader);
        if (ended) {
            ps_batch_free(batch);
            return true;
        }
    }
    ps_batch_free(batch);
    if (positions) { /* a long table: the rest in one piece */
        check_read(check, &request, set);
    }
    return positions;
}

static void check_pieces(struct check *check, const struct ps_read_request *request)
{
    struct row_set whole = {0}, pieces = {0};
    check_read(check, request, &whole);
    if (read_in_pieces(check, *request, &pieces)) {
        assert_true(row_set_equal(&whole, &pieces));
    }
    row_set_done(&whole);
    row_set_done(&pieces);
}

void check_position_goes_on_exactly(void **state)
{
    struct check *check = *state;
    for (size_t t = 0; t < check->tables_count; t++) {
        struct ps_read_request request = check_request(check, check->tables[t]);
        struct row_set pieces = {0};
        if ((check->ops->caps & PS_CAP_RESUME) != 0) {
            check_pieces(check, &request);
            assert_true(read_in_pieces(check, request, &pieces));
        }
        row_set_done(&pieces);
    }
}

void check_position_goes_on_in_partitions(void **state)
{
    struct check *check = *state;
    for (size_t t = 0; check->ops->plan != NULL && t < check->tables_count; t++) {
        struct ps_read_request request = check_request(check, check->tables[t]);
        struct ps_partition_list list;
        plan(check, check->tables[t], 3, &list);
        for (size_t p = 0; p < list.partitions_count; p++) {
            request.partition = &list.partitions[p];
            check_pieces(check, &request);
            struct ps_buffer bounds;
            if (join(check, &list, p, &bounds)) {
                const struct ps_partition both = {.bounds = ps_buffer_text(&bounds)};
                struct row_set pieces = {0};
                request.partition = &both;
                check_pieces(check, &request);
                /* Else a larger part would begin again when it is cut off. */
                assert_true(read_in_pieces(check, request, &pieces));
                row_set_done(&pieces);
            }
            ps_buffer_done(&bounds);
        }
    }
}

void check_changes_end_where_the_next_read_begins(void **state)
{
    struct check *check = *state;
    struct ps_error err = {0};
    for (size_t t = 0; (check->ops->caps & PS_CAP_CHANGES) != 0 && t < check->tables_count; t++) {
        struct ps_read_request request = check_request(check, check->tables[t]);
        struct ps_reader *reader = open_reader(check, &request);
        struct ps_batch *batch = rows_batch(&request, 50);
        char position[4096] = "";
        while (next(check, reader, request.table, batch) == PS_OK) {
            const char *after = check->ops->reader_position(reader);
            assert_true(after != NULL && strlen(after) < sizeof position);
            strcpy(position, after);
        }
        assert_string_equal(check->ops->reader_position(reader), position);
        check->ops->reader_close(reader);
        request.position = position;
        reader = open_reader(check, &request);
        check->ops->reader_close(reader);
        request.position = "\n no position";
        check_status(check->ops->reader_open(check->source, &request, &reader, &err), PS_CONFIG,
                     &err);
        ps_batch_free(batch);
    }
}

/* Of a full read: the rows of the window, and the cursor's value in the middle of what was read. */
static void collect_window(struct check *check, const struct ps_read_request *request,
                           const struct ps_scalar *lower, uint32_t column, struct row_set *rows)
{
    struct ps_reader *reader = open_reader(check, request);
    struct ps_batch *batch = rows_batch(request, 500);
    struct ps_batch *one = rows_batch(request, 1);

    while (next(check, reader, request->table, batch) == PS_OK) {
        for (uint32_t row = 0; row < batch->rows; row++) {
            struct ps_scalar value = ps_vector_scalar(&batch->vectors[column], row);
            if (!value.present || ps_scalar_compare(&value, lower) >= 0) {
                uint8_t selected[500] = {0};
                selected[row] = 1;
                ps_batch_reset(one);
                one->table = request->table;
                assert_int_equal(ps_batch_copy_rows(one, batch, selected, NULL), PS_OK);
                row_set_add_batch(rows, one);
            }
        }
    }
    ps_batch_free(one);
    ps_batch_free(batch);
    check->ops->reader_close(reader);
}

/* Some cursor values of the table: every nth row's. */
static size_t some_cursors(struct check *check, const struct ps_read_request *request,
                           uint32_t column, struct ps_scalar cursors[4])
{
    struct ps_reader *reader = open_reader(check, request);
    struct ps_batch *batch = rows_batch(request, 97);
    size_t count = 0;

    while (count < 4 && next(check, reader, request->table, batch) == PS_OK) {
        struct ps_scalar value = ps_vector_scalar(&batch->vectors[column], batch->rows / 2);
        if (value.present) {
            cursors[count++] = value;
        }
    }
    ps_batch_free(batch);
    check->ops->reader_close(reader);
    return count;
}

void check_window_holds_what_is_younger_and_null(void **state)
{
    struct check *check = *state;
    for (size_t t = 0; t < check->tables_count; t++) {
        int32_t cursor = check_cursor(check, check->tables[t]);
        struct ps_read_request request = check_request(check, check->tables[t]);
        struct ps_scalar cursors[4];
        size_t count = cursor < 0 ? 0 : some_cursors(check, &request, (uint32_t)cursor, cursors);

        for (size_t i = 0; i < count; i++) {
            struct ps_window window = {.column = (uint32_t)cursor, .lower = cursors[i]};
            struct row_set expected = {0}, windowed = {0};
            request.window = NULL;
            collect_window(check, &request, &cursors[i], window.column, &expected);
            request.window = &window;
            check_read(check, &request, &windowed);
            assert_true(expected.count > 0);
            assert_true(row_set_equal(&expected, &windowed));
            row_set_done(&expected);
            row_set_done(&windowed);
        }
    }
}

void check_window_without_lower_edge_is_everything(void **state)
{
    struct check *check = *state;
    for (size_t t = 0; t < check->tables_count; t++) {
        int32_t cursor = check_cursor(check, check->tables[t]);
        struct ps_read_request request = check_request(check, check->tables[t]);
        struct row_set whole = {0}, windowed = {0};
        if (cursor < 0) {
            continue;
        }
        struct ps_window window = {.column = (uint32_t)cursor,
                                   .lower = {.type = check->tables[t]->columns[cursor].type}};
        check_read(check, &request, &whole);
        request.window = &window;
        check_read(check, &request, &windowed);
        assert_true(row_set_equal(&whole, &windowed));
        row_set_done(&whole);
        row_set_done(&windowed);
    }
}

void check_position_goes_on_in_a_window(void **state)
{
    struct check *check = *state;
    for (size_t t = 0; t < check->tables_count; t++) {
        int32_t cursor = check_cursor(check, check->tables[t]);
        struct ps_read_request request = check_request(check, check->tables[t]);
        struct ps_scalar cursors[4];
        size_t count = cursor < 0 ? 0 : some_cursors(check, &request, (uint32_t)cursor, cursors);

        for (size_t i = 0; i < count; i++) {
            struct ps_window window = {.column = (uint32_t)cursor, .lower = cursors[i]};
            request.window = &window;
            check_pieces(check, &request);
        }
    }
}

void check_large_values_give_their_rows_up(void **state)
{
    struct check *check = *state;
    for (size_t t = 0; t < check->tables_count; t++) {
        struct ps_read_request request = check_request(check, check->tables[t]);
        struct row_set whole = {0}, bounded = {0};
        check_read(check, &request, &whole);
        request.value_bytes_max = 4;
        check_read(check, &request, &bounded);
        assert_int_equal(bounded.count + bounded.bad_rows, whole.count + whole.bad_rows);
        assert_int_equal(row_set_missing(&bounded, &whole), 0);
        row_set_done(&whole);
        row_set_done(&bounded);
    }
}

/* Of each kept row: its key, and every value that no limit on sizes can be against. */
static void check_kept_rows(const struct ps_batch *batch)
{
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        const struct ps_column *column = &batch->table->columns[batch->columns[i]];
        const struct ps_vector *vector = &batch->vectors[i];
        const bool fixed = vector->offsets == NULL && !column->nullable;
        for (uint32_t row = 0; row < batch->rows; row++) {
            assert_true(ps_vector_is_valid(vector, row) || (column->key_position == 0 && !fixed));
        }
    }
}

void check_rows_with_large_values_keep_their_others(void **state)
{
    struct check *check = *state;
    for (size_t t = 0; t < check->tables_count; t++) {
        const struct ps_table *table = check->tables[t];
        struct ps_read_request request = check_request(check, table);
        struct row_set given_up = {0};
        request.value_bytes_max = 4;
        check_read(check, &request, &given_up);
        struct ps_batch *batch = rows_batch_keeping_faulty(&request, 100);
        struct ps_reader *reader = open_reader(check, &request);
        uint64_t rows = 0, faulty = 0, bad = 0;
        while (next(check, reader, table, batch) == PS_OK) {
            uint32_t faults = 0;
            for (uint32_t row = 0; row < batch->rows; row++) {
                faults += batch->faults[row] != 0;
            }
            assert_int_equal(faults, batch->faulty_rows);
            check_kept_rows(batch);
            rows += batch->rows;
            faulty += batch->faulty_rows;
            bad += batch->bad_rows;
        }
        check->ops->reader_close(reader);
        ps_batch_free(batch);
        if ((check->ops->caps & PS_CAP_CHANGES) == 0) {
            assert_int_equal(rows - faulty, given_up.count);
        }
        assert_int_equal(rows + bad, given_up.count + given_up.bad_rows);
        row_set_done(&given_up);
    }
}

void check_canceled_reader_says_so(void **state)
{
    struct check *check = *state;
    struct ps_read_request request = check_request(check, check->tables[0]);
    struct ps_reader *reader = open_reader(check, &request);
    struct ps_batch *batch = rows_batch(&request, 1);
    struct ps_error err = {0};

    assert_int_equal(next(check, reader, request.table, batch), PS_OK);
    check->ops->reader_cancel(reader);
    check->ops->reader_cancel(reader);
    for (int i = 0; i < 3; i++) {
        ps_batch_reset(batch);
        check_status(check->ops->reader_next(reader, batch, &err), PS_CANCELED, &err);
    }
    ps_batch_free(batch);
    check->ops->reader_close(reader);
}

struct canceler {
    const struct check *check;
    struct ps_reader *reader;
    atomic_bool begun;
};

static void cancel_once_begun(void *argument)
{
    struct canceler *canceler = argument;
    while (!atomic_load(&canceler->begun)) {
    }
    canceler->check->ops->reader_cancel(canceler->reader);
}

void check_cancel_from_another_thread_ends_the_read(void **state)
{
    struct check *check = *state;
    struct ps_read_request request = check_request(check, check->tables[0]);
    struct canceler canceler = {.check = check, .reader = open_reader(check, &request)};
    struct ps_thread thread = {0};
    struct ps_error err = {0};
    struct ps_batch *batch = rows_batch(&request, 1);
    enum ps_status status = PS_OK;

    atomic_init(&canceler.begun, false);
    assert_int_equal(ps_thread_start(&thread, "canceler", cancel_once_begun, &canceler, &err),
                     PS_OK);
    /* The table may end before the cancel arrives, but then the next call says so. */
    while (status == PS_OK || status == PS_END) {
        ps_batch_reset(batch);
        batch->table = request.table;
        status = check->ops->reader_next(canceler.reader, batch, &err);
        atomic_store(&canceler.begun, true);
    }
    check_status(status, PS_CANCELED, &err);
    ps_thread_join(&thread);
    ps_batch_free(batch);
    check->ops->reader_close(canceler.reader);

    /* The source is as good as before. */
    struct row_set rows = {0};
    check_read(check, &request, &rows);
    assert_true(rows.count > 0);
    row_set_done(&rows);
}

void check_abandoned_reader_leaves_the_source_usable(void **state)
{
    struct check *check = *state;
    for (size_t t = 0; t < check->tables_count; t++) {
        struct ps_read_request request = check_request(check, check->tables[t]);
        struct row_set before = {0}, after = {0};
        check_read(check, &request, &before);

        check->ops->reader_close(open_reader(check, &request)); /* nothing read */
        struct ps_reader *reader = open_reader(check, &request);
        struct ps_batch *batch = rows_batch(&request, 3);
        assert_int_equal(next(check, reader, request.table, batch), PS_OK);
        ps_batch_free(batch);
        check->ops->reader_close(reader); /* some rows read */

        check_read(check, &request, &after);
        assert_true(row_set_equal(&before, &after));
        row_set_done(&before);
        row_set_done(&after);
    }
}

/* Everything a worker does with one table, once. *ret_end: ps_alloc_count() when all but closing
 * was done, which may allocate, but fails never. */
static enum ps_status one_of_everything(const struct check *check, struct ps_batch *batch,
                                        const struct ps_read_request *request, uint64_t *ret_end,
                                        struct ps_error *err)
{
    const struct ps_source_ops *ops = check->ops;
    struct ps_source *source = NULL;
    struct ps_reader *reader = NULL;
    struct ps_table_list list = {.arena = ps_arena_new(1u << 20)};
    struct ps_table table = {.schema = request->table->schema, .name = request->table->name};
    enum ps_status status = PS_NOMEM;

    table.source_id = request->table->source_id;
    if (list.arena == NULL || (status = ops->open(&check->request, &source, err)) != PS_OK ||
        (status = ops->pin(source, NULL, err)) != PS_OK ||
        (status = ops->list_tables(source, &list, err)) != PS_OK ||
        (status = ops->describe(source, list.arena, &table, err)) != PS_OK ||
        (status = ops->reader_open(source, request, &reader, err)) != PS_OK) {
        goto out;
    }
    status = ops->reader_next(reader, batch, err);
out:
    *ret_end = ps_alloc_count();
    ops->reader_close(reader);
    ops->close(source);
    ps_arena_free(list.arena);
    return status;
}

void check_allocation_failures_are_answered(void **state)
{
    struct check *check = *state;
    for (size_t t = 0; check->contract->torture && t < check->tables_count; t++) {
        struct ps_read_request request = check_request(check, check->tables[t]);
        int64_t failing = 0;
        bool done = false;
        for (; !done && failing < ALLOCATIONS_MAX; failing++) {
            struct ps_batch *batch = rows_batch(&request, 40);
            struct ps_error err = {0};
            uint64_t before = ps_alloc_count(), end = 0;
            ps_alloc_fail_after(failing, 0);
            enum ps_status status = one_of_everything(check, batch, &request, &end, &err);
            ps_alloc_fail_after(-1, 0);
            done = end - before <= (uint64_t)failing;
            check_status(status, done ? PS_OK : PS_NOMEM, &err);
            ps_batch_free(batch);
        }
        assert_true(done);
        assert_true(failing > 1);
    }
}
