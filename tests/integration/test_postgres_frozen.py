"""A server process that is stopped answers nothing, and the kernel answers keepalives for it."""

import contextlib
import os
import signal

import pytest
from flow import Flow, wait_until

# More than what the kernel keeps on its way, so that the server is in the midst of its rows.
ROWS = 40000
CREATE = f"""
CREATE TABLE t (k int PRIMARY KEY, pad text);
INSERT INTO t SELECT i, repeat(chr(65 + i % 26), 1500) FROM generate_series(1, {ROWS}) i;
"""
READING = (
    "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY%'"
    " AND wait_event = 'ClientWrite' AND datname = current_database()"
)


@pytest.fixture
def flow(penstock, database):
    database.psql(CREATE)
    slowly = {"threads": "1", "partition_rows": "1000000", "batch_size": "500"}
    return Flow(penstock, database, batch_delay_ms="50", **slowly)


def sender(database, process):
    """The process that waits for ours, which stands still from then on, to take its rows."""
    if database.psql(READING) == "":
        return None
    process.send_signal(signal.SIGSTOP)
    found = database.psql(READING)
    if found == "":
        process.send_signal(signal.SIGCONT)
    return found


@contextlib.contextmanager
def frozen(database, process):
    """Stops the process that sends the rows, until the block ends."""
    found = []
    wait_until(lambda: found.append(sender(database, process)) or found[-1], "rows are sent")
    pid = int(found[-1])
    os.kill(pid, signal.SIGSTOP)
    process.send_signal(signal.SIGCONT)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_read_goes_on_elsewhere_when_its_server_process_is_frozen(flow):
    process = flow.start(read_timeout="2")
    with frozen(flow.database, process):
        out, log = process.communicate(timeout=120)
    assert process.returncode == 0, log[-2000:]
    assert "the server has sent nothing for 2 s" in log
    flow.assert_equal("t")


def test_sync_can_be_called_off_while_its_server_process_is_frozen(flow):
    process = flow.start(read_timeout="0")
    with frozen(flow.database, process):
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 130, log[-2000:]
    flow.sync()
    flow.assert_equal("t")
