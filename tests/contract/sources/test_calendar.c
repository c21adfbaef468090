/*
 * The example of docs/adding-a-source.md, held to the contract of sources: what readers copy works.
 */
#include "contract/sources/suite.h"
#include "custom_source/calendar.h"
#include "support/rows.h"

int main(void)
{
    static const char *const settings[] = {"calendar_first_day=2023-12-01", "calendar_days=700",
                                           NULL};
    struct ps_config *config = rows_config(&ps_source_calendar, settings);
    struct contract_source contract = {
        .ops = &ps_source_calendar, .config = config, .torture = true, .counts_rows = true};

    int failed = contract_source_run("calendar", &contract);
    rows_config_free(config);
    return failed;
}
