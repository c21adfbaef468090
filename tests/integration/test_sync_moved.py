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


def test_another_database_is_read_whole_without_the_clusters_number(penstock, warehouse, database):
    """The second is a copy of the first, so that its tables have the same numbers."""
    copy = f"{database.name}_copy"
    login = {"user": "no_control", "password": "x1234567"}
    database.psql(
        TABLE.format("here", "here") + "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC;"
        "DROP ROLE IF EXISTS no_control; CREATE ROLE no_control LOGIN PASSWORD 'x1234567';"
        "GRANT SELECT ON t TO no_control"
    )
    database.server.psql(f'CREATE DATABASE "{copy}" TEMPLATE "{database.name}"')
    try:
        database.server.psql("UPDATE t SET v = 'there'", copy)
        reasons = []
        for name in (database.name, database.name, copy, copy):
            config = penstock.configure({**database.server.configuration(name), **login})
            result = penstock("sync", "--config", config, "--json")
            assert result.code == 0, result.err
            reasons.append(result.document["tables"][0]["reason"])
        assert ["rewritten" in reason for reason in reasons] == [False, False, True, False]
        rows = warehouse().execute("SELECT v FROM tester.t WHERE NOT _fivetran_deleted")
        assert rows.fetchall() == [("there",), ("there",)]
    finally:
        database.server.psql(f'DROP DATABASE "{copy}"')
        database.psql("DROP OWNED BY no_control; DROP ROLE no_control")


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
