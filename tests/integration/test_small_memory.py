"""A sync in a control group of its own, with little memory: the kernel kills what takes more."""

import contextlib
import errno
import os
import signal
from pathlib import Path

import pytest
from flow import Flow

LIMIT = 256 << 20
ROWS = 60000
# Two kilobytes a row: four batches that each hold a whole table are twice the limit.
CREATE = "".join(
    f"CREATE TABLE t{i} (k int PRIMARY KEY, v text);"
    f"INSERT INTO t{i} SELECT i, repeat(md5(i::text), 64) FROM generate_series(1, {ROWS}) i;"
    for i in range(4)
)
WHOLE_TABLES = {"batch_size": "1000000", "batch_bytes": "536870912", "max_queue_size": "10000000"}


def own_groups(version):
    """The folders of this process' groups, as cgroups(7) tells."""
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    kind = "cgroup2" if version == 2 else "cgroup"
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        wanted = not controllers if version == 2 else "memory" in controllers.split(",")
        for mount in mounts:
            dash = mount.index("-")
            if not wanted or mount[dash + 1] != kind:
                continue
            if version == 2 or "memory" in mount[dash + 3].split(","):
                below = path.removeprefix(mount[3]) if mount[3] != "/" else path
                yield Path(mount[4]) / below.lstrip("/")


def set_limit(group, limit):
    for file in ("memory.max", "memory.limit_in_bytes"):
        if (group / file).exists():
            (group / file).write_text(str(limit))
            return
    raise OSError(errno.ENOENT, "no memory here")


def make_group():
    """A new group with the limit, below this process' own; and why there is none."""
    reasons = []
    for version in (2, 1):
        for parent in own_groups(version):
            group = parent / f"penstock-test-{os.getpid()}"
            try:
                group.mkdir()
            except OSError as error:
                reasons.append(f"v{version}: {error.strerror}")
                continue
            try:
                set_limit(group, LIMIT)
                swap = group / "memory.swap.max"
                if swap.exists():
                    swap.write_text("0")
                return group, None
            except OSError as error:
                group.rmdir()
                reasons.append(f"v{version}: {error.strerror}")
    return None, "; ".join(reasons) or "no control group with memory is mounted"


@pytest.fixture
def group():
    made, reason = make_group()
    if made is None:
        pytest.skip(f"no control group can be made here: {reason}")
    yield made
    with contextlib.suppress(OSError):
        made.rmdir()


@pytest.fixture
def flow(penstock, database):
    if penstock.binary.parent.name != "Release":
        pytest.skip("the sanitizers take more memory than there is")
    database.psql(CREATE)
    return Flow(penstock, database)


def sync_in(group, flow, *arguments, **settings):
    """A sync that is in the group from its first instruction on: exit status and document."""
    path = flow.configure(**settings)
    procs = group / "cgroup.procs"
    command = ["sh", "-c", f'echo $$ > {procs} && exec "$0" "$@"']
    done = flow.penstock(
        "sync", "--config", path, "--json", *arguments, before=command, timeout=120
    )
    return done.code, done


def test_batches_as_configured_are_killed_and_watched_ones_are_not(flow, group):
    nowhere = ["--destination", "null"]
    code, _ = sync_in(group, flow, *nowhere, enable_resource_monitoring="false", **WHOLE_TABLES)
    assert code == -signal.SIGKILL
    code, done = sync_in(group, flow, *nowhere, **WHOLE_TABLES)
    assert code == 0, done.err[-2000:]
    changes = done.document["parameter_changes"]
    assert changes[0]["parameter"] == "batch_bytes"
    assert changes[0]["new_value"] == LIMIT // 256
    assert changes[0]["cause"] == "256 MiB of memory may be used"
    assert done.document["totals"]["upserts"] == 4 * ROWS


def test_a_warehouse_is_filled_in_a_small_group_and_goes_on_outside_of_it(flow, group):
    for limit in (LIMIT, 2 * LIMIT):
        set_limit(group, limit)
        code, done = sync_in(group, flow, "--resync")
        assert code == 0, done.err[-2000:]
        assert done.document["totals"]["upserts"] == 4 * ROWS
    # Here the file is opened as any other.
    flow.database.psql("UPDATE t0 SET v = 'short' WHERE k <= 10; DELETE FROM t0 WHERE k > 59990")
    flow.sync("--tables", "t0", "--resync")
    flow.assert_equal("t0")
    assert [flow.value(f"SELECT count(*) FROM tester.t{i}") for i in range(4)] == [ROWS] * 4
