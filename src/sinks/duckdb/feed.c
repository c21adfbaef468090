/*
 * The table function and the thread on which its statement runs.
 *
 * The writer owns the feed; `lock` guards everything in it that another thread sees. DuckDB's
 * threads take whole packets, so that the rows of one packet keep their order in the table.
 */
#include "sinks/duckdb/feed.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/thread.h"
#include "sinks/duckdb/fill.h"
#include "sinks/duckdb/losses.h"
#include "sinks/duckdb/statement.h"
#include "sinks/duckdb/types.h"

/* Long against the cost of a look, short against a statement. */
#define IDLE_NS 200000

struct duck_feed {
    struct duck_feed_options options; /* constant */
    struct ps_thread thread;          /* the writer's */

    struct ps_mutex lock;        /* guards all below */
    struct ps_condition filled;  /* a packet came, or no more will */
    struct ps_condition drained; /* a packet was taken, or the statement ended */
    struct ps_condition pause;   /* never signalled: for short waits */
    struct ps_condition started; /* a statement is to run, or the thread is to end */
    struct duck_packet *first, *last;
    size_t bytes;
    bool running;   /* from duck_feed_start to duck_feed_end */
    bool finished;  /* the statement of this run has ended */
    bool ended;     /* no more packets */
    bool abandoned; /* what is left is of no use */
    bool quit;
    bool out_of_memory; /* a callback had none, which DuckDB would tell as another error */
    const char *what, *sql;
    enum ps_status status; /* of the statement, once finished */
    struct ps_error error;

    /* What the columns are: written before a statement starts, constant while it runs. */
    struct duck_type *types;
    uint32_t types_count, types_capacity;
    uint32_t columns; /* DUCK_FEED_… */
};

/* What one of DuckDB's threads is at. */
struct drain {
    struct duck_packet *packet;
    uint32_t row;
};

static const struct duck_library *library_of(const struct duck_feed *feed)
{
    return feed->options.library;
}

/* The library of callbacks that get nothing but their data: there is one in a process. */
static const struct duck_library *bound_library(void)
{
    const struct duck_library *library = NULL;
    enum ps_status status = duck_library_get(&library, NULL);
    assert(status == PS_OK);
    return library;
}

static void add_column(const struct duck_library *library, struct duck_api_info *info,
                       const char *name, struct duck_type type)
{
    struct duck_api_type *api = duck_type_new_api(library, type);
    if (api == NULL) {
        library->bind_set_error(info, "no memory for a type");
        return;
    }
    library->bind_add_result_column(info, name, api);
    library->destroy_logical_type(&api);
}

static void feed_bind(struct duck_api_info *info)
{
    const struct duck_library *library = bound_library();
    struct duck_feed *feed = library->bind_get_extra_info(info);
    ps_mutex_lock(&feed->lock);
    bool running = feed->running && !feed->finished;
    ps_mutex_unlock(&feed->lock);
    if (!running) {
        library->bind_set_error(info, "penstock_feed is for Penstock's own use");
        return;
    }
    for (uint32_t i = 0; i < feed->types_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%u", i);
        add_column(library, info, name, feed->types[i]);
    }
    add_column(library, info, "s", (struct duck_type){.type = PS_TYPE_UTC_DATETIME});
    if ((feed->columns & DUCK_FEED_ID) != 0) {
        add_column(library, info, "i", (struct duck_type){.type = PS_TYPE_STRING});
    }
    if ((feed->columns & DUCK_FEED_OPERATION) != 0) {
        add_column(library, info, "o", (struct duck_type){.type = PS_TYPE_SHORT});
        add_column(library, info, "q", (struct duck_type){.type = PS_TYPE_LONG});
    }
}

static void feed_init(struct duck_api_info *info)
{
    const struct duck_library *library = bound_library();
    struct duck_feed *feed = library->init_get_extra_info(info);
    library->init_set_max_threads(info, feed->options.threads);
}

static void drain_free(void *data)
{
    struct drain *drain = data;
    if (drain != NULL) {
        duck_packet_free(drain->packet);
        ps_free(drain);
    }
}

static void feed_init_thread(struct duck_api_info *info)
{
    const struct duck_library *library = bound_library();
    struct drain *drain = ps_calloc(1, sizeof *drain);
    if (drain == NULL) {
        struct duck_feed *feed = library->init_get_extra_info(info);
        ps_mutex_lock(&feed->lock);
        feed->out_of_memory = true;
        ps_mutex_unlock(&feed->lock);
        library->init_set_error(info, "no memory for a thread of the feed");
        return;
    }
    library->init_set_init_data(info, drain, drain_free);
}

/* The next packet, or NULL where no more will come. */
static struct duck_packet *take(struct duck_feed *feed, bool *ret_abandoned)
{
    ps_mutex_lock(&feed->lock);
    while (feed->first == NULL && !feed->ended) {
        ps_condition_wait(&feed->filled, &feed->lock);
    }
    struct duck_packet *packet = feed->abandoned ? NULL : feed->first;
    if (packet != NULL) {
        feed->first = packet->next;
        if (feed->first == NULL) {
            feed->last = NULL;
        }
        packet->next = NULL;
        feed->bytes -= packet->base.bytes;
        ps_condition_signal(&feed->drained);
    }
    *ret_abandoned = feed->abandoned;
    ps_mutex_unlock(&feed->lock);
    return packet;
}

/*
 * How many of the rows left go into the next vector. Vectors of about one size cost less than a
 * full one and a small rest; all but the last begin at a multiple of 64 rows, for the validity
 * words.
 */
static uint32_t cut(uint32_t rows_left)
{
    uint32_t vectors = (rows_left + DUCK_VECTOR_ROWS - 1) / DUCK_VECTOR_ROWS;
    uint32_t share = (rows_left + vectors - 1) / vectors;
    share = (share + 63) / 64 * 64;
    return share < rows_left ? share : rows_left;
}

static void fill_own_columns(const struct duck_feed *feed, const struct drain *drain,
                             uint32_t count, struct duck_api_chunk *chunk)
{
    const struct duck_library *library = library_of(feed);
    const struct duck_packet *packet = drain->packet;
    uint32_t column = feed->types_count;
    int64_t *synced = library->vector_get_data(library->data_chunk_get_vector(chunk, column++));
    for (uint32_t i = 0; i < count; i++) {
        synced[i] = packet->synced_us;
    }
    if ((feed->columns & DUCK_FEED_ID) != 0) {
        struct duck_api_string *ids =
            library->vector_get_data(library->data_chunk_get_vector(chunk, column++));
        const char *id = packet->ids + (size_t)drain->row * DUCK_ID_SIZE;
        for (uint32_t i = 0; i < count; i++, id += DUCK_ID_SIZE) {
            ids[i] = duck_fill_string(id, DUCK_ID_SIZE);
        }
    }
    if ((feed->columns & DUCK_FEED_OPERATION) != 0) {
        int16_t *operations =
            library->vector_get_data(library->data_chunk_get_vector(chunk, column++));
        int64_t *places = library->vector_get_data(library->data_chunk_get_vector(chunk, column));
        int64_t place = (int64_t)(packet->sequence << 32) + drain->row;
        for (uint32_t i = 0; i < count; i++) {
            operations[i] = (int16_t)packet->batch->operation;
            places[i] = place++;
        }
    }
}

static void feed_call(struct duck_api_info *info, struct duck_api_chunk *chunk)
{
    const struct duck_library *library = bound_library();
    struct duck_feed *feed = library->function_get_extra_info(info);
    struct drain *drain = library->function_get_local_init_data(info);
    /* The rows given last time point into the batch: it is released only now. */
    if (drain->packet != NULL && drain->row == drain->packet->batch->rows) {
        duck_packet_free(drain->packet);
        drain->packet = NULL;
    }
    if (drain->packet == NULL) {
        bool abandoned = false;
        drain->packet = take(feed, &abandoned);
        drain->row = 0;
        if (abandoned) {
            library->function_set_error(info, "the load was given up");
            return;
        }
    }
    if (drain->packet == NULL) {
        library->data_chunk_set_size(chunk, 0);
        return;
    }
    const struct ps_batch *batch = drain->packet->batch;
    uint32_t count = cut(batch->rows - drain->row);
    for (uint32_t i = 0; i < feed->types_count; i++) {
        uint64_t lost = duck_fill_column(library, &batch->vectors[i], drain->row, count,
                                         library->data_chunk_get_vector(chunk, i));
        if (lost != 0) {
            duck_losses_cut(drain->packet, i, lost);
        }
    }
    fill_own_columns(feed, drain, count, chunk);
    drain->row += count;
    library->data_chunk_set_size(chunk, count);
}

static enum ps_status register_function(struct duck_feed *feed, struct ps_error *err)
{
    const struct duck_library *library = library_of(feed);
    struct duck_api_table_function *function = library->create_table_function();
    library->table_function_set_name(function, "penstock_feed");
    library->table_function_set_extra_info(function, feed, NULL);
    library->table_function_set_bind(function, feed_bind);
    library->table_function_set_init(function, feed_init);
    library->table_function_set_local_init(function, feed_init_thread);
    library->table_function_set_function(function, feed_call);
    int failed = library->register_table_function(feed->options.connection, function);
    library->destroy_table_function(&function);
    return failed ? ps_fail(err, PS_BUG, PS_CLASS_NONE,
                            "opening the warehouse: DuckDB does not take the loading function")
                  : PS_OK;
}

/* Waits a moment, for DuckDB tells nobody when it has more to do. */
static void idle(void *context)
{
    struct duck_feed *feed = context;
    ps_mutex_lock(&feed->lock);
    (void)ps_condition_wait_until(&feed->pause, &feed->lock, ps_monotonic_ns() + IDLE_NS);
    ps_mutex_unlock(&feed->lock);
}

static void feed_thread(void *argument)
{
    struct duck_feed *feed = argument;
    struct duck_session session = {library_of(feed), feed->options.connection};
    ps_mutex_lock(&feed->lock);
    for (;;) {
        while (!feed->quit && (feed->sql == NULL || feed->finished)) {
            ps_condition_wait(&feed->started, &feed->lock);
        }
        if (feed->sql == NULL || feed->finished) {
            break;
        }
        const char *what = feed->what;
        const char *sql = feed->sql;
        ps_mutex_unlock(&feed->lock);
        struct ps_error error = {0};
        enum ps_status status = duck_statement_run_shared(&session, what, sql, idle, feed, &error);
        ps_mutex_lock(&feed->lock);
        if (status != PS_OK && feed->out_of_memory) {
            status = ps_fail_nomem(&error, what);
        }
        feed->status = status;
        feed->error = error;
        feed->finished = true;
        ps_condition_broadcast(&feed->drained);
    }
    ps_mutex_unlock(&feed->lock);
}

enum ps_status duck_feed_new(const struct duck_feed_options *options, struct duck_feed **ret_feed,
                             struct ps_error *err)
{
    struct duck_feed *feed = ps_calloc(1, sizeof *feed);
    if (feed == NULL) {
        return ps_fail_nomem(err, "opening the warehouse");
    }
    feed->options = *options;
    ps_mutex_init(&feed->lock);
    ps_condition_init(&feed->filled);
    ps_condition_init(&feed->drained);
    ps_condition_init(&feed->started);
    ps_condition_init(&feed->pause);
    enum ps_status status = register_function(feed, err);
    if (status == PS_OK) {
        status = ps_thread_start(&feed->thread, "duckdb-feed", feed_thread, feed, err);
    }
    if (status != PS_OK) {
        duck_feed_free(feed);
        return status;
    }
    *ret_feed = feed;
    return PS_OK;
}

/* Under the lock. */
static void discard(struct duck_feed *feed)
{
    while (feed->first != NULL) {
        struct duck_packet *next = feed->first->next;
        duck_packet_free(feed->first);
        feed->first = next;
    }
    feed->last = NULL;
    feed->bytes = 0;
}

void duck_feed_free(struct duck_feed *feed)
{
    if (feed == NULL) {
        return;
    }
    ps_mutex_lock(&feed->lock);
    feed->abandoned = true;
    feed->ended = true;
    feed->quit = true;
    ps_condition_broadcast(&feed->filled);
    ps_condition_broadcast(&feed->started);
    ps_mutex_unlock(&feed->lock);
    ps_thread_join(&feed->thread);
    discard(feed);
    ps_condition_done(&feed->filled);
    ps_condition_done(&feed->drained);
    ps_condition_done(&feed->started);
    ps_condition_done(&feed->pause);
    ps_mutex_done(&feed->lock);
    ps_free(feed->types);
    ps_free(feed);
}

static enum ps_status take_shape(struct duck_feed *feed, const struct duck_packet *shape,
                                 struct ps_error *err)
{
    const struct ps_batch *batch = shape->batch;
    if (batch->columns_count > feed->types_capacity) {
        struct duck_type *types = ps_malloc_array(batch->columns_count, sizeof *types);
        if (types == NULL) {
            return ps_fail_nomem(err, "loading rows");
        }
        ps_free(feed->types);
        feed->types = types;
        feed->types_capacity = batch->columns_count;
    }
    feed->types_count = batch->columns_count;
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        const struct ps_vector *vector = &batch->vectors[i];
        feed->types[i] = (struct duck_type){
            .type = vector->type, .precision = vector->precision, .scale = vector->scale};
    }
    return PS_OK;
}

enum ps_status duck_feed_start(struct duck_feed *feed, const char *what, const char *sql,
                               uint32_t columns, const struct duck_packet *shape,
                               struct ps_error *err)
{
    assert(!feed->running);
    enum ps_status status = take_shape(feed, shape, err);
    if (status != PS_OK) {
        return status;
    }
    ps_mutex_lock(&feed->lock);
    feed->columns = columns;
    feed->what = what;
    feed->sql = sql;
    feed->running = true;
    feed->finished = false;
    feed->ended = false;
    feed->out_of_memory = false;
    feed->status = PS_OK;
    ps_condition_signal(&feed->started);
    ps_mutex_unlock(&feed->lock);
    return PS_OK;
}

enum ps_status duck_feed_push(struct duck_feed *feed, struct duck_packet *packet,
                              struct ps_error *err)
{
    if (ps_fault("duckdb.during_write")) {
        duck_packet_free(packet);
        return ps_fail(err, PS_CONFIG, PS_CLASS_DISK, "loading rows: fault duckdb.during_write");
    }
    enum ps_status status = PS_OK;
    ps_mutex_lock(&feed->lock);
    assert(feed->running && !feed->ended);
    while (!feed->finished && feed->first != NULL &&
           feed->bytes + packet->base.bytes > feed->options.bytes_max) {
        ps_condition_wait(&feed->drained, &feed->lock);
    }
    if (feed->finished) {
        /* It waits for packets until it is told that there are no more, so it has failed. */
        status = feed->status != PS_OK ? feed->status : PS_BUG;
        if (err != NULL) {
            *err = feed->error;
        }
        duck_packet_free(packet);
    } else {
        packet->next = NULL;
        if (feed->last != NULL) {
            feed->last->next = packet;
        } else {
            feed->first = packet;
        }
        feed->last = packet;
        feed->bytes += packet->base.bytes;
        ps_condition_signal(&feed->filled);
    }
    ps_mutex_unlock(&feed->lock);
    return status;
}

enum ps_status duck_feed_end(struct duck_feed *feed, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    ps_mutex_lock(&feed->lock);
    if (feed->running) {
        feed->ended = true;
        ps_condition_broadcast(&feed->filled);
        while (!feed->finished) {
            ps_condition_wait(&feed->drained, &feed->lock);
        }
        discard(feed);
        feed->running = false;
        feed->sql = NULL;
        status = feed->status;
        if (status != PS_OK && err != NULL) {
            *err = feed->error;
        }
    }
    ps_mutex_unlock(&feed->lock);
    return status;
}

bool duck_feed_running(const struct duck_feed *feed)
{
    return feed->running;
}
