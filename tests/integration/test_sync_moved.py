"""A configuration that is pointed at another server goes on from no cursor of the former one."""

import pytest
from postgres import Postgres

TABLE = """
CREATE TABLE t (id int PRIMARY KEY, v text, updated_at timestamptz);
INSERT INTO t VALUES (1, '{}', '2024-01-01'), (2, '{}', '2024-01-02');
"""


@pytest.fixture
def twins():
    """Two fresh servers whose tables have the same numbers."""
    servers = [Postgres(), Postgres()]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.close()


def test_another_server_is_read_whole(penstock, warehouse, twins):
    here, there = twins
    here.psql(TABLE.format("here", "here"))
    there.psql(TABLE.format("there", "there"))
    numbers = [
        server.psql("SELECT pg_relation_filenode('t'), 't'::regclass::oid") for server in twins
    ]
    assert numbers[0] == numbers[1]
    for server in (here, there):
        config = penstock.configure(server.configuration("postgres") | {"source": "postgresql"})
        result = penstock("sync", "--config", config, "--json")
        assert result.code == 0, result.err
    assert "rewritten" in result.document["tables"][0]["reason"]
    rows = warehouse().execute("SELECT id, v FROM tester.t WHERE NOT _fivetran_deleted ORDER BY id")
    assert rows.fetchall() == [(1, "there"), (2, "there")]
