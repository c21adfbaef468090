"""What tests that kill a sync share: the kill, and what must be true of the files after it."""

import json
import time

import duckdb


def state_row(warehouse):
    """(id, number, document) of the warehouse's own state; the document None before the first."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = connection.execute("SELECT id, number, state FROM penstock.state").fetchall()
    assert len(found) == 1
    warehouse_id, number, text = found[0]
    return warehouse_id, number, json.loads(text) if text else None


def assert_consistent(folder, warehouse="files/warehouse.db", state="files/state.json"):
    """What must be true after a kill: the file opens, and the copy of the state is no newer."""
    warehouse, state = folder / warehouse, folder / state
    if not warehouse.exists():
        assert not state.exists()
        return 0
    try:
        warehouse_id, number, document = state_row(warehouse)
    except duckdb.CatalogException:
        # Killed while the file was being made.
        assert not state.exists()
        return 0
    if document is not None:
        assert document["number"] == number
    if state.exists() and state.read_text().strip():
        copy = json.loads(state.read_text())
        assert copy["warehouse"] == warehouse_id
        assert copy["number"] <= number
    return number


def kill_after(process, seconds):
    """True where it was still running then."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    running = process.poll() is None
    process.kill()
    process.communicate()
    return running


def load_of(flow, table):
    """What the warehouse's state keeps of the load of a table; None: nothing."""
    try:
        text = flow.value("SELECT state FROM penstock.state")
    except duckdb.Error:
        return None  # killed while the file was being made
    tables = json.loads(text)["tables"] if text else []
    return next((entry.get("load") for entry in tables if entry["table"] == table), None)


def parts_finished(load):
    count = 0
    for run in filter(None, load.get("finished", "").split(",")):
        first, _, last = run.partition("-")
        count += int(last or first) - int(first) + 1
    return count
