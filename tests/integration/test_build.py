"""What the build leaves: one executable that needs the C library alone and gives away no symbol."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ALLOWED = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}


@pytest.fixture(scope="module")
def release():
    path = ROOT / "build" / "Release" / "penstock"
    assert path.exists(), "make build_connector makes it"
    return path


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_executable_needs_the_c_library_alone(release):
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "-d", release)))
    assert "libc.so.6" in needed
    assert needed <= ALLOWED


def test_release_folder_holds_exactly_one_executable(release):
    executables = [
        path for path in release.parent.rglob("*") if path.is_file() and os.access(path, os.X_OK)
    ]
    assert executables == [release]


def test_executable_exports_no_symbol(release):
    lines = output("nm", "-D", "--defined-only", release).splitlines()
    # The C library's own variables (stderr), which the loader copies for archives that are not PIC.
    assert [line for line in lines if "@GLIBC_" not in line] == []


def test_executable_is_hardened(release):
    header = output("readelf", "-h", "-l", "-d", release)
    assert "DYN (Position-Independent Executable file)" in header
    assert "GNU_RELRO" in header
    assert re.search(r"FLAGS_1.*NOW", header)
    assert re.search(r"GNU_STACK.*\n.*RW ", header), "the stack must not be executable"
    assert "__stack_chk_fail" in output("nm", "-D", release)


def test_executable_names_no_folder_of_the_build(release):
    assert str(ROOT).encode() not in release.read_bytes()
