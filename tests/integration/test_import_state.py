"""States of Python connectors: what was synced by one is gone on with, without a load."""

import json

import pytest
from clients.connector import sync
from flow import Flow, table_result, warnings_about

CREATE = """
CREATE TABLE orders (k int PRIMARY KEY, v text, updated_at timestamptz);
INSERT INTO orders SELECT i, 'v' || i, timestamptz '2024-05-01 00:00Z' + i * interval '1 hour'
  FROM generate_series(1, 48) i;
CREATE TABLE items (k int PRIMARY KEY, v text, updated_at timestamptz);
INSERT INTO items SELECT k, v, updated_at FROM orders;
CREATE TABLE plain (k int PRIMARY KEY, v text);
INSERT INTO plain VALUES (1, 'a'), (2, 'b');
"""
# Forty-eight rows, one an hour: the last five are as late or later.
EDGE = "2024-05-02T20:00:00+00:00"


@pytest.fixture
def flow(penstock, database):
    database.psql(CREATE)
    (penstock.folder / "files").mkdir()
    return Flow(penstock, database, lookback_seconds="0")


def write_state(flow, document):
    (flow.penstock.folder / "files/state.json").write_text(json.dumps(document))


def results(document):
    found = {}
    for name in ["orders", "items", "plain"]:
        table = table_result(document, name)
        found[name] = (table["upserts"], table["truncates"])
    return found


@pytest.mark.parametrize(
    ("state", "sent"),
    [
        ({"orders_last_updated_at": EDGE}, 5),
        ({"orders": EDGE}, 6),  # an hour back
        ({"public_orders": EDGE}, 6),
        ({"orders_last_sync": EDGE, "preprocessing_orders": "x"}, 6),
    ],
)
def test_table_goes_on_from_the_state(flow, state, sent):
    write_state(flow, state)
    first = flow.sync()
    assert results(first) == {"orders": (sent, 0), "items": (48, 1), "plain": (2, 1)}
    assert "Python connector" in table_result(first, "orders")["reason"]
    kept = json.loads((flow.penstock.folder / "files/state.json").read_text())
    assert kept["penstock"] == 1 and kept["warehouse"] and "imported" not in kept
    # From now on its own edge counts: one row ties with it.
    assert results(flow.sync()) == {"orders": (1, 0), "items": (1, 0), "plain": (2, 1)}


def test_one_time_for_all_tables(flow):
    write_state(flow, {"last_updated_at": EDGE})
    assert results(flow.sync()) == {"orders": (5, 0), "items": (5, 0), "plain": (2, 1)}


def test_entry_that_may_mean_two_tables_is_gone_on_from_by_neither(flow):
    flow.database.psql(
        "CREATE TABLE public_orders (LIKE orders INCLUDING ALL);"
        "INSERT INTO public_orders SELECT * FROM orders"
    )
    write_state(flow, {"public_orders": EDGE, "items": EDGE})
    document = flow.sync()
    assert results(document) == {"orders": (48, 1), "items": (6, 0), "plain": (2, 1)}
    assert table_result(document, "public_orders")["upserts"] == 48
    for words in [("public.orders", "public.public_orders"), ("public.public_orders",)]:
        assert warnings_about(document, "is loaded whole", '"public_orders" in the state', *words)
    assert not warnings_about(flow.sync(), "is loaded whole")


def test_entry_that_another_one_makes_plain_is_gone_on_from(flow):
    flow.database.psql(
        "CREATE TABLE public_orders (LIKE orders INCLUDING ALL);"
        "INSERT INTO public_orders SELECT * FROM orders"
    )
    write_state(flow, {"public_orders": EDGE, "public_public_orders": EDGE})
    document = flow.sync()
    assert results(document)["orders"] == (6, 0)
    assert table_result(document, "public_orders")["upserts"] == 6


@pytest.mark.parametrize("never", ["1900-01-01T00:00:00Z", "1970-01-01", "2020-01-01T00:00:00", ""])
def test_time_that_means_never_is_a_first_sync(flow, never):
    write_state(flow, {"orders_last_updated_at": never})
    assert results(flow.sync())["orders"] == (48, 1)


@pytest.mark.parametrize("never", ["1970-01-01T00:00:00", None])
def test_never_of_a_table_counts_before_the_time_of_all_tables(flow, never):
    flow.database.psql("CREATE SCHEMA other; CREATE TABLE other.orders (LIKE orders INCLUDING ALL)")
    state = {"orders_last_updated_at": never, "items_last_updated_at": EDGE}
    write_state(flow, state | {"last_updated_at": EDGE})
    first = flow.sync()
    assert results(first) == {"orders": (48, 1), "items": (5, 0), "plain": (2, 1)}
    # Whole with good reason: no name was in doubt.
    assert not warnings_about(first, "is loaded whole")


def test_plan_shows_what_is_taken_over_and_resync_leaves_it_out(flow):
    write_state(flow, {"orders_last_updated_at": EDGE})
    path = flow.configure()
    plan = flow.penstock("plan", "--config", path, "--json").document
    loads = {table["table"]: table["load"] for table in plan["tables"]}
    assert loads == {"orders": False, "items": True, "plain": True}
    assert results(flow.sync("--resync"))["orders"] == (48, 1)


def test_value_that_does_not_fit_the_cursor_is_refused_by_name(flow):
    write_state(flow, {"orders_last_updated_at": 4711})
    done = flow.penstock("sync", "--config", flow.configure())
    assert done.code == 2
    assert '"orders_last_updated_at" in the state that is taken over is `4711`' in done.err
    assert 'cursor "updated_at" of the table "orders" has the type UTC_DATETIME' in done.err


def test_warehouse_with_a_state_of_its_own_refuses_another(flow):
    flow.sync()
    write_state(flow, {"orders_last_updated_at": EDGE})
    done = flow.penstock("sync", "--config", flow.configure())
    assert done.code == 2
    assert "Python connector's state" in done.err and "files/warehouse.db" in done.err


def test_tables_that_were_not_asked_for_go_on_later(flow):
    write_state(flow, {"orders_last_updated_at": EDGE, "items_last_updated_at": EDGE})
    flow.sync("--tables", "orders")
    assert results(flow.sync()) == {"orders": (1, 0), "items": (5, 0), "plain": (2, 1)}


def test_table_that_comes_after_the_first_sync_is_read_whole(flow):
    write_state(flow, {"last_updated_at": EDGE})
    flow.sync()
    flow.database.psql(
        "CREATE TABLE late (LIKE orders INCLUDING ALL); INSERT INTO late TABLE orders"
    )
    assert table_result(flow.sync(), "late")["upserts"] == 48


def test_platforms_state_is_gone_on_with(serve, flow):
    configuration = flow.database.configuration(lookback_seconds="0")
    replica = sync(
        serve().client, configuration, state=json.dumps({"orders_last_updated_at": EDGE})
    )
    assert len(replica.rows("orders")) == 5
    assert len(replica.rows("items")) == 48
    assert "imported" not in json.loads(replica.state)
