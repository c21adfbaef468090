/*
 * The example source, held to the contract of sources.
 */
#include "contract/sources/suite.h"
#include "sources/example/example.h"
#include "support/rows.h"

int main(void)
{
    static const char *const settings[] = {"apiBaseURL=https://api.example.com", NULL};
    struct ps_config *config = rows_config(&ps_source_example, settings);
    struct contract_source contract = {
        .ops = &ps_source_example, .config = config, .torture = true, .untyped = true};
    int failed = contract_source_run("example", &contract);
    rows_config_free(config);
    return failed;
}
