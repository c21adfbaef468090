"""How far a sync is, by the statistics of a real database."""

import json

import pytest
from flow import Flow

OFTEN = {"PENSTOCK_FAULT": "cli.progress_often=fail"}


@pytest.fixture
def told(penstock_debug, database):
    """The events of progress of a sync of twenty batches, at each of which one may come."""
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, updated_at timestamptz);"
        "INSERT INTO t SELECT i, now() FROM generate_series(1, 20000) AS i"
    )
    pace = {"batch_size": "1000", "batch_delay_ms": "110", "threads": "1"}
    flow = Flow(penstock_debug, database, lookback_seconds="86400", **pace)

    def sync():
        done = penstock_debug("sync", "--config", flow.configure(), "--json", env=OFTEN)
        assert done.code == 0, done.err
        events = [json.loads(line) for line in done.out.splitlines()]
        return [event for event in events if event["event"] == "progress"]

    return sync


def test_progress_is_told_in_percent_where_statistics_are(told, database):
    database.psql("ANALYZE t")
    events = told()
    percents = [event["percent"] for event in events]
    assert any(0 < percent < 100 for percent in percents)
    assert percents == sorted(percents)
    for event in events:
        if event["percent"] < 100 and event["rows"] > 0:
            assert event["percent"] == min(99, 100 * event["rows"] // 20000)
    assert any((event["seconds_left"] or 0) > 0 for event in events)


def test_progress_has_no_percent_where_changes_alone_are_read(told):
    """The look-back brings all rows again; that it does, no statistics tell."""
    told()
    events = told()
    assert any(event["rows"] > 0 and event["tables_done"] == 0 for event in events)
    for event in events:
        if event["tables_done"] == 0:
            assert event["percent"] is None and event["seconds_left"] is None
