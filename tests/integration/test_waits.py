"""Who waits for a source that does not answer: a person in seconds, a sync longer, aloud."""

import signal

import pytest
from postgres import free_port


@pytest.fixture
def nobody(penstock):
    """Configured for a port that nobody listens on."""
    settings = {"source": "postgresql", "host": "127.0.0.1", "port": str(free_port())}
    penstock.configure({**settings, "database": "d", "user": "u", "max_retries": "50"})
    return penstock


@pytest.mark.parametrize("command", ["plan", "discover", "check"])
def test_person_gets_an_answer(nobody, command):
    done = nobody(command, "--config", "configuration.json", timeout=60)
    assert done.code == 3
    assert "Connection refused" in done.out + done.err


def test_sync_says_that_it_waits_and_why_and_how_long(nobody):
    process = nobody.start("sync", "--config", "configuration.json")
    line = next(line for line in process.stderr if "trying again" in line)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert "Connection refused" in line
    assert " seconds (1 of 50)" in line
    assert process.returncode == 130
