"""What tools/run-tests counts: nothing that fails may go unseen."""

import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
RUNNING = "[==========] g: Running 3 test(s).\n"
PASSED = "[  PASSED  ] 3 test(s).\n"
TWO_PASSED = "[  PASSED  ] 2 test(s).\n[  FAILED  ] g: 1 test(s), listed below:\n"


@pytest.fixture(scope="module")
def count():
    return runpy.run_path(str(ROOT / "tools/run-tests"))["count_cmocka"]


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        ("run", RUNNING + PASSED, (3, 0, 0)),
        ("run", RUNNING + PASSED + RUNNING + PASSED, (6, 0, 0)),
        ("run", RUNNING + "[  PASSED  ] 2 test(s).\n[  SKIPPED ] 1 test(s), below:\n", (2, 0, 1)),
        ("fail", RUNNING + TWO_PASSED, (2, 1, 0)),
        ("fail", RUNNING, (0, 3, 0)),  # it crashed on the way
        ("fail", RUNNING + PASSED, (3, 1, 0)),  # it leaked
        ("fail", "", (0, 1, 0)),  # it was never built
        ("run", "", (0, 1, 0)),  # it holds no test
    ],
)
def test_counts_of_a_program(count, status, text, expected):
    case = ElementTree.Element("testcase", status=status)
    ElementTree.SubElement(case, "system-out").text = text
    assert count(case) == expected
