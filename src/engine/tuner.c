/*
 * Steps down under pressure, back up when it has gone, and trials of larger batches. A step is made
 * after three samples in a row that call for it, and looked at for three more.
 */
#include "engine/tuner.h"

#include <stdio.h>

#define IN_A_ROW 3
#define BATCH_ROWS_LEAST 100
/* Rows/s that a step down may cost before it is taken back, and that growth must bring. */
#define LOSS_ALLOWED 0.10
#define GAIN_WANTED 0.05
/* Pressure has gone when it is so far below its threshold. */
#define CALM_BELOW 5.0
#define CALM_WANTED_MAX 192
/* How far a threshold is raised above what was measured, and how far at most. */
#define RAISED_BY 5.0
#define MEMORY_HIGH_MOST 95.0
#define CPU_MOST 1000.0
/* The share of time in which all wait for memory: as bad as being above the threshold. */
#define STALLED_HIGH 10.0
#define STALLED_HIGH_MOST 100.0

void tuner_init(struct tuner *tuner, const struct tuner_limits *limits, uint32_t batch_rows,
                uint32_t batch_rows_max, uint32_t threads)
{
    *tuner = (struct tuner){
        .limits = *limits,
        .memory = {.high = limits->memory_high, .critical = limits->memory_critical},
        .cpu = {.high = limits->cpu_high, .critical = limits->cpu_critical},
        .stalled_high = STALLED_HIGH,
        .batch_rows = batch_rows,
        .batch_rows_first = batch_rows,
        .batch_rows_max = batch_rows_max < batch_rows ? batch_rows : batch_rows_max,
        .threads = threads,
        .threads_max = threads,
        .calm_wanted = IN_A_ROW,
        .window_samples = -1,
    };
}

uint32_t tuner_batch_rows(uint32_t now, uint32_t first, uint32_t own)
{
    uint64_t rows = (uint64_t)own * now / first;
    uint32_t least = own < BATCH_ROWS_LEAST ? own : BATCH_ROWS_LEAST;
    return rows < least ? least : rows > UINT32_MAX ? UINT32_MAX : (uint32_t)rows;
}

static uint32_t *parameter_of(struct tuner *tuner, enum tuner_parameter parameter)
{
    switch (parameter) {
    case TUNER_BATCH_ROWS:
        return &tuner->batch_rows;
    case TUNER_THREADS:
        return &tuner->threads;
    default:
        return &tuner->table_threads;
    }
}

/* Sets a parameter, if that is another value; true: it was. The caller fills in the cause. */
static bool change(struct tuner *tuner, enum tuner_parameter parameter, uint32_t value,
                   struct tuner_report *report, struct tuner_change **ret_change)
{
    uint32_t *now = parameter_of(tuner, parameter);
    if (*now == value || report->changes_count == TUNER_CHANGES_MAX) {
        return false;
    }
    struct tuner_change *made = &report->changes[report->changes_count++];
    *made = (struct tuner_change){.parameter = parameter, .old_value = *now, .new_value = value};
    *now = value;
    *ret_change = made;
    return true;
}

static void window_begin(struct tuner *tuner, const struct ps_resource_sample *sample,
                         const struct tuner_progress *progress)
{
    tuner->window_ns = sample->at_ns;
    tuner->window_rows = progress->rows;
    tuner->window_work = progress->work;
    tuner->window_samples = 0;
}

static double window_rate(const struct tuner *tuner, const struct ps_resource_sample *sample,
                          uint64_t rows)
{
    double seconds = (double)(sample->at_ns - tuner->window_ns) / 1e9;
    return seconds <= 0 ? 0 : (double)(rows - tuner->window_rows) / seconds;
}

/* After a step: what it is compared with is the rate until now. */
static void trial_begin(struct tuner *tuner, enum tuner_trial trial, enum tuner_parameter parameter,
                        uint32_t old_value, double rate)
{
    tuner->trial = trial;
    tuner->trial_parameter = parameter;
    tuner->trial_old = old_value;
    tuner->trial_rate = rate;
    tuner->trial_work = tuner->window_work;
}

static void count(struct tuner_pressure *pressure, double percent, bool stalled)
{
    bool high = percent > pressure->high || stalled;
    pressure->above_high = high ? pressure->above_high + 1 : 0;
    pressure->above_critical = percent > pressure->critical ? pressure->above_critical + 1 : 0;
    pressure->calm = !high && percent < pressure->high - CALM_BELOW ? pressure->calm + 1 : 0;
}

static void put_memory_cause(struct tuner_change *made, const struct ps_resource_sample *sample,
                             bool full)
{
    if (!full) {
        snprintf(made->cause, sizeof(made->cause), "all waits for memory %.0f %% of the time",
                 sample->stalled_percent);
        return;
    }
    snprintf(made->cause, sizeof(made->cause), "memory at %.0f %% of %llu MiB (%s)",
             sample->memory_percent, (unsigned long long)(sample->memory_limit_bytes >> 20),
             sample->memory_of == NULL ? "" : sample->memory_of);
}

/* A step down after so many samples above a threshold; true: it was made. */
static bool reduce_memory(struct tuner *tuner, const struct ps_resource_sample *sample, double rate,
                          struct tuner_report *report)
{
    struct tuner_pressure *memory = &tuner->memory;
    bool critical = memory->above_critical >= IN_A_ROW;
    if (!critical && memory->above_high < IN_A_ROW) {
        return false;
    }
    uint32_t old = tuner->batch_rows, least = BATCH_ROWS_LEAST;
    uint32_t rows = critical ? old / 2 : (uint32_t)((uint64_t)old * 3 / 4);
    least = least > old ? old : least;
    memory->above_high = memory->above_critical = 0;
    struct tuner_change *made;
    if (!change(tuner, TUNER_BATCH_ROWS, rows < least ? least : rows, report, &made)) {
        return false;
    }
    made->pressure = true;
    put_memory_cause(made, sample, critical || sample->memory_percent > memory->high);
    tuner->trial_pressure = memory;
    tuner->trial_percent = sample->memory_percent;
    tuner->trial_stalled = sample->stalled_percent;
    trial_begin(tuner, TUNER_LESS, TUNER_BATCH_ROWS, old, rate);
    return true;
}

static bool reduce_cpu(struct tuner *tuner, const struct ps_resource_sample *sample, double rate,
                       struct tuner_report *report)
{
    struct tuner_pressure *cpu = &tuner->cpu;
    bool critical = cpu->above_critical >= IN_A_ROW;
    if (!critical && cpu->above_high < IN_A_ROW) {
        return false;
    }
    uint32_t old = tuner->threads, threads = critical || old < 2 ? 1 : old / 2;
    cpu->above_high = cpu->above_critical = 0;
    struct tuner_change *made;
    if (!change(tuner, TUNER_THREADS, threads, report, &made)) {
        return false;
    }
    made->pressure = true;
    snprintf(made->cause, sizeof(made->cause), "CPU at %.0f %%", sample->cpu_percent);
    tuner->trial_pressure = cpu;
    tuner->trial_percent = sample->cpu_percent;
    trial_begin(tuner, TUNER_LESS, TUNER_THREADS, old, rate);
    return true;
}

static void raise_threshold(double *threshold, double measured, double most)
{
    double raised = measured + RAISED_BY > most ? most : measured + RAISED_BY;
    *threshold = raised > *threshold ? raised : *threshold;
}

/* A pipeline that uses its machine well is not under pressure: what led to the step no longer does,
 * only more of it. */
static void raise_thresholds(struct tuner *tuner)
{
    struct tuner_pressure *memory = &tuner->memory, *cpu = &tuner->cpu;
    if (tuner->trial_pressure == cpu) {
        raise_threshold(&cpu->high, tuner->trial_percent, CPU_MOST);
        raise_threshold(&cpu->critical, tuner->trial_percent, CPU_MOST);
        return;
    }
    /* Memory's second threshold stays: what comes after it is the end of the process. */
    if (tuner->trial_percent > memory->high) {
        raise_threshold(&memory->high, tuner->trial_percent, MEMORY_HIGH_MOST);
    }
    if (tuner->trial_stalled > tuner->stalled_high) {
        raise_threshold(&tuner->stalled_high, tuner->trial_stalled, STALLED_HIGH_MOST);
    }
}

static void take_back(struct tuner *tuner, double rate, struct tuner_report *report)
{
    struct tuner_change *made;
    bool less = tuner->trial == TUNER_LESS;
    if (less) {
        raise_thresholds(tuner);
    }
    if (change(tuner, tuner->trial_parameter, tuner->trial_old, report, &made)) {
        made->pressure = less;
        snprintf(made->cause, sizeof(made->cause), "%.0f rows/s after the step, %.0f before it",
                 rate, tuner->trial_rate);
    }
}

/* Looks at the step made last, once its window is full. */
static void judge(struct tuner *tuner, const struct ps_resource_sample *sample, double rate,
                  struct tuner_report *report)
{
    enum tuner_trial trial = tuner->trial;
    bool comparable = tuner->trial_work == tuner->window_work && tuner->trial_rate > 0;
    if (trial == TUNER_LESS && comparable && rate < (1 - LOSS_ALLOWED) * tuner->trial_rate &&
        !(tuner->trial_pressure == &tuner->memory &&
          sample->memory_percent > tuner->memory.critical)) {
        take_back(tuner, rate, report);
    } else if (trial == TUNER_MORE && comparable && rate <= (1 + GAIN_WANTED) * tuner->trial_rate) {
        tuner->grown = tuner->grown || tuner->trial_parameter == TUNER_BATCH_ROWS;
        tuner->spread = tuner->spread || tuner->trial_parameter == TUNER_TABLE_THREADS;
        take_back(tuner, rate, report);
    }
    tuner->trial = TUNER_NO_TRIAL;
}

static bool step_up(struct tuner *tuner, enum tuner_parameter parameter, uint32_t value,
                    const struct ps_resource_sample *sample, struct tuner_report *report)
{
    struct tuner_change *made;
    if (!change(tuner, parameter, value, report, &made)) {
        return false;
    }
    made->pressure = true;
    if (parameter == TUNER_THREADS) {
        snprintf(made->cause, sizeof(made->cause), "CPU at %.0f %% again", sample->cpu_percent);
    } else {
        snprintf(made->cause, sizeof(made->cause), "memory at %.0f %% again",
                 sample->memory_percent);
    }
    tuner->memory.calm = tuner->cpu.calm = 0;
    tuner->stepped_up = true;
    return true;
}

static uint32_t least_of(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* One step back towards what it began with; true: one was made. */
static bool recover(struct tuner *tuner, const struct ps_resource_sample *sample,
                    struct tuner_report *report)
{
    if (tuner->threads < tuner->threads_max && tuner->cpu.calm >= tuner->calm_wanted) {
        return step_up(tuner, TUNER_THREADS, tuner->threads + 1, sample, report);
    }
    if (tuner->batch_rows < tuner->batch_rows_first && tuner->memory.calm >= tuner->calm_wanted) {
        uint32_t rows = tuner->batch_rows + tuner->batch_rows / 2 + 1;
        return step_up(tuner, TUNER_BATCH_ROWS, least_of(rows, tuner->batch_rows_first), sample,
                       report);
    }
    return false;
}

/* Tries batches of twice the size, then more threads for one table. */
static void grow(struct tuner *tuner, const struct ps_resource_sample *sample, double rate,
                 struct tuner_report *report)
{
    bool calm = sample->memory_percent >= 0 && tuner->memory.calm >= IN_A_ROW &&
                sample->cpu_percent <= tuner->cpu.high;
    bool reduced =
        tuner->batch_rows < tuner->batch_rows_first || tuner->threads < tuner->threads_max;
    if (!calm || reduced || rate <= 0) {
        return;
    }
    bool batches = !tuner->grown && tuner->batch_rows < tuner->batch_rows_max;
    bool threads = !tuner->spread && tuner->table_threads + 1 < tuner->threads_max;
    enum tuner_parameter parameter = batches ? TUNER_BATCH_ROWS : TUNER_TABLE_THREADS;
    uint32_t old = *parameter_of(tuner, parameter);
    uint32_t more = !batches                          ? old + 1
                    : old > tuner->batch_rows_max / 2 ? tuner->batch_rows_max
                                                      : 2 * old;
    struct tuner_change *made;
    if ((batches || threads) && change(tuner, parameter, more, report, &made)) {
        snprintf(made->cause, sizeof(made->cause), "nothing is short: is it faster?");
        trial_begin(tuner, TUNER_MORE, parameter, old, rate);
    }
}

static void look_at_disk(struct tuner *tuner, const struct ps_resource_sample *sample,
                         struct tuner_report *report)
{
    const struct tuner_limits *limits = &tuner->limits;
    bool spare = sample->disk_free_bytes >= limits->disk_spare_bytes;
    if (sample->disk_percent < 0 || spare || sample->disk_percent < limits->disk_high) {
        return;
    }
    report->disk_stop = sample->disk_percent >= limits->disk_critical;
    report->disk_warned = !report->disk_stop && !tuner->disk_told;
    tuner->disk_told = true;
    snprintf(report->message, sizeof(report->message),
             "the disk of %.256s is %.0f %% full, with %llu MiB free", sample->disk_path,
             sample->disk_percent, (unsigned long long)(sample->disk_free_bytes >> 20));
}

/* Says once that nothing can be read: all stays as it is. */
static void look_at_nothing(struct tuner *tuner, const struct ps_resource_sample *sample,
                            struct tuner_report *report)
{
    if (tuner->unknown_told || sample->memory_percent >= 0 || sample->cpu_percent >= 0 ||
        sample->stalled_percent >= 0 || report->disk_warned || report->disk_stop) {
        return;
    }
    tuner->unknown_told = report->unknown = true;
    snprintf(report->message, sizeof(report->message),
             "neither memory nor CPU can be read on this machine: batches and threads stay as "
             "they are");
}

/* Pressure that comes back after a step up makes the next one wait longer. */
static void note_relapse(struct tuner *tuner)
{
    if (tuner->stepped_up && tuner->calm_wanted < CALM_WANTED_MAX) {
        tuner->calm_wanted *= 2;
    }
    tuner->stepped_up = false;
}

/* What the last three samples say of the step made before them, and which one comes next. */
static void look_back(struct tuner *tuner, const struct ps_resource_sample *sample, double rate,
                      struct tuner_report *report)
{
    if (tuner->trial != TUNER_NO_TRIAL) {
        judge(tuner, sample, rate, report);
    }
    if (report->changes_count == 0 && !recover(tuner, sample, report)) {
        grow(tuner, sample, rate, report);
    }
}

/* What the destination takes its time for says nothing of batches and threads. */
static void sit_out(struct tuner *tuner, const struct ps_resource_sample *sample,
                    const struct tuner_progress *progress)
{
    if (tuner->trial == TUNER_LESS) {
        tuner->trial = TUNER_NO_TRIAL;
    }
    window_begin(tuner, sample, progress);
}

void tuner_take(struct tuner *tuner, const struct ps_resource_sample *sample,
                const struct tuner_progress *progress, struct tuner_report *ret_report)
{
    *ret_report = (struct tuner_report){.changes_count = 0};
    look_at_disk(tuner, sample, ret_report);
    look_at_nothing(tuner, sample, ret_report);
    if (sample->memory_percent < 0 && sample->cpu_percent < 0 && sample->stalled_percent < 0) {
        return;
    }
    count(&tuner->memory, sample->memory_percent, sample->stalled_percent > tuner->stalled_high);
    count(&tuner->cpu, sample->cpu_percent, false);
    if (progress->held) {
        sit_out(tuner, sample, progress);
    } else if (tuner->window_samples < 0 || tuner->window_work != progress->work) {
        window_begin(tuner, sample, progress);
    } else {
        tuner->window_samples++;
    }
    double rate = window_rate(tuner, sample, progress->rows);
    if (reduce_memory(tuner, sample, rate, ret_report) ||
        reduce_cpu(tuner, sample, rate, ret_report)) {
        note_relapse(tuner);
    } else if (progress->held) {
        (void)recover(tuner, sample, ret_report);
    } else if (tuner->window_samples >= IN_A_ROW) {
        look_back(tuner, sample, rate, ret_report);
    }
    if (ret_report->changes_count > 0) {
        window_begin(tuner, sample, progress);
    }
}

void tuner_throttle(struct tuner *tuner, struct tuner_report *report)
{
    struct tuner_change *made;
    if (change(tuner, TUNER_THREADS, tuner->threads < 2 ? 1 : tuner->threads / 2, report, &made)) {
        made->pressure = true;
        snprintf(made->cause, sizeof(made->cause), "the source asks for less");
        tuner->cpu.calm = 0;
        tuner->trial = TUNER_NO_TRIAL;
        tuner->window_samples = -1;
    }
}
