"""A disk that is fuller than the user wants: the sync ends with what it has, and goes on later."""

import os

import pytest
from flow import Flow


def used_percent(folder):
    space = os.statvfs(folder)
    used = space.f_blocks - space.f_bfree
    return 100 * used / (used + space.f_bavail)


@pytest.fixture
def flow(penstock, database):
    if used_percent(penstock.folder) < 1.5:
        pytest.skip("the disk is as good as empty")
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text);"
        "INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 1000) i"
    )
    return Flow(penstock, database)


def test_full_disk_ends_the_sync_and_says_what_to_free(flow):
    thresholds = {"disk_threshold_high": "1", "disk_threshold_critical": "1"}
    done = flow.penstock("sync", "--config", flow.configure(**thresholds), "--json")
    assert done.code == 2, done.err
    assert done.document["error"]["class"] == "disk"
    message = done.document["error"]["message"]
    assert "the disk of files is" in message and "free some of it" in message
    assert flow.sync()["status"] == "succeeded"
    flow.assert_equal("t")


def test_disk_that_gets_short_is_a_warning(flow):
    thresholds = {"disk_threshold_high": "1", "disk_threshold_critical": "100"}
    document = flow.sync(**thresholds)
    assert any("the disk of files is" in warning for warning in document["warnings"])
    flow.assert_equal("t")
