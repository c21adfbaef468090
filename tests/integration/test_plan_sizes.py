"""Classes and strategies in the plan, judged by the statistics of a real catalog."""

import pytest
from flow import wait_until

COLUMNS = ", ".join(f"c{i} int DEFAULT 1" for i in range(120))
CREATE = f"""
CREATE TABLE plain (k int PRIMARY KEY, v text, w text);
INSERT INTO plain SELECT i, 'v' || i % 10, 'w' || i % 10 FROM generate_series(1, 20000) i;
CREATE TABLE unlike (k int PRIMARY KEY, v text);
INSERT INTO unlike SELECT i, md5(i::text) FROM generate_series(1, 20000) i;
CREATE TABLE empty_mostly (k int PRIMARY KEY, a text, b text, c text, d text);
INSERT INTO empty_mostly (k, a) SELECT i, 'a' FROM generate_series(1, 20000) i;
CREATE TABLE broad (k int PRIMARY KEY, {COLUMNS});
INSERT INTO broad (k) SELECT i FROM generate_series(1, 11000) i;
CREATE TABLE vectors (k int PRIMARY KEY, v float8[]);
INSERT INTO vectors
  SELECT i, array_agg(random()) FROM generate_series(1, 300) i, generate_series(1, 1500) GROUP BY i;
CREATE TABLE measures (k int, at timestamptz, v text, PRIMARY KEY (k, at));
INSERT INTO measures SELECT i, now(), 'v' FROM generate_series(1, 20000) i;
"""
READ_SO_FAR = (
    "SELECT seq_scan + COALESCE(idx_scan, 0), heap_blks_read + heap_blks_hit"
    " FROM pg_stat_user_tables JOIN pg_statio_user_tables USING (relid)"
    " WHERE pg_stat_user_tables.relname = 'huge'"
)
SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'penstock'"
)


@pytest.fixture
def plan(penstock, database):
    database.psql(CREATE)
    database.psql("VACUUM ANALYZE")  # which alone knows how much lies beside the table's own file

    def run(*arguments, **settings):
        path = penstock.configure(database.configuration(**settings))
        return penstock("plan", "--config", path, *arguments)

    return run


def tables(done):
    assert done.code == 0, done.err
    return {table["table"]: table for table in done.document["tables"]}


def test_plan_judges_strategies_by_the_statistics(plan):
    found = tables(plan("--json"))
    assert {name: table["strategy"] for name, table in found.items()} == {
        "plain": "none",
        "unlike": "high_cardinality",
        "empty_mostly": "sparse",
        "broad": "wide",
        "vectors": "ai_ml",
        "measures": "time_series",
    }
    assert found["broad"]["strategy_reason"] == "121 columns"
    assert found["empty_mostly"]["strategy_reason"] == "75 % of its values are NULL"
    assert found["vectors"]["batch_bytes"] == 1 << 20
    assert found["plain"]["batch_bytes"] == 4 << 20


def test_plan_shows_people_the_strategy_and_why(plan):
    done = plan()
    assert "small; wide: 121 columns" in done.out
    listed = done.out.partition("Estimate:")[0]
    assert "none" not in listed  # a table without a strategy says nothing of it


def test_plan_classes_follow_thresholds_and_strategy(plan):
    thresholds = {"small_table_threshold": "15000", "large_table_threshold": "18000"}
    found = tables(plan("--json", strategy="plain=sparse, unlike=high_cardinality", **thresholds))
    classes = {name: table["class"] for name, table in found.items()}
    assert classes == {
        "plain": "large",  # from 9,000 rows on
        "unlike": "medium",  # large from 27,000
        "empty_mostly": "large",  # judged as sparse
        "broad": "small",  # from 11,250 on
        "vectors": "small",
        "measures": "large",
    }
    assert [table["class"] for table in found.values()] == sorted(
        classes.values(), key=["small", "medium", "large"].index
    )


def test_plan_profile_sets_batches(plan):
    found = tables(plan("--json", profile="development"))
    assert {table["batch_rows"] for table in found.values()} == {500}


def test_plan_shows_partitions_and_threads(plan, database):
    database.psql(
        "CREATE TABLE seen (k int PRIMARY KEY, updated_at timestamptz DEFAULT now() NOT NULL);"
        "CREATE VIEW looked AS SELECT * FROM plain; VACUUM ANALYZE seen;"
        "CREATE TABLE divided (k int PRIMARY KEY) PARTITION BY HASH (k)"
    )
    for number in range(30):
        database.psql(
            f"CREATE TABLE d{number} PARTITION OF divided FOR VALUES"
            f" WITH (MODULUS 30, REMAINDER {number})"
        )
    database.psql("INSERT INTO divided SELECT generate_series(1, 20000); ANALYZE divided")
    cut = {"partition_rows": "1000", "include_views": "true"}
    found = tables(plan("--json", strategy="plain=real_time", **cut))
    shown = {
        name: (table["partitions"], table["partitions_left"], table["threads"])
        for name, table in found.items()
    }
    assert shown.pop("broad") == (11, 11, 4)
    assert shown.pop("plain") == (20, 20, 1)
    assert shown.pop("divided") == (30, 30, 4)  # one each, though twenty are enough
    assert shown.pop("vectors") == (1, 1, 1)
    assert shown.pop("looked") == (1, 1, 1)  # nobody can cut a view
    assert shown.pop("seen") == (1, 1, 1)
    assert set(shown.values()) == {(20, 20, 4)}
    listed = plan(threads="3", **cut).out.splitlines()
    assert listed[0].split()[4:6] == ["parts", "threads"]
    assert next(line for line in listed if ".broad" in line).split()[6:8] == ["11", "3"]


def test_plan_of_a_billion_rows_reads_none_of_them(plan, database):
    database.psql(
        "CREATE TABLE huge (k int PRIMARY KEY, v text);"
        "INSERT INTO huge SELECT i, repeat('v', 400) FROM generate_series(1, 4000) i;"
        "ANALYZE huge;"
        "UPDATE pg_class SET reltuples = 1e9 WHERE oid = 'huge'::regclass;"
        "SELECT pg_stat_force_next_flush()"
    )
    pages = int(database.psql("SELECT pg_relation_size('huge') / 8192"))
    before = database.psql(READ_SO_FAR)
    huge = tables(plan("--json"))["huge"]
    assert huge["rows_estimate"] == pytest.approx(1e9, rel=0.01)
    assert (huge["class"], huge["partitions"], huge["threads"]) == ("large", pages, 1)
    wait_until(lambda: database.psql(SESSIONS) == "0", "the plan's session has ended")
    assert database.psql(READ_SO_FAR) == before


def test_thresholds_that_contradict_are_refused(plan):
    done = plan(small_table_threshold="100", large_table_threshold="10")
    assert done.code == 2
    assert '"large_table_threshold" (10 rows) is below "small_table_threshold"' in done.err


def test_unknown_strategy_is_refused_by_name(plan):
    done = plan(strategy="plain=vide")
    assert done.code == 2
    assert '"strategy" is "vide"' in done.err and "high_cardinality" in done.err
