"""Tables that change between syncs, as the platform sees it: each shape is announced before its
records (`Replica` refuses a record that does not fit what was announced).
"""

from clients.connector import sync
from clients.source_rows import assert_same


def again(serve_client, database, replica, **settings):
    configuration = {**database.configuration(), **settings}
    replica.order.clear()
    replica.take(serve_client.update(configuration, state=replica.state))


def test_changed_key_is_announced_and_the_table_loaded_again(serve, database):
    database.psql("CREATE TABLE t (k int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 2)")
    client = serve().client
    replica = sync(client, database.configuration())
    before = replica.tables[None, "t"]
    database.psql(
        "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (k, v);"
        "INSERT INTO t VALUES (1, 3)"
    )
    again(client, database, replica)
    assert replica.tables[None, "t"] is not before
    assert [kind for name, kind in replica.order if name == (None, "t")][0] == "TRUNCATE"
    assert_same(database, replica, "t")


def test_renamed_table_is_a_new_one(serve, database):
    database.psql("CREATE TABLE t (k int PRIMARY KEY); INSERT INTO t VALUES (1), (2)")
    client = serve().client
    replica = sync(client, database.configuration())
    database.psql("ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (3)")
    again(client, database, replica)
    assert [kind for name, kind in replica.order if name == (None, "t")] == []
    assert_same(database, replica, "u")


def test_dropped_column_is_no_longer_sent(serve, database):
    database.psql("CREATE TABLE t (k int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)")
    client = serve().client
    replica = sync(client, database.configuration())
    database.psql("ALTER TABLE t DROP COLUMN v; INSERT INTO t VALUES (2)")
    again(client, database, replica)
    assert_same(database, replica, "t")


def test_flattened_members_are_announced_before_their_records(serve, database):
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, j jsonb, updated_at timestamptz);"
        "INSERT INTO t SELECT i, jsonb_build_object('a', i, 'm' || i / 100, 'x'), '2024-01-01'"
        " FROM generate_series(1, 400) i"
    )
    settings = {"flatten": "true", "batch_size": "20", "lookback_seconds": "0"}
    client = serve().client
    replica = sync(client, {**database.configuration(), **settings})
    table = replica.tables[None, "t"]
    assert table.type_of("j_a") == "LONG"
    assert table.type_of("j_m3") == "STRING"
    # What is known is not announced again; what is new is.
    again(client, database, replica, **settings)
    assert replica.tables[None, "t"] is table
    database.psql("INSERT INTO t VALUES (500, '{\"a\": 0.5}', now())")
    again(client, database, replica, **settings)
    assert replica.tables[None, "t"] is not table
    assert replica.tables[None, "t"].type_of("j_a") == "DECIMAL"
