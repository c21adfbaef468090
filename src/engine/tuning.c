/*
 * Between the tuner, which decides, and the threads of a run, which follow: numbers that workers
 * read without a lock, a line of the log and an entry of the result for each change.
 */
#include "engine/tuning.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/thread.h"
#include "engine/observed.h"
#include "engine/resources.h"

/* Of the memory that may be used, one batch and the queue may take at most these parts. */
#define BATCH_PART 256
#define QUEUE_PART 32
#define BATCH_BYTES_LEAST ((size_t)64 << 10)
#define QUEUE_BYTES_LEAST ((size_t)1 << 20)
#define GROWTH_MAX 64
/* What a value takes of a batch before it is there: it bounds the rows that batches grow to. */
#define CELL_BYTES 16
/* A disk with so much left is not full, unless the user says from which share on it is. */
#define DISK_SPARE_BYTES (UINT64_C(2) << 30)
/* Samples are kept once a minute, and where something follows from them. */
#define RECORD_NS INT64_C(60000000000)

/* What stands above the lock never changes after the start, but for the atomics; `lock` guards what
 * stands below it. */
struct tuning {
    const struct ps_run_request *request;
    struct ps_monitor *own;     /* NULL: the request brought one */
    struct ps_monitor *monitor; /* of the thread that looks */
    struct tuning_watch watch;
    struct ps_thread thread;
    size_t batch_bytes_max; /* 0: no bound is known */
    size_t queue_bytes_max;
    uint32_t batch_rows_first;
    _Atomic uint32_t batch_rows, threads, table_threads;
    _Atomic uint64_t generation;

    struct ps_mutex lock;
    struct ps_condition wake; /* the looks are to end */
    bool ended;
    struct tuner tuner;
    struct observed observed;
    int64_t recorded_ns; /* when the last sample was kept */
    uint64_t rows, work; /* the writer's progress, … */
    uint64_t turns;      /* … how often it has told of it, … */
    uint64_t turns_seen; /* … and how often it had at the last look */
    bool looked;         /* there was one */
    bool throttled;      /* since the last look */
    bool full_told;
    char warning[TUNING_WARNING_SIZE]; /* for the writer; "": none */
};

static const char *const parameter_names[] = {
    [TUNER_BATCH_ROWS] = "batch_rows",
    [TUNER_THREADS] = "threads",
    [TUNER_TABLE_THREADS] = "more_table_threads",
};

/* By profile, in the order of the option's choices: memory and CPU. */
static const double profile_high[][2] = {{70, 80}, {80, 85}, {85, 90}};

/* One pair of thresholds: what is set, else the defaults; the second is never below the first. */
static enum ps_status threshold_pair(const struct ps_config *config, const char *const names[2],
                                     double *high, double *critical, struct ps_error *err)
{
    bool given = ps_config_is_set(config, names[1]);
    *high = (double)ps_config_integer(config, names[0], (int64_t)*high);
    *critical = (double)ps_config_integer(config, names[1], (int64_t)*critical);
    if (*critical < *high && given) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "\"%s\" (%.0f %%) is below \"%s\" (%.0f %%): set both so that the critical "
                       "one is not the smaller",
                       names[1], *critical, names[0], *high);
    }
    *critical = *critical < *high ? *high : *critical;
    return PS_OK;
}

enum ps_status tuning_limits(const struct ps_config *config, struct tuner_limits *ret_limits,
                             struct ps_error *err)
{
    static const char *const memory[] = {"memory_threshold_high", "memory_threshold_critical"};
    static const char *const cpu[] = {"cpu_threshold_high", "cpu_threshold_critical"};
    static const char *const disk[] = {"disk_threshold_high", "disk_threshold_critical"};
    const double *high = profile_high[ps_config_choice(config, "profile")];
    bool own_disk = ps_config_is_set(config, disk[0]) || ps_config_is_set(config, disk[1]);
    struct tuner_limits limits = {
        .memory_high = high[0],
        .memory_critical = 90,
        .cpu_high = high[1],
        .cpu_critical = 95,
        .disk_high = 80,
        .disk_critical = 90,
        .disk_spare_bytes = own_disk ? UINT64_MAX : DISK_SPARE_BYTES,
    };
    enum ps_status status =
        threshold_pair(config, memory, &limits.memory_high, &limits.memory_critical, err);
    if (status == PS_OK) {
        status = threshold_pair(config, cpu, &limits.cpu_high, &limits.cpu_critical, err);
    }
    if (status == PS_OK) {
        status = threshold_pair(config, disk, &limits.disk_high, &limits.disk_critical, err);
    }
    if (status == PS_OK) {
        *ret_limits = limits;
    }
    return status;
}

static void keep_change(struct tuning *tuning, const char *parameter, int64_t old_value,
                        int64_t new_value, const char *cause)
{
    const struct ps_clock *clock = tuning->request->plan.clock;
    const struct ps_parameter_change change = {.at = clock->utc(clock),
                                               .parameter = parameter,
                                               .old_value = old_value,
                                               .new_value = new_value,
                                               .cause = cause};
    observed_change(&tuning->observed, &change);
}

static void keep_sample(struct tuning *tuning, const struct ps_resource_sample *sample)
{
    const struct ps_clock *clock = tuning->request->plan.clock;
    const struct ps_resource_record record = {.at = clock->utc(clock), .sample = *sample};
    observed_sample(&tuning->observed, &record);
    tuning->recorded_ns = clock->monotonic_ns(clock);
}

static size_t part_of(uint64_t limit, unsigned part, size_t least)
{
    uint64_t bytes = limit / part;
    return bytes < least ? least : bytes > SIZE_MAX ? SIZE_MAX : (size_t)bytes;
}

/* What the memory there is allows from the start on, whatever is configured. */
static void bound_by_memory(struct tuning *tuning, const struct ps_plan *plan, uint64_t limit)
{
    size_t largest = 0;
    tuning->batch_bytes_max = part_of(limit, BATCH_PART, BATCH_BYTES_LEAST);
    tuning->queue_bytes_max = part_of(limit, QUEUE_PART, QUEUE_BYTES_LEAST);
    for (size_t i = 0; i < plan->tables_count; i++) {
        size_t bytes = plan->tables[i].sizing.parameters.batch_bytes;
        largest = bytes > largest ? bytes : largest;
    }
    if (largest > tuning->batch_bytes_max) {
        char cause[96];
        snprintf(cause, sizeof(cause), "%llu MiB of memory may be used",
                 (unsigned long long)(limit >> 20));
        ps_log(PS_LOG_INFO, "batch_bytes: %zu → %zu: %s", largest, tuning->batch_bytes_max, cause);
        keep_change(tuning, "batch_bytes", (int64_t)largest, (int64_t)tuning->batch_bytes_max,
                    cause);
    }
}

static void begin(struct tuning *tuning, const struct ps_plan *plan,
                  const struct tuner_limits *limits, size_t workers)
{
    struct ps_resource_sample sample;
    uint32_t first = 1;
    for (size_t i = 0; i < plan->tables_count; i++) {
        uint32_t rows = plan->tables[i].sizing.parameters.batch_rows;
        first = rows > first ? rows : first;
    }
    uint32_t most = first > UINT32_MAX / GROWTH_MAX ? first : first * GROWTH_MAX;
    uint32_t threads = workers == 0 ? 1 : (uint32_t)workers;
    tuner_init(&tuning->tuner, limits, first, most, threads);
    tuning->batch_rows_first = first;
    atomic_init(&tuning->batch_rows, first);
    atomic_init(&tuning->threads, threads);
    atomic_init(&tuning->table_threads, 0);
    atomic_init(&tuning->generation, 0);
    tuning->monitor->sample(tuning->monitor, &sample);
    keep_sample(tuning, &sample);
    observed_memory(&tuning->observed, sample.own_bytes);
    if (sample.memory_percent >= 0) {
        bound_by_memory(tuning, plan, sample.memory_limit_bytes);
    }
}

enum ps_status tuning_new(const struct ps_run_request *request, const struct ps_plan *plan,
                          size_t workers, struct tuning **ret_tuning, struct ps_error *err)
{
    struct tuner_limits limits;
    const struct ps_config *config = request->plan.config;
    enum ps_status status = tuning_limits(config, &limits, err);
    if (status != PS_OK) {
        return status;
    }
    if (!ps_config_boolean(config, "enable_resource_monitoring")) {
        *ret_tuning = NULL;
        return PS_OK;
    }
    struct tuning *tuning = ps_calloc(1, sizeof(*tuning));
    if (tuning == NULL) {
        return ps_fail_nomem(err, "starting the sync");
    }
    ps_mutex_init(&tuning->lock);
    ps_condition_init(&tuning->wake);
    tuning->request = request;
    tuning->monitor = request->monitor;
    if (tuning->monitor == NULL) {
        const struct ps_monitor_request own = {
            .root = "", .folders = request->disk_folders, .clock = request->plan.clock};
        status = ps_monitor_new(&own, &tuning->own, err);
        tuning->monitor = tuning->own;
    }
    if (status != PS_OK) {
        tuning_free(tuning);
        return status;
    }
    begin(tuning, plan, &limits, workers);
    *ret_tuning = tuning;
    return PS_OK;
}

void tuning_free(struct tuning *tuning)
{
    if (tuning != NULL) {
        observed_done(&tuning->observed);
        ps_condition_done(&tuning->wake);
        ps_mutex_done(&tuning->lock);
        ps_monitor_free(tuning->own);
        ps_free(tuning);
    }
}

uint64_t tuning_generation(const struct tuning *tuning)
{
    return tuning == NULL ? 0 : atomic_load(&tuning->generation);
}

size_t tuning_threads(const struct tuning *tuning)
{
    return tuning == NULL ? SIZE_MAX : atomic_load(&tuning->threads);
}

uint32_t tuning_table_threads(const struct tuning *tuning, const struct ps_plan_table *table)
{
    uint32_t planned = table->sizing.parameters.threads;
    if (tuning == NULL || table->sizing.strategy == PS_STRATEGY_REAL_TIME) {
        return planned;
    }
    return planned + atomic_load(&tuning->table_threads);
}

/* Larger batches are bounded by what they take before a row is in them. */
static uint32_t rows_within(uint32_t rows, uint32_t first, uint32_t columns, size_t bytes)
{
    size_t most = bytes / CELL_BYTES / (columns == 0 ? 1 : columns);
    most = most < first ? first : most;
    return rows < most ? rows : (uint32_t)most;
}

struct tuning_batch tuning_batch(const struct tuning *tuning, const struct ps_plan_table *table)
{
    const struct ps_size_parameters *planned = &table->sizing.parameters;
    struct tuning_batch batch = {.rows = planned->batch_rows, .bytes = planned->batch_bytes};
    if (tuning == NULL) {
        return batch;
    }
    uint32_t now = atomic_load(&tuning->batch_rows), first = tuning->batch_rows_first;
    if (tuning->batch_bytes_max != 0 && batch.bytes > tuning->batch_bytes_max) {
        batch.bytes = tuning->batch_bytes_max;
    }
    batch.rows = tuner_batch_rows(now, first, planned->batch_rows);
    if (now < first) {
        /* Rows may be long: what holds memory is bytes. */
        size_t bytes = (size_t)((double)batch.bytes * now / first);
        size_t least = batch.bytes < BATCH_BYTES_LEAST ? batch.bytes : BATCH_BYTES_LEAST;
        batch.bytes = bytes < least ? least : bytes;
    } else {
        batch.rows = rows_within(batch.rows, planned->batch_rows, table->read_table->columns_count,
                                 batch.bytes);
    }
    return batch;
}

uint32_t tuning_parts_together(const struct tuning *tuning)
{
    uint32_t now = tuning == NULL ? 0 : atomic_load(&tuning->batch_rows);
    return tuning == NULL || now < tuning->batch_rows_first ? 1 : now / tuning->batch_rows_first;
}

size_t tuning_queue_bytes(const struct tuning *tuning, size_t bytes)
{
    return tuning == NULL || tuning->queue_bytes_max == 0 || bytes < tuning->queue_bytes_max
               ? bytes
               : tuning->queue_bytes_max;
}

size_t tuning_queue_rows(const struct tuning *tuning, size_t rows)
{
    if (tuning == NULL) {
        return rows;
    }
    double share = (double)atomic_load(&tuning->batch_rows) / tuning->batch_rows_first;
    size_t now = (size_t)((double)rows * share);
    return now == 0 ? 1 : now;
}

/* Workers read these without the lock. With it held. */
static void publish(struct tuning *tuning, const struct tuner_report *report)
{
    _Atomic uint32_t *const published[] = {
        [TUNER_BATCH_ROWS] = &tuning->batch_rows,
        [TUNER_THREADS] = &tuning->threads,
        [TUNER_TABLE_THREADS] = &tuning->table_threads,
    };
    for (size_t i = 0; i < report->changes_count; i++) {
        const struct tuner_change *change = &report->changes[i];
        keep_change(tuning, parameter_names[change->parameter], change->old_value,
                    change->new_value, change->cause);
        atomic_store(published[change->parameter], change->new_value);
        atomic_fetch_add(&tuning->generation, 1);
    }
}

/* The log and the run, which have locks of their own. */
static void tell_changes(const struct tuning *tuning, const struct tuner_report *report)
{
    for (size_t i = 0; i < report->changes_count; i++) {
        const struct tuner_change *change = &report->changes[i];
        ps_log(change->pressure ? PS_LOG_INFO : PS_LOG_DEBUG, "%s: %u → %u: %s",
               parameter_names[change->parameter], change->old_value, change->new_value,
               change->cause);
    }
    if (report->changes_count > 0 && tuning->watch.changed != NULL) {
        tuning->watch.changed(tuning->watch.context);
    }
}

static void tell_full(const struct tuning *tuning, const struct tuner_report *report)
{
    struct ps_error err = {0};
    (void)ps_fail(&err, PS_CONFIG, PS_CLASS_DISK,
                  "%s: free some of it, or name a place on another with --warehouse and --state "
                  "(disk_threshold_critical); what was read is saved, and the next sync goes on "
                  "from it",
                  report->message);
    if (tuning->watch.full != NULL) {
        tuning->watch.full(tuning->watch.context, &err);
    }
}

/* With the lock held. */
static void take(struct tuning *tuning, const struct ps_resource_sample *sample,
                 struct tuner_report *ret_report)
{
    const struct ps_clock *clock = tuning->request->plan.clock;
    const struct tuner_progress progress = {
        .rows = tuning->rows,
        .work = tuning->work,
        .held = tuning->looked && tuning->turns == tuning->turns_seen,
    };
    tuning->looked = true;
    tuning->turns_seen = tuning->turns;
    tuning->throttled = false;
    observed_memory(&tuning->observed, sample->own_bytes);
    tuner_take(&tuning->tuner, sample, &progress, ret_report);
    if (ret_report->changes_count > 0 || ret_report->disk_warned || ret_report->disk_stop ||
        clock->monotonic_ns(clock) - tuning->recorded_ns >= RECORD_NS) {
        keep_sample(tuning, sample);
    }
    publish(tuning, ret_report);
    if (ret_report->disk_warned) {
        snprintf(tuning->warning, sizeof(tuning->warning), "%s", ret_report->message);
    }
}

void tuning_look(struct tuning *tuning)
{
    struct ps_resource_sample sample;
    struct tuner_report report;
    tuning->monitor->sample(tuning->monitor, &sample);
    ps_mutex_lock(&tuning->lock);
    take(tuning, &sample, &report);
    bool full = report.disk_stop && !tuning->full_told;
    tuning->full_told = tuning->full_told || full;
    ps_mutex_unlock(&tuning->lock);
    if (report.unknown) {
        ps_log(PS_LOG_INFO, "%s", report.message);
    }
    tell_changes(tuning, &report);
    if (full) {
        tell_full(tuning, &report);
    }
}

static void look_on_time(void *argument)
{
    struct tuning *tuning = argument;
    const int64_t interval_ns = tuning->monitor->interval_ns;
    int64_t due_ns = ps_monotonic_ns() + interval_ns;
    ps_mutex_lock(&tuning->lock);
    while (!tuning->ended) {
        if (ps_condition_wait_until(&tuning->wake, &tuning->lock, due_ns)) {
            continue;
        }
        ps_mutex_unlock(&tuning->lock);
        tuning_look(tuning);
        due_ns = ps_monotonic_ns() + interval_ns;
        ps_mutex_lock(&tuning->lock);
    }
    ps_mutex_unlock(&tuning->lock);
}

enum ps_status tuning_start(struct tuning *tuning, const struct tuning_watch *watch,
                            struct ps_error *err)
{
    if (tuning == NULL) {
        return PS_OK;
    }
    tuning->watch = *watch;
    tuning_look(tuning);
    return ps_thread_start(&tuning->thread, "penstock-look", look_on_time, tuning, err);
}

void tuning_stop(struct tuning *tuning, struct ps_run_result *result)
{
    struct ps_resource_sample last;
    if (tuning == NULL) {
        return;
    }
    ps_mutex_lock(&tuning->lock);
    tuning->ended = true;
    ps_condition_broadcast(&tuning->wake);
    ps_mutex_unlock(&tuning->lock);
    ps_thread_join(&tuning->thread);
    /* A sync that is shorter than the interval has memory of more than its beginning. */
    tuning->monitor->sample(tuning->monitor, &last);
    observed_memory(&tuning->observed, last.own_bytes);
    observed_tell(&tuning->observed, result);
}

void tuning_throttle(struct tuning *tuning)
{
    struct tuner_report report = {.changes_count = 0};
    if (tuning == NULL) {
        return;
    }
    ps_mutex_lock(&tuning->lock);
    if (!tuning->throttled) {
        tuning->throttled = true;
        tuner_throttle(&tuning->tuner, &report);
        publish(tuning, &report);
    }
    ps_mutex_unlock(&tuning->lock);
    tell_changes(tuning, &report);
}

bool tuning_wrote(struct tuning *tuning, uint64_t rows, uint64_t work,
                  char ret_warning[TUNING_WARNING_SIZE])
{
    if (tuning == NULL) {
        return false;
    }
    ps_mutex_lock(&tuning->lock);
    tuning->rows = rows;
    tuning->work = work;
    tuning->turns++;
    bool warned = tuning->warning[0] != '\0';
    if (warned) {
        memcpy(ret_warning, tuning->warning, sizeof(tuning->warning));
        tuning->warning[0] = '\0';
    }
    ps_mutex_unlock(&tuning->lock);
    return warned;
}
