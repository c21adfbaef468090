/*
 * Progress against estimates. See ahead.h.
 */
#include "engine/ahead.h"

#include "engine/parts.h"

/* Statistics are never so good that the last percent is known. */
#define PERCENT_MAX 99
/* A rate of less than this says nothing. */
#define SECONDS_LEAST 1.0

int64_t ahead_expect(const struct ps_plan_table *table)
{
    const struct ps_load_state *load = table->resume;
    const int64_t rows = table->source_table->rows_estimate;
    if (!table->load || rows < 0) {
        return -1;
    }
    return load == NULL || load->parts_count == 0
               ? rows
               : (int64_t)((double)rows * (1 - parts_read_share(load)));
}

void ahead_tell(const struct ps_run_result *result, const int64_t *expected,
                struct ps_progress *progress)
{
    double all = 0, sent = 0;
    bool known = true;
    progress->percent = -1;
    progress->seconds_left = -1;
    if (progress->tables_done == progress->tables_total) {
        progress->percent = 100;
        progress->seconds_left = 0;
        return;
    }
    for (size_t i = 0; i < result->tables_count && known; i++) {
        const struct ps_table_result *table = &result->tables[i];
        const double rows = (double)(table->upserts + table->updates + table->deletes);
        known = table->done || (table->load && expected[i] >= 0);
        sent += rows;
        all += table->done || rows > (double)expected[i] ? rows : (double)expected[i];
    }
    if (!known || all <= 0) {
        return;
    }
    const double percent = 100 * sent / all;
    progress->percent = percent > PERCENT_MAX ? PERCENT_MAX : (int)percent;
    /* Where more has come than was expected, nobody knows how much is left. */
    if (sent > 0 && percent <= PERCENT_MAX && progress->seconds >= SECONDS_LEAST) {
        progress->seconds_left = progress->seconds * (all - sent) / sent;
    }
}
