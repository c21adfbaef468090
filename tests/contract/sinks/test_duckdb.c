/*
 * The conformance suite on the DuckDB sink.
 */
#include "contract/sinks/suite.h"
#include "sinks/duckdb/duckdb.h"
#include "support/warehouse.h"

int main(void)
{
    const struct contract_sink contract = {
        .ops = &ps_sink_duckdb,
        .fresh = warehouse_path,
        .forget = warehouse_remove,
        .rows = warehouse_rows,
    };
    return contract_sink_run("contract: duckdb sink", &contract);
}
