"""The PostgreSQL fixture itself: a server that runs, answers, and is gone afterwards."""

import os

import pytest
from postgres import Postgres


def test_database_is_empty_and_answers(database):
    assert database.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"


def test_failing_sql_fails_the_test(database):
    with pytest.raises(AssertionError, match="nowhere"):
        database.psql("SELECT * FROM nowhere")


def test_server_restarts_on_the_same_port_and_leaves_nothing(tmp_path):
    server = Postgres()
    try:
        server.start()
        port = server.port
        server.psql("CREATE TABLE kept (n int)")
        server.stop()
        server.launch()
        assert server.port == port
        assert server.psql("SELECT count(*) FROM kept") == "0"
        pid = server.process.pid
    finally:
        server.close()
    assert not server.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
