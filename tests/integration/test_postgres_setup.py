"""`penstock check` against PostgreSQL: all that can be wrong, each with its message and remedy."""

import socket

import pytest
from flow import session
from postgres import free_port
from postgresql.proxy import Fault, Proxy, Script


@pytest.fixture
def between(database):
    """`between(Script(…))`: a proxy before the test's database."""
    opened = []

    def make(script=None):
        opened.append(Proxy(database.server, script))
        return opened[-1]

    yield make
    for proxy in opened:
        proxy.close()


class Check:
    """Runs `penstock check`; what it printed and what failed."""

    def __init__(self, penstock, settings):
        path = penstock.configure({"connect_timeout": "20", **settings})
        done = penstock("check", "--config", path, "--json")
        self.code = done.code
        self.document = done.document
        self.failed = {
            test["name"]: test["message"]
            for test in self.document["tests"]
            if test["result"] == "failed"
        }
        assert len(self.failed) <= 1
        assert settings["password"] not in done.out + done.err

    def assert_fails(self, name, code, *texts):
        assert list(self.failed) == [name], self.document
        for text in texts:
            assert text in self.failed[name]
        assert self.code == code


@pytest.fixture
def check(penstock, database):
    database.psql("CREATE TABLE t (k int PRIMARY KEY)")

    def run(**settings):
        return Check(penstock, {**database.configuration(), **settings})

    return run


def test_all_is_well_and_what_answers_is_shown(check):
    done = check()
    assert done.failed == {}
    assert done.document["server"].startswith("PostgreSQL 15.")
    assert done.document["advice"] is None


def test_wrong_host(check):
    # A label of more than 63 bytes is no name anywhere, which needs no network to find out.
    name = "x" * 70 + ".example"
    check(host=name).assert_fails("connect", 3, "could not translate host name", "Check `host`")


def test_closed_port(check):
    check(port=str(free_port())).assert_fails(
        "connect", 3, "Connection refused", "Check `host` and `port`"
    )


def test_port_that_somebody_else_listens_on(check):
    """Something that says nothing: only the time tells."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        check(port=port, connect_timeout="1").assert_fails(
            "connect", 3, "timeout expired", "no firewall is between"
        )


def test_socket_that_is_not_there(check):
    check(host="/nowhere").assert_fails("connect", 3, "there is no such socket")


@pytest.mark.parametrize("host", ["a:b", "[::1", "db:99999"])
def test_host_that_is_none(check, host):
    check(host=host).assert_fails("connect", 2, "`host` holds", "db.example.com:5432")


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_server_without_tls(check, between, mode):
    check(port=str(between().port), sslmode=mode).assert_fails(
        "connect", 2, "server does not support SSL", "have it switched on there"
    )


def test_wrong_password_unknown_login_and_login_that_may_not(check, database):
    database.psql("DROP ROLE IF EXISTS may_not; CREATE ROLE may_not PASSWORD 'x1234567'")
    for settings in (
        {"password": "not the password"},
        {"user": "nobody_of_that_name"},
        {"user": "may_not", "password": "x1234567"},
    ):
        done = check(**settings)
        done.assert_fails("connect", 3, "failed: ")
        assert "28" in done.document["error"]["sqlstate"]
        assert any(
            advice in done.failed["connect"]
            for advice in ("Check `user` and `password`", "ALTER ROLE … LOGIN")
        )


def test_no_password(penstock, database):
    settings = database.configuration()
    del settings["password"]
    path = penstock.configure(settings)
    done = penstock("check", "--config", path, env={"HOME": "/nowhere", "PGPASSWORD": None})
    assert done.code == 3
    assert "Set `password`" in done.out


def test_missing_database_and_one_that_refuses(check, database):
    check(database="nowhere").assert_fails(
        "connect", 2, 'database "nowhere" does not exist', "Check `database`"
    )
    check(database="template0").assert_fails("connect", 2, "it takes no connections")
    database.psql(
        "DROP ROLE IF EXISTS outsider; CREATE ROLE outsider LOGIN PASSWORD 'x1234567';"
        f"REVOKE CONNECT ON DATABASE {database.name} FROM PUBLIC"
    )
    check(user="outsider", password="x1234567").assert_fails(
        "connect", 3, "GRANT CONNECT ON DATABASE"
    )


def test_missing_schema(check, database):
    database.psql('CREATE SCHEMA app; CREATE SCHEMA "App 2"')
    check(schema="ap").assert_fails(
        "select", 2, "`schema` names no schema", "ap", "There are: App 2, app, public"
    )


def test_no_table_visible(check, database):
    database.psql("CREATE SCHEMA empty")
    check(schema="empty").assert_fails("select", 2, "no table", "empty")


@pytest.fixture
def reader(database):
    """A login with few rights of its own."""
    database.psql(
        'DROP ROLE IF EXISTS "low Reader"; CREATE ROLE "low Reader" LOGIN PASSWORD \'x1234567\''
    )
    yield {"user": "low Reader", "password": "x1234567"}
    database.psql('DROP OWNED BY "low Reader"; DROP ROLE "low Reader"')


def test_select_missing_names_the_tables_and_the_grants(check, database, reader):
    database.psql(
        'CREATE TABLE "T 2" (k int); CREATE SCHEMA app; CREATE TABLE app.hidden (k int);'
        'GRANT SELECT ON t TO "low Reader"'
    )
    done = check(schema="public, app", **reader)
    done.assert_fails(
        "select", 3, "2 of 3 tables",
        'GRANT SELECT ON "public"."T 2" TO "low Reader"',
        'GRANT USAGE ON SCHEMA "app" TO "low Reader"',
        'GRANT SELECT ON "app"."hidden" TO "low Reader"',
    )  # fmt: skip
    # The remedy is one.
    for statement in done.failed["select"].replace(" | ", "; ").split("; "):
        if statement.startswith("GRANT"):
            database.psql(statement.split(" (")[0])
    assert check(schema="public, app", **reader).failed == {}


def test_many_tables_are_not_all_named(check, database, reader):
    database.psql(
        "DO $$ BEGIN FOR i IN 1..50 LOOP"
        " EXECUTE 'CREATE TABLE many_' || i || ' ()'; END LOOP; END $$"
    )
    done = check(**reader)
    done.assert_fails("select", 3, "51 of 51 tables", "GRANT SELECT ON ALL TABLES IN SCHEMA")
    assert len(done.failed["select"]) < 1000


def test_rows_hidden_by_row_level_security(check, database, reader):
    database.psql('ALTER TABLE t ENABLE ROW LEVEL SECURITY; GRANT SELECT ON t TO "low Reader"')
    check(**reader).assert_fails("select", 3, "row-level security", "BYPASSRLS")


def test_tables_that_are_not_asked_for_do_not_count(check, database, reader):
    database.psql(
        "CREATE TABLE hidden (k int PRIMARY KEY); CREATE TABLE secret (k int); GRANT SELECT ON t,"
        ' hidden TO "low Reader"; ALTER TABLE hidden ENABLE ROW LEVEL SECURITY'
    )
    check(**reader).assert_fails("select", 3, "2 of 3 tables", "`exclude_tables`")
    assert check(exclude_tables="hidden, public.sec*", **reader).failed == {}
    assert check(tables="t", **reader).failed == {}
    check(tables="t, secret", **reader).assert_fails("select", 3, "1 of 2 tables", "secret")
    check(tables="no_such", **reader).assert_fails("select", 2, "none of the 3 tables", "`tables`")


def test_sync_speaks_of_no_table_that_is_not_asked_for(penstock, database, reader):
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY); CREATE TABLE secret (k int);"
        'GRANT SELECT ON t TO "low Reader"'
    )
    for settings, told in (({}, True), ({"tables": "t"}, False)):
        path = penstock.configure({**database.configuration(), **reader, **settings})
        done = penstock("sync", "--config", path, "--json")
        assert done.code == 0, done.err
        assert any("secret" in text for text in done.document["warnings"]) == told


def test_schema_that_is_not_there_beside_one_that_is(penstock, database):
    database.psql("CREATE TABLE t (k int PRIMARY KEY)")
    path = penstock.configure({**database.configuration(), "schema": "public, nope"})
    done = penstock("check", "--config", path)
    assert done.code == 0, done.err
    assert "schemas that" in done.err
    assert "nope" in done.err


def test_table_that_somebody_holds_is_named_and_does_not_fail(penstock, database):
    database.psql("CREATE TABLE ho (k int PRIMARY KEY); CREATE TABLE t (k int PRIMARY KEY)")
    path = penstock.configure({**database.configuration(), "lock_timeout": "1"})
    with session(database) as holder:
        holder("BEGIN; LOCK TABLE ho IN ACCESS EXCLUSIVE MODE")
        done = penstock("check", "--config", path, "--json")
    assert done.code == 0, done.err
    assert "public.ho" in done.err
    assert "55P03" in done.err
    assert "public.t" not in done.err


@pytest.mark.parametrize(
    ("number", "shown"), [("9.6.24", "PostgreSQL 9.6"), ("10.23", "PostgreSQL 10.23")]
)
def test_server_that_is_too_old(check, between, number, shown):
    script = Script(version=f"PostgreSQL {number} on x86_64", parameters={"server_version": number})
    check(port=str(between(script).port)).assert_fails(
        "connect", 2, shown, "version 11 or later is needed"
    )


STARTUP = {
    "57P03": ("the database system is starting up", 3, "starting"),
    "53300": ("sorry, too many clients already", 3, "raise max_connections"),
    "28000": ('role "x" is not permitted to log in', 3, "ALTER ROLE"),
    "08P01": ("no such database: d", 2, "Check `database`"),
    "XX000": ("something broke", 1, "something broke"),
}


@pytest.mark.parametrize("code", STARTUP)
def test_login_that_the_server_refuses(check, between, code):
    message, status, remedy = STARTUP[code]
    script = Script(faults=[Fault(None, code, message, times=9)])
    check(port=str(between(script).port)).assert_fails("connect", status, message, remedy)


def test_connection_that_is_cut_during_the_login(check, between):
    script = Script(faults=[Fault(None, cut=True, times=9)])
    check(port=str(between(script).port)).assert_fails("connect", 3, "unexpectedly", "server's log")


def test_hosts_are_tried_in_turn(check, between):
    """A closed port, one that says nothing and a server that is starting are passed over."""
    script = Script(faults=[Fault(None, "57P03", "the database system is starting up", times=99)])
    closed, starting = f"127.0.0.1:{free_port()}", f"127.0.0.1:{between(script).port}"
    assert check(host=f"{closed}, {starting}, 127.0.0.1").failed == {}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = f"127.0.0.1:{listener.getsockname()[1]}"
        check(host=f"{closed},{silent},{starting}", connect_timeout="5").assert_fails(
            "connect", 3, f"{closed}: Connection refused", f"{silent}: timeout expired",
            f"{starting}: the database system is starting up",
        )  # fmt: skip


def test_refused_password_is_not_tried_elsewhere(check, between):
    first, second = between(), between()
    done = check(
        host=f"127.0.0.1:{first.port},127.0.0.1:{second.port}",
        password="wrong one",
        sslmode="require",
    )
    assert "server does not support SSL" in done.failed["connect"]
    done = check(
        host=f"127.0.0.1:{first.port},127.0.0.1:{second.port}",
        password="wrong one",
        sslmode="disable",
    )
    done.assert_fails("connect", 3, "password authentication failed")
    assert len(first.sessions) == 2
    assert second.sessions == []


def test_kind_of_server_that_is_asked_for(check):
    assert check(target_session_attrs="primary").failed == {}
    assert check(target_session_attrs="prefer-standby").failed == {}
    check(target_session_attrs="standby").assert_fails(
        "connect", 3, "not in hot standby mode", "See `target_session_attrs`"
    )


def test_sessions_are_read_only_by_default(check, between):
    proxy = between()
    assert check(port=str(proxy.port)).failed == {}
    assert any(
        "set_config('default_transaction_read_only', 'on'" in sql for sql in proxy.statements
    )
    assert all("READ ONLY" in sql for sql in proxy.statements if sql.startswith("BEGIN"))
