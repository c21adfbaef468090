"""The source before what says it is YugabyteDB: PostgreSQL 15 behind a proxy with its version, and
functions of its names. No registry has the real one; what is tested is that the
dialect is followed, not that a cluster answers so.
"""

import pytest
from flow import Flow, session, warnings_about
from postgres import free_port
from postgresql.proxy import Fault, Proxy, Script

VERSION = "PostgreSQL 15.12-YB-2025.2.2.2-b0 on x86_64-pc-linux-gnu"
CREATE = """
CREATE TABLE t (k int PRIMARY KEY, v text, updated_at timestamptz DEFAULT now());
INSERT INTO t SELECT i, 'v' || i, '2024-01-01' FROM generate_series(1, 500) i;
"""
# A server knows settings of others by names with a dot alone.
FOLLOWER_SETTINGS = {
    "yb_follower_read_staleness_ms": "yb.follower_read_staleness_ms",
    "yb_read_from_followers": "yb.read_from_followers",
}
SERVERS = """
CREATE OR REPLACE FUNCTION pg_catalog.yb_servers() RETURNS TABLE (host text, port bigint,
    num_connections bigint, node_type text, cloud text, region text, zone text, public_ip text,
    uuid text) LANGUAGE sql AS $$ VALUES {rows} $$;
"""


class Cluster:
    """Nodes that are proxies before one server, each with its own list of what was asked of it."""

    def __init__(self, penstock, database):
        self.database = database
        scripts = [Script(version=VERSION, renamed=FOLLOWER_SETTINGS) for _ in range(3)]
        self.nodes = [Proxy(database.server, script) for script in scripts]
        self.flow = Flow(
            penstock, database, source="yugabytedb", port=str(self.nodes[0].port),
            lookback_seconds="0", connect_timeout="20",
        )  # fmt: skip
        self.flow.configure = self.configure
        self.penstock = penstock
        database.psql(CREATE)

    def configure(self, **settings):
        whole = {**self.database.configuration(), **self.flow.settings, **settings}
        return self.penstock.configure({**whole, "retry_sleep_seconds": "1"})

    def say_servers(self, *places, ids="uuuuuuuu"):
        """What yb_servers() answers: (host, port, public_ip) of each node, with one of the ids."""
        rows = ", ".join(
            f"('{host}', {port}::bigint, 0::bigint, 'primary', 'c', 'r', 'z', '{public}', '{id_}')"
            for (host, port, public), id_ in zip(places, ids, strict=False)
        )
        self.database.psql(SERVERS.format(rows=rows))

    def check(self, **settings):
        done = self.penstock("check", "--config", self.configure(**settings), "--json")
        assert done.code == 0, done.out + done.err
        return done.document

    def close(self):
        for node in self.nodes:
            node.close()


@pytest.fixture
def cluster(penstock, database):
    cluster = Cluster(penstock, database)
    yield cluster
    cluster.close()


def test_dialect_is_shown_whatever_the_source_is_called(cluster):
    for name in ("yugabytedb", "postgresql"):
        document = cluster.check(source=name)
        assert document["server"].startswith(
            "YugabyteDB 2025.2.2.2-b0, which speaks PostgreSQL 15.12"
        )


def test_horizon_is_asked_of_every_node(cluster):
    """By the address that the cluster uses, or the one for outside; late commits are found."""
    cluster.say_servers(
        *(("127.0.0.1", node.port, "") for node in cluster.nodes[:2]),
        ("/nowhere", cluster.nodes[2].port, "127.0.0.1"),
    )
    assert cluster.check()["horizon"] == {"known": True}
    for node in cluster.nodes:
        assert any("pg_stat_activity" in sql for sql in node.statements)
    with session(cluster.database) as writer:
        writer("BEGIN; INSERT INTO t VALUES (1000, 'late')")
        cluster.database.psql("SELECT pg_sleep(0.1); INSERT INTO t VALUES (1001, 'early')")
        cluster.flow.sync()
        assert cluster.flow.value("SELECT count(*) FROM tester.t") == 501
        writer("COMMIT")
    document = cluster.flow.sync()
    assert not warnings_about(document, "look-back")
    cluster.flow.assert_equal("t")


def test_own_reads_hold_no_horizon_back(cluster):
    """They have a name that no other process has, since process numbers repeat among nodes."""
    cluster.say_servers(("127.0.0.1", cluster.nodes[0].port, ""))
    cluster.flow.sync()
    names = {
        part
        for sql in cluster.nodes[0].statements
        for part in sql.split(";")
        if "application_name = " in part
    }
    assert len(names) == 1
    own = names.pop().split(" = ")[1]
    asked = [sql for sql in cluster.nodes[0].statements if "IS DISTINCT FROM" in sql]
    assert asked
    assert all(f"application_name IS DISTINCT FROM {own}" in sql for sql in asked)


def test_node_out_of_reach_leaves_the_horizon_unknown(cluster):
    gone = free_port()
    cluster.say_servers(("127.0.0.1", cluster.nodes[0].port, ""), ("127.0.0.1", gone, ""))
    horizon = cluster.check()["horizon"]
    assert not horizon["known"]
    assert f"127.0.0.1:{gone}" in horizon["reason"]
    assert "Connection refused" in horizon["reason"]
    assert "the look-back stands in" in horizon["reason"]
    assert warnings_about(cluster.flow.sync(), "the look-back stands in")
    cluster.flow.assert_equal("t")


def test_cluster_that_lists_no_nodes_leaves_the_horizon_unknown(cluster):
    """There is no such function: an old version, or another make."""
    horizon = cluster.check()["horizon"]
    assert not horizon["known"]
    assert "yb_servers()" in horizon["reason"]
    cluster.flow.sync()
    cluster.flow.assert_equal("t")


def test_another_cluster_is_read_whole(cluster):
    """It is the same one for as long as a node of it is there."""
    places = [("127.0.0.1", node.port, "") for node in cluster.nodes]
    reasons = []
    for ids in ("abc", "abc", "dbe", "edx", "yz", "zy"):
        cluster.say_servers(*places, ids=[f"{letter * 8}-0000" for letter in ids])
        reasons.append(cluster.flow.sync()["tables"][0]["reason"])
    rewritten = ["rewritten" in reason for reason in reasons]
    assert rewritten == [False, False, False, False, True, False]


def test_login_that_cannot_see_other_sessions(cluster):
    cluster.say_servers(("127.0.0.1", cluster.nodes[0].port, ""))
    cluster.database.psql(
        "DROP ROLE IF EXISTS yb_low; CREATE ROLE yb_low LOGIN PASSWORD 'x1234567';"
        "GRANT SELECT ON t TO yb_low"
    )
    try:
        with session(cluster.database) as other:
            other("BEGIN; SELECT 1")
            horizon = cluster.check(user="yb_low", password="x1234567")["horizon"]
        assert not horizon["known"]
        assert 'GRANT pg_read_all_stats TO "yb_low"' in horizon["reason"]
    finally:
        cluster.database.psql("DROP OWNED BY yb_low; DROP ROLE yb_low")


def test_node_that_fails_is_replaced_by_the_next_host(cluster):
    """The read ends in the middle, and the node takes nobody any more."""
    first = cluster.nodes[0]
    first.script.faults += [
        Fault("^COPY", "57P01", "terminating connection", 100, ends=True),
    ]
    hosts = ",".join(f"127.0.0.1:{node.port}" for node in cluster.nodes)

    def refuse_from_now_on(fault):
        return fault.happened > 0

    copy = first.script.faults[0]
    first.script.faults.append(
        Fault(
            None, "57P03", "the server is stopping", times=99, once=lambda: refuse_from_now_on(copy)
        )
    )
    cluster.flow.sync(host=hosts, threads="1")
    assert copy.happened == 1
    assert any(sql.startswith("COPY") for sql in cluster.nodes[1].statements)
    cluster.flow.assert_equal("t")


@pytest.mark.parametrize("works", [True, False], ids=["exported", "refused"])
def test_point_in_time_is_shared_where_the_cluster_can(cluster, works):
    """Without it each connection takes its own, and nothing fails."""
    if not works:
        for node in cluster.nodes:
            node.script.faults.append(
                Fault(
                    "SELECT pg_export_snapshot",
                    "0A000",
                    "cannot export or import snapshot",
                    times=99,
                )
            )
    cluster.flow.sync()
    cluster.flow.assert_equal("t")


HASHES = """
CREATE FUNCTION pg_catalog.yb_hash_code(anyelement) RETURNS int IMMUTABLE LANGUAGE sql
    AS $$ SELECT (abs(hashtext($1::text)::bigint) % 65536)::int $$;
CREATE FUNCTION pg_catalog.yb_table_properties(oid) RETURNS TABLE (num_tablets bigint,
    num_hash_key_columns bigint) LANGUAGE sql AS $$ VALUES (3::bigint, 1::bigint) $$;
INSERT INTO t SELECT i, repeat('v', 90) FROM generate_series(501, 60000) i;
CREATE TABLE u (k int NOT NULL UNIQUE, v text); INSERT INTO u SELECT k, v FROM t;
ANALYZE t; ANALYZE u;
"""


def test_table_is_read_whole_in_ranges_of_hash_codes(cluster):
    """Where its key is declared: the codes of a table without one are not those of an index."""
    cluster.database.psql(HASHES)
    cluster.flow.sync(threads="2", partition_rows="10000")
    cluster.flow.assert_equal("t", "u")
    reads = [sql for sql in cluster.nodes[0].statements if sql.startswith("COPY")]
    hashed = [sql for sql in reads if "yb_hash_code(" in sql]
    assert len(hashed) > 1
    assert all('."t"' in sql for sql in hashed)


RANGES = """
CREATE FUNCTION pg_catalog.yb_table_properties(oid) RETURNS TABLE (num_tablets bigint,
    num_hash_key_columns bigint) LANGUAGE sql AS $$ VALUES (3::bigint, 0::bigint) $$;
CREATE COLLATION other (provider = icu, locale = 'und-u-kf-upper');
"""
# Keys of a table that is cut by ranges: type, and the i-th of 12,000 values. The order of the
# texts is not that of their bytes, and they hold what needs quotes.
RANGED = {
    "numbers": ("int", "i - 6000"),
    "texts": (
        'text COLLATE "other"',
        "(ARRAY['a', 'B', 'ä', 'Z', '''', '\"', '\\', '{', ',', ' '])[i % 10 + 1] || md5(i::text)",
    ),
    "blanks": ("char(40)", "(ARRAY['a', 'B', ''])[i % 3 + 1] || i"),
    "amounts": ("numeric", "trim_scale((i - 6000) / 7.0)"),
    "ratios": ("float8", "CASE i WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' ELSE i / 7.0 END"),
    "times": ("timestamptz", "'2024-03-01 00:00+00'::timestamptz + i * interval '1 day 1 us'"),
    "days": ("date", "'0001-01-01'::date + i * 300"),
    "uuids": ("uuid", "md5(i::text)::uuid"),
    "bytes": ("bytea", "decode(md5(i::text), 'hex')"),
    "lists": ("int[]", "ARRAY[i % 100, i]"),
    "few": ("smallint", "i / 1000"),
}


def test_ranges_of_the_histogram_are_disjoint_and_complete(cluster):
    """The server compares, in the key's own order. NULL is in no key; `few` has no histogram."""
    sql = RANGES
    for name, (kind, value) in RANGED.items():
        sql += (
            f"CREATE TABLE {name} (k {kind}, n int, pad text, PRIMARY KEY (k, n));"
            f"INSERT INTO {name} SELECT {value}, i, 'x' FROM generate_series(1, 12000) i;"
        )
    # Half of the rows lie outside of what the statistics have seen.
    sql += "CREATE TABLE grown (k int PRIMARY KEY, pad text);"
    sql += "INSERT INTO grown SELECT i, 'x' FROM generate_series(1, 6000) i; ANALYZE;"
    sql += "INSERT INTO grown SELECT i, 'x' FROM generate_series(-3000, 9000) i WHERE i < 1"
    cluster.database.psql(sql + " OR i > 6000")
    cluster.flow.sync(threads="2", partition_rows="3000")
    cluster.flow.assert_equal("t", "grown", *RANGED)
    for name in [*RANGED, "grown"]:
        reads = [sql for sql in cluster.nodes[0].statements if f'"{name}"' in sql]
        reads = [sql for sql in reads if sql.startswith("COPY")]
        assert len(reads) == 1 if name == "few" else len(reads) > 1, (name, reads)
        counted = "SELECT " + " + ".join(
            f"(SELECT count(*) {sql[sql.index(' FROM ') : sql.rindex(') TO STDOUT')]})"
            for sql in reads
        )
        assert cluster.database.psql(counted) == "12000" if name != "grown" else "12001", reads


def test_rows_come_from_followers_where_that_is_asked_for(cluster):
    """Every read says so before it begins, and no point in time is shared."""
    cluster.say_servers(("127.0.0.1", cluster.nodes[0].port, ""))
    settings = {"follower_reads": "true", "follower_staleness_ms": "2000"}
    document = cluster.flow.sync(partition_rows="100", batch_size="50", **settings)
    statements = cluster.nodes[0].statements
    begins = [sql for sql in statements if sql.startswith("BEGIN")]
    assert begins
    for sql in begins:
        age = sql.index("SET LOCAL yb_follower_read_staleness_ms = 2000;")
        assert sql.index("READ ONLY") < age < sql.index("SET LOCAL yb_read_from_followers = on;")
        assert "SET TRANSACTION SNAPSHOT" not in sql
    assert not any("SELECT pg_export_snapshot" in sql for sql in statements)
    assert not warnings_about(document, "follower_reads")
    cluster.flow.assert_equal("t")
    statements.clear()
    cluster.flow.sync()
    assert not any("followers" in sql for sql in statements)


def test_followers_that_are_none_are_said(penstock, database):
    database.psql(CREATE)
    flow = Flow(penstock, database)
    document = flow.sync(follower_reads="true")
    assert warnings_about(document, "`follower_reads` is set", "no YugabyteDB")
    flow.assert_equal("t")
