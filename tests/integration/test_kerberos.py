"""Kerberos is not linked: the library is loaded where there is one, and asked for where not."""

import subprocess
from pathlib import Path

import pytest
from kerberos import Realm
from postgres import BIN, Postgres


@pytest.fixture
def kerberos_server(own_postgres):
    """A server that insists on Kerberos, without a realm behind it."""
    rules = own_postgres.folder / "data" / "pg_hba.conf"
    rules.write_text("host all all 127.0.0.1/32 gss\n")
    own_postgres.stop()
    own_postgres.launch()
    return own_postgres


def test_server_that_insists_on_kerberos_is_refused_as_psql_is_refused(penstock, kerberos_server):
    penstock.configure(kerberos_server.configuration())
    done = penstock("check", "--config", "configuration.json")
    psql = subprocess.run(
        [BIN / "psql", "-X", "-c", "SELECT 1"],
        env=kerberos_server.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.code == 3
    assert "GSSAPI" in psql.stderr
    assert "GSSAPI" in done.out + done.err
    if any(Path("/usr/lib").rglob("libgssapi_krb5.so.2")):
        assert "could not be loaded" not in done.out + done.err


def test_connection_without_credentials_goes_on_without_kerberos(penstock, database):
    """libpq asks for credentials first by default (gssencmode=prefer)."""
    database.psql("CREATE TABLE t (id int PRIMARY KEY)")
    penstock.configure(database.configuration())
    empty = {"KRB5CCNAME": "FILE:/nonexistent", "PGGSSENCMODE": None}
    done = penstock("check", "--config", "configuration.json", env=empty)
    assert done.code == 0, done.err


@pytest.fixture(scope="module")
def realm(tmp_path_factory):
    """A realm with a ticket for the login, and a server that lets in by Kerberos alone."""
    folder = tmp_path_factory.mktemp("realm")
    realm, server = Realm(folder), Postgres()
    try:
        realm.log_in(server.user)
        realm.keys_of("postgres/localhost", folder / "server.keytab")
        server.start()
        server.psql("CREATE TABLE t (k int PRIMARY KEY); INSERT INTO t VALUES (1)")
        server.stop()
        keys = server.folder / "server.keytab"
        keys.write_bytes((folder / "server.keytab").read_bytes())
        keys.chmod(0o600)
        server.give(keys)
        with open(server.folder / "data" / "postgresql.conf", "a") as settings:
            settings.write(f"krb_server_keyfile = '{keys}'\n")
        (server.folder / "data" / "pg_hba.conf").write_text(
            "hostgssenc all all 127.0.0.1/32 gss include_realm=0\n"
            "host       all all 127.0.0.1/32 gss include_realm=0\n"
        )
        server.launch()
        realm.server = server
        yield realm
    finally:
        server.close()
        realm.close()


def check_with_ticket(penstock, realm, env=None, **settings):
    configuration = {**realm.server.configuration(), "host": "localhost", **settings}
    del configuration["password"]
    path = penstock.configure(configuration)
    return penstock("check", "--config", path, env={**realm.environment, **(env or {})})


@pytest.mark.parametrize(
    ("settings", "secured"),
    [
        ({}, "TLSv1.3"),
        ({"sslmode": "disable"}, "not encrypted"),
        ({"gssencmode": "prefer"}, "encrypted by Kerberos"),
        ({"gssencmode": "require", "sslmode": "disable"}, "encrypted by Kerberos"),
    ],
    ids=["tls", "plain", "preferred", "required"],
)
def test_ticket_logs_in_without_a_password(penstock, realm, settings, secured):
    done = check_with_ticket(penstock, realm, **settings)
    assert done.code == 0, done.out + done.err
    assert secured in done.out


@pytest.mark.parametrize(
    ("settings", "env"),
    [({"krbsrvname": "another"}, {}), ({}, {"KRB5CCNAME": "FILE:/nonexistent"})],
    ids=["another service", "no ticket"],
)
def test_login_without_a_ticket_says_what_to_do(penstock, realm, settings, env):
    done = check_with_ticket(penstock, realm, env, **settings)
    assert done.code == 3
    assert "have a ticket (kinit), and check `krbsrvname`" in done.out
