/*
 * The conformance suite on the null sink, as far as one can tell without rows.
 */
#include "contract/sinks/suite.h"
#include "sinks/null/null.h"

static const char *fresh(void)
{
    return "null";
}

static void forget(const char *destination)
{
    (void)destination;
}

int main(void)
{
    const struct contract_sink contract = {
        .ops = &ps_sink_null, .fresh = fresh, .forget = forget, .rows = NULL};
    return contract_sink_run("contract: null sink", &contract);
}
