"""docs/features.md: what is ticked names tests that are there; what is open says why."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "features.md"
FEATURE = re.compile(r"- \[(?P<mark>[x ])\] (?P<what>[^:]+): (?P<shown>.+)")
NAME = re.compile(r"`(test_\w+)`")


def faults(text, tests):
    """What is wrong with such a page, one line each; and how many features it lists."""
    found, count = [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith("- ["):
            continue
        count += 1
        feature = FEATURE.fullmatch(line)
        if feature is None:
            found.append(f"{number}: no feature with a mark, a colon and what shows it")
            continue
        names = NAME.findall(feature["shown"])
        if feature["mark"] == "x" and not names:
            found.append(f"{number}: ticked without a test")
        if feature["mark"] == " " and not re.match(r"waits? for \S", feature["shown"]):
            found.append(f"{number}: open without saying what it waits for")
        found += [f"{number}: there is no {name}" for name in names if name not in tests]
    return found, count


def known_tests():
    names = set()
    for path in (ROOT / "tests").rglob("test_*"):
        if path.suffix == ".py":
            names |= set(re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE))
        elif path.suffix == ".c":
            text = path.read_text()
            defined = re.findall(r"^static void (test_\w+)\(void \*\*", text, re.MULTILINE)
            # Named a second time where its program lists what it runs.
            names |= {name for name in defined if len(re.findall(rf"\b{name}\b", text)) > 1}
    return names


def test_every_ticked_feature_names_tests_that_are_there():
    found, count = faults(PAGE.read_text(), known_tests())
    assert found == []
    assert count > 50


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("- [x] A thing: `test_there`", None),
        ("- [ ] A thing: waits for rain", None),
        ("- [x] A thing: `test_there`, `test_gone`", "there is no test_gone"),
        ("- [x] A thing: it works", "ticked without a test"),
        ("- [ ] A thing: one day", "open without saying"),
        ("- [X] A thing: `test_there`", "no feature with a mark"),
        ("- [x] A thing", "no feature with a mark"),
    ],
)
def test_faults_of_a_page_are_found(line, fault):
    found, count = faults(f"# Page\n\n{line}\n", {"test_there"})
    assert count == 1
    assert (found == []) if fault is None else (len(found) == 1 and fault in found[0])
