"""Amounts of money have the digits that the server's own lc_monetary gives them."""

import subprocess

import pytest
from flow import Flow
from postgres import Database

# The locale, the charset it is made with, what is put in, and what must arrive.
CURRENCIES = {
    "C": (None, "-1234.56", "-1234.56"),
    "ja_JP.UTF-8": ("UTF-8", "-1234", "-1234"),
    "ar_KW.UTF-8": ("UTF-8", "1234567.891", "1234567.891"),
    "de_DE.UTF-8": ("UTF-8", "-1234567.89", "-1234567.89"),
}


@pytest.fixture
def server(own_postgres, monkeypatch):
    """With those locales, made here: a bare system has only C."""
    folder = own_postgres.folder / "locales"
    folder.mkdir()
    for name, (charset, *_) in CURRENCIES.items():
        if charset is not None:
            source = name.split(".")[0]
            command = ["localedef", "--no-archive", "-i", source, "-f", charset, folder / name]
            subprocess.run(command, check=True, capture_output=True)
    own_postgres.stop()
    monkeypatch.setenv("LOCPATH", f"{folder}:/usr/lib/locale")
    own_postgres.launch()
    monkeypatch.delenv("LOCPATH")
    return own_postgres


def test_money_has_the_digits_of_the_servers_own_currency(penstock, server):
    for number, (name, (_, put_in, arrives)) in enumerate(CURRENCIES.items()):
        base = f"money_{number}"
        server.psql(f"CREATE DATABASE {base}")
        server.psql(f"ALTER DATABASE {base} SET lc_monetary = '{name}'")
        flow = Flow(penstock, Database(server, base))
        flow.database.psql(
            f"CREATE TABLE {base} (k int PRIMARY KEY, m money, a money[], updated_at timestamptz);"
            f"INSERT INTO {base} SELECT 1, n, ARRAY[n], now()"
            f" FROM (SELECT '{put_in}'::numeric::money AS n) x"
        )
        assert flow.database.psql(f"SELECT m::numeric FROM {base}") == arrives
        flow.sync()
        printed = flow.database.psql(f"SELECT to_json(a) FROM {base}")
        assert flow.query(f"SELECT m, a::text FROM tester.{base}") == [(arrives, printed)]
