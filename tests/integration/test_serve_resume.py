"""A platform whose call ended in the middle of a load goes on with the state it has kept."""

import json

from clients.connector import Replica, sync

SETTINGS = {"partition_rows": "1000", "batch_size": "500", "checkpoint_rows": "4000"}


def begin(client, configuration, checkpoints):
    """A platform that takes so many checkpoints and is then no more."""
    replica = Replica()
    replica.declare(client.schema(configuration))
    stream = client.update(configuration)
    while len(replica.states) < checkpoints:
        replica.apply(next(stream))
    stream.cancel()
    return replica


def test_load_goes_on_from_the_last_checkpoint_of_a_client_that_died(serve, database):
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text);"
        "INSERT INTO t SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, 40000) i;"
        "ANALYZE t"
    )
    configuration = database.configuration(**SETTINGS)
    server = serve()
    replica = begin(server.client, configuration, 3)
    sent = replica.counts["UPSERT"]
    kept = json.loads(replica.state)["tables"][0]
    assert kept["loading"] and "finished" in kept["load"]
    # Rows that were not sent yet move to where the load has been.
    database.psql("UPDATE t SET v = v || '!' WHERE k > 39000")
    sync(server.client, configuration, replica, state=replica.state)
    assert replica.counts["TRUNCATE"] == 1
    assert sent < 40000
    expected = dict(
        line.split("|") for line in database.psql("SELECT k || '|' || v FROM t").splitlines()
    )
    found = {str(row["k"]): row["v"] for row in replica.rows("t").values()}
    assert found == expected
    assert "load" not in json.loads(replica.state)["tables"][0]


def test_many_columns_of_small_tables_are_checkpointed_before_the_end(serve, database):
    """What comes after a checkpoint is held by the destination until the next: for each column."""
    columns = "".join(f", c{number} int" for number in range(1000))
    for table in range(6):
        database.psql(f"CREATE TABLE t{table} (k int PRIMARY KEY{columns})")
        database.psql(f"INSERT INTO t{table} (k) VALUES (1)")
    configuration = database.configuration()
    client = serve().client
    replica = Replica()
    replica.declare(client.schema(configuration))
    sync(client, configuration, replica)
    assert len(replica.states) >= 2
    assert any(
        0 < sum("mode" in table for table in json.loads(state)["tables"]) < 6
        for state in replica.states
    )
