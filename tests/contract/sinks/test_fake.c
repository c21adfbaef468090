/*
 * The conformance suite on the fake sink: what the engine's tests rely on is what a sink is.
 */
#include "contract/sinks/suite.h"
#include "support/fake_sink.h"

static const char *fresh(void)
{
    fake_sink_forget();
    return "fake";
}

static void forget(const char *destination)
{
    (void)destination;
    fake_sink_forget();
}

int main(void)
{
    const struct contract_sink contract = {
        .ops = &fake_sink_ops,
        .fresh = fresh,
        .forget = forget,
        .rows = fake_sink_rows,
    };
    return contract_sink_run("contract: fake sink", &contract);
}
