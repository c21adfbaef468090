"""Kerberos is not linked: the library is loaded where there is one, and asked for where not."""

import subprocess
from pathlib import Path

import pytest
from postgres import BIN


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
