"""tools/install-packages with stand-ins for Debian's tools: it asks for what is missing alone."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


class Machine:
    """A PATH on which dpkg-query, apt-get, id and sudo are ours, and keep what they are told."""

    def __init__(self, folder):
        self.folder = folder
        self.calls = folder / "calls"
        self.calls.touch()
        for name in ("bash", "env", "grep", "cat", "tail", "mktemp", "rm", "dirname", "true"):
            os.symlink(f"/usr/bin/{name}", folder / name)
        self.script("apt-cache", "exit 0")
        self.script("apt-get", f'echo "apt-get $*" >>{self.calls}')
        self.installed("gcc")
        self.user(0)

    def script(self, name, body):
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    def installed(self, *names):
        tests = "|".join(names)
        self.script(
            "dpkg-query", f"case ${{@: -1}} in {tests}) echo -n installed;; *) exit 1;; esac"
        )

    def user(self, number):
        self.script("id", f"echo {number}")

    def install(self, *sets):
        return subprocess.run(
            [ROOT / "tools/install-packages", *sets],
            env={"PATH": str(self.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_installs_only_what_is_missing_and_says_so(machine):
    done = machine.install("build")
    assert done.returncode == 0, done.stderr
    assert "libpq-dev" in done.stdout
    calls = machine.calls.read_text()
    assert " install " in calls
    assert " libpq-dev" in calls
    assert " gcc" not in calls
    assert "update" not in calls


def test_when_all_is_there_calls_nothing(machine):
    machine.script("dpkg-query", "echo -n installed")
    done = machine.install("build")
    assert (done.returncode, done.stdout, machine.calls.read_text()) == (0, "", "")


def test_when_packages_are_unknown_updates_first(machine):
    machine.script("apt-cache", "exit 100")
    assert machine.install("build").returncode == 0
    first, second = machine.calls.read_text().splitlines()
    assert first.endswith(" update")
    assert " install " in second


def test_when_neither_root_nor_sudo_says_what_is_missing(machine):
    machine.user(1000)
    done = machine.install("build")
    assert done.returncode == 1
    assert "libpq-dev" in done.stderr
    assert "sudo" in done.stderr
    assert machine.calls.read_text() == ""


def test_when_not_root_takes_sudo_that_asks_nothing(machine):
    machine.user(1000)
    machine.script(
        "sudo", f'echo "sudo $*" >>{machine.calls}; [[ $1 == -n ]] || exit 1; shift; "$@"'
    )
    assert machine.install("build").returncode == 0
    assert machine.calls.read_text().startswith(
        "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get"
    )


def test_when_apt_fails_shows_its_words(machine):
    machine.script("apt-get", "echo 'E: no such archive' >&2; exit 100")
    done = machine.install("build")
    assert done.returncode == 1
    assert "no such archive" in done.stderr


def test_unknown_set_is_refused(machine):
    assert machine.install("everything").returncode == 1
    assert machine.install().returncode == 1
