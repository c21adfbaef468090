"""The comparison of tables itself: that it sees each kind of difference, and none where none is."""

import duckdb
import pytest
import rows

CREATE = """
CREATE TABLE t (k int PRIMARY KEY, s text, b bytea, n numeric(10,2), f float8, x timestamptz,
                d date, z boolean, c char(4), r real);
INSERT INTO t VALUES
  (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (2, '', '', 0, '-0', '0001-01-01 00:00:00+00', '0001-01-01', false, '', 'NaN'),
  (3, E'a,"b"\\r\\n\\\\N\\n', '\\x00ff', -0.05, 'Infinity', '9999-12-31 23:59:59.999999+00',
   '9999-12-31', true, 'ab', 1.1);
"""
LOCAL = """
CREATE SCHEMA tester;
CREATE TABLE tester.t (k INTEGER, s VARCHAR, b BLOB, n DECIMAL(10,2), f DOUBLE, x TIMESTAMPTZ,
                       d DATE, z BOOLEAN, c VARCHAR, r REAL, _fivetran_deleted BOOLEAN);
INSERT INTO tester.t VALUES
  (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false),
  (2, '', '', 0, '-0', '0001-01-01 00:00:00+00', '0001-01-01', false, '    ', 'NaN', false),
  (3, 'a,"b"' || chr(13) || chr(10) || '\\N' || chr(10), '\\x00\\xFF', -0.05, 'Infinity',
   '9999-12-31 23:59:59.999999+00', '9999-12-31', true, 'ab  ', 1.1, false),
  (4, 'gone', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, true);
"""


@pytest.fixture
def pair(database, tmp_path):
    """Equal tables on both sides; `change` runs SQL on the warehouse's."""
    path = tmp_path / "warehouse.db"
    database.psql(CREATE)

    def change(sql):
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(sql)

    change(LOCAL)
    return database, path, change


def test_equal_tables_are_equal(pair):
    database, path, _change = pair
    assert rows.difference(database, path, "t") == ""


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tester.t SET s = '' WHERE k = 1",
        "UPDATE tester.t SET s = NULL WHERE k = 2",
        "UPDATE tester.t SET b = NULL WHERE k = 2",
        "UPDATE tester.t SET n = 0.01 WHERE k = 2",
        "UPDATE tester.t SET f = 1e-300 WHERE k = 2",
        "UPDATE tester.t SET x = x + INTERVAL 1 MICROSECOND WHERE k = 2",
        "UPDATE tester.t SET d = d + 1 WHERE k = 2",
        "UPDATE tester.t SET z = NOT z WHERE k = 3",
        "UPDATE tester.t SET c = 'ab' WHERE k = 3",
        "UPDATE tester.t SET r = 1.2 WHERE k = 3",
        "DELETE FROM tester.t WHERE k = 1",
        "INSERT INTO tester.t FROM tester.t WHERE k = 3",
        "UPDATE tester.t SET _fivetran_deleted = NOT _fivetran_deleted",
        "ALTER TABLE tester.t DROP COLUMN z",
    ],
)
def test_each_kind_of_difference_is_seen(pair, change):
    database, path, apply = pair
    apply(change)
    assert rows.difference(database, path, "t") != ""


def test_condition_and_columns_left_out_narrow_the_comparison(pair):
    database, path, change = pair
    change("DELETE FROM tester.t WHERE k = 3; UPDATE tester.t SET s = 'other'")
    assert rows.difference(database, path, "t", where="k < 3", left_out=["s"]) == ""
    with pytest.raises(AssertionError, match="only in PostgreSQL"):
        rows.assert_equal(database, path, "t", where="k < 3")
