"""Pages that name tests: docs/features.md and the lists of docs/testing.md.

What is ticked names tests that are there, what is open says why; and every option and kind of
error has a test that shows it.
"""

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


OPTIONS = ROOT / "docs" / "options.md"
TESTING = ROOT / "docs" / "testing.md"
ERRORS = ROOT / "include" / "penstock" / "error.h"
# The example's options are there for its form alone, and so are shown by the form's tests.
FORM_ALONE = "## Example: "


def options(text):
    """The options of the generated page."""
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    kept = [part for part in sections if not part.startswith(FORM_ALONE)]
    return set(re.findall(r"^\| `(\w+)`[^|]* \| [^|]+ \| [^|]+ \| ", "".join(kept), re.MULTILINE))


def enumerators(text, prefix, but):
    """The names of an enumeration's values, without what stands before them."""
    names = re.findall(rf"^    {prefix}(\w+)(?: = 0)?,", text, re.MULTILINE)
    return {name for name in names if name not in but and not name.startswith("CLASS_")}


def shown(text, heading, column):
    """What a list says: name → tests."""
    part = text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    table = part.partition(f"| {column} | shown by |\n")[2].partition("\n\n")[0]
    found = {}
    for line in table.splitlines()[1:]:
        names, tests = line.strip("| \n").split(" | ")
        for name in re.findall(r"`(\w+)`", names):
            assert name not in found, f"{name} is listed twice"
            found[name] = NAME.findall(tests)
    return found


def unshown(wanted, listed, tests):
    """What is wrong with a list, one line each."""
    found = [f"no test is named for {name}" for name in sorted(wanted - listed.keys())]
    found += [f"there is no {name}" for name in sorted(listed.keys() - wanted)]
    for name, named in listed.items():
        found += [f"{name}: named without a test"] if not named else []
        found += [f"{name}: there is no {test}" for test in named if test not in tests]
    return found


def test_every_option_has_a_test_that_shows_it():
    wanted = options(OPTIONS.read_text())
    listed = shown(TESTING.read_text(), "## Which test shows an option", "option")
    assert len(wanted) > 60
    assert unshown(wanted, listed, known_tests()) == []


def test_every_option_is_set_where_its_tests_are():
    texts = [path.read_text() for path in (ROOT / "tests").rglob("test_*") if path.is_file()]
    listed = shown(TESTING.read_text(), "## Which test shows an option", "option")
    for name, named in listed.items():
        files = [text for text in texts if any(re.search(rf"\b{test}\(", text) for test in named)]
        assert any(re.search(rf"\b{name}\b", text) for text in files), name


@pytest.mark.parametrize(
    ("column", "prefix", "but"),
    [("status", "PS_", {"OK", "END"}), ("class", "PS_CLASS_", {"NONE"})],
)
def test_every_kind_of_error_has_a_test_that_shows_it(column, prefix, but):
    wanted = enumerators(ERRORS.read_text(), prefix, but)
    listed = shown(TESTING.read_text(), "## Which test shows an error", column)
    assert len(wanted) > 7
    assert unshown(wanted, listed, known_tests()) == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("| `a`, `b` | `test_there` |", None),
        ("| `a` | `test_there` |", "no test is named for b"),
        ("| `a`, `b`, `c` | `test_there` |", "there is no c"),
        ("| `a`, `b` | `test_gone` |", "a: there is no test_gone"),
        ("| `a`, `b` | much |", "a: named without a test"),
    ],
)
def test_faults_of_a_list_are_found(line, fault):
    text = f"# Page\n\n## List\n\n| name | shown by |\n|---|---|\n{line}\n"
    found = unshown({"a", "b"}, shown(text, "## List", "name"), {"test_there"})
    assert found[:1] == ([] if fault is None else [fault])
