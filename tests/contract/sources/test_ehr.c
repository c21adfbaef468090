/*
 * The synthetic health records, held to the contract of sources: on the first day, and on a later
 * one with touched, deleted and new rows.
 */
#include "contract/sources/suite.h"
#include "sources/ehr/ehr.h"
#include "support/rows.h"

int main(void)
{
    static const char *const settings[] = {"ehr_seed=7", "ehr_patients=30", NULL};
    struct ps_config *config = rows_config(&ps_source_ehr, settings);
    struct contract_source contract = {
        .ops = &ps_source_ehr, .config = config, .torture = true, .counts_rows = true};

    int failed = contract_source_run("ehr, day 0", &contract);
    contract.syncs_completed = 300;
    failed += contract_source_run("ehr, day 300", &contract);
    rows_config_free(config);
    return failed;
}
