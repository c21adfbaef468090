"""The server's log: strict JSON, one object a line, and neither secrets nor rows in it."""

import json
import re

import pytest
from clients.connector import Replica, code_of, sync

PLANTED = "planted-Secret-4711"
ROWS = ["Müller-Lüdenscheidt", "1234567.89", "c0ffee"]
CLOSING = re.compile(
    r"Update done after \d+\.\d s: (\d+) upserts, (\d+) updates, (\d+) deletes, (\d+) truncates,"
    r" (\d+) rows left out, (\d+) checkpoints, \d+ rows/s"
)
OFTEN = {"PENSTOCK_FAULT": "rpc.progress_often=fail"}
PROGRESS = re.compile(
    r"\d+ of \d+ tables done, (\d+) rows, \d+ rows/s(, \d\d? %(, about \d+ s left)?)?"
    r"; the client has taken nothing for \d+ s$"
)
UNSAVED = re.compile(
    r"Update ended after .*; besides, (\d+) rows were sent after the last checkpoint$"
)
TABLE = (
    "CREATE TABLE people (k int PRIMARY KEY, name text, amount numeric(12,2), code bytea, d date);"
    f"INSERT INTO people VALUES (1, '{ROWS[0]}', {ROWS[1]}, '\\x{ROWS[2]}', 'infinity'),"
    f" (2, '{ROWS[0]}', {ROWS[1]}, '\\x{ROWS[2]}', NULL);"
)


def lines_of(server):
    """Every line, strictly read."""
    assert server.stop() == 0
    for line in server.lines:
        found = json.loads(line)
        assert list(found) == ["level", "message", "message-origin"], line
        assert found["level"] in ("INFO", "WARNING", "SEVERE")
        assert found["message-origin"] == "sdk_connector"
        assert found["message"] and "\n" not in found["message"]
    assert server.errors == []
    return [json.loads(line) for line in server.lines]


def test_every_line_is_one_object_without_secrets_and_rows(serve, database):
    database.psql(TABLE)
    server = serve()
    configuration = database.configuration(debug="true")
    client = server.client
    replica = sync(client, configuration)
    sync(client, configuration, replica, state=replica.state)
    wrong = {**configuration, "password": PLANTED}
    for call in [
        lambda: client.test("connect", wrong),
        lambda: client.schema(wrong),
        lambda: list(client.update(wrong)),
        lambda: client.update({**configuration, "on_bad_row": "stop"}).next(),
        lambda: client.schema({**configuration, "pasword": PLANTED}),
        lambda: client.schema({"source": "ehr", "postgresql_password": PLANTED, "host": PLANTED}),
        lambda: list(client.update(configuration, state='{"name": "' + PLANTED)),
        lambda: client.test('"quotes" \\ and\nlines\x01\N{BEAR FACE}', configuration),
    ]:
        _, text = code_of(call)
        assert PLANTED not in text
    text = "\n".join(one["message"] for one in lines_of(server))
    for secret in [PLANTED, database.server.password, *ROWS]:
        assert secret not in text, secret


def test_update_logs_its_plan_and_a_closing_line(serve, database):
    database.psql(TABLE)
    server = serve()
    replica = sync(server.client, database.configuration())
    messages = [one["message"] for one in lines_of(server)]
    assert any("1 of 1 tables" in message for message in messages)
    closing = [found for message in messages if (found := CLOSING.match(message))]
    assert len(closing) == 1
    counts = [int(number) for number in closing[0].groups()]
    assert counts[:5] == [1, 0, 0, 1, 1] and counts[5] == len(replica.states)


def test_debug_lasts_as_long_as_the_call_that_asks(serve, database):
    database.psql(TABLE)
    server = serve()
    sync(server.client, database.configuration(debug="true"))
    server.wait_for_line("Update done")
    loud = len(server.lines)
    sync(server.client, database.configuration())
    assert len(lines_of(server)) - loud < loud


def test_more_passwords_than_are_kept_do_not_silence_the_server(serve):
    """Each is forgotten when its call ends, whatever other calls are under way."""
    server = serve()
    stream = server.client.update({"source": "ehr", "ehr_patients": "2000000"})
    next(stream)
    settings = {"source": "postgresql", "host": "127.0.0.1", "port": "1", "user": "u",
                "database": "d"}  # fmt: skip
    for number in range(1100):
        answer = server.client.test("connect", {**settings, "password": f"{PLANTED}-{number}"})
    assert "127.0.0.1" in answer.failure and PLANTED not in answer.failure
    stream.cancel()
    server.wait_for_line("Update ended")
    told = [line["message"] for line in lines_of(server)]
    assert not any("withheld" in line or PLANTED in line for line in told)
    assert sum("test connect failed" in line for line in told) == 1100


@pytest.mark.parametrize("count", [20, 9000])
def test_unknown_keys_do_not_flood_the_log(serve, count):
    server = serve()
    server.client.schema({"source": "ehr", **{f"key_{i}": "v" for i in range(count)}})
    assert len(lines_of(server)) < 120


def test_log_is_calm_in_a_sync_of_many_batches(serve, database):
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, d date); INSERT INTO t"
        " SELECT i, CASE WHEN i % 2 = 0 THEN date 'infinity' END FROM generate_series(1, 40000) i"
    )
    server = serve()
    replica = Replica()
    configuration = database.configuration(batch_size="50", checkpoint_rows="100")
    replica.take(server.client.update(configuration))
    assert len(replica.states) > 10
    assert len(lines_of(server)) < 20


def test_progress_is_told_while_the_client_does_not_read(serve_debug):
    server = serve_debug(env=OFTEN)
    configuration = {"source": "ehr", "ehr_patients": "200000", "batch_size": "100"}
    stream = server.client.update(configuration)
    for _ in range(50):
        next(stream)
    server.wait_for_line("; the client has taken nothing for ")
    stream.cancel()
    server.wait_for_line("Update ended")
    messages = [line["message"] for line in server.messages()]
    told = [found for message in messages if (found := PROGRESS.match(message))]
    closing = [found for message in messages if (found := UNSAVED.match(message))]
    assert told and closing
    assert int(told[-1].group(1)) <= int(closing[0].group(1))
    server.assert_well(sanitized=True)


def test_progress_is_told_while_the_source_does_not_answer(serve_debug):
    server = serve_debug(env=OFTEN)
    nowhere = {"source": "postgresql", "host": "127.0.0.1", "port": "1", "user": "u"}
    stream = server.client.update({**nowhere, "database": "d"})
    server.wait_for_line("connecting and planning for ")
    stream.cancel()
    server.wait_for_line("Update: ")
    server.assert_well(sanitized=True)
