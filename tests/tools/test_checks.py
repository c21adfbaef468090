"""Each check is shown to pass on a clean tree and to fail, by name, on a planted fault."""

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CLEAN_C = """\
// Says hello. Not for anything else.
#include "base/greet.h"

int greet(int times)
{
    return times + 1;
}
"""
CLEAN_H = """\
// What greet gives.
#ifndef GREET_H
#define GREET_H

int greet(int times);

#endif
"""


class Tree:
    """A project of its own, in which a fault is planted."""

    def __init__(self, folder):
        self.folder = folder
        self.write(".clang-format", (ROOT / ".clang-format").read_text())
        self.write(".clang-tidy", (ROOT / ".clang-tidy").read_text())
        for header in sorted((ROOT / "include/penstock").glob("*.h")):
            self.write(f"include/penstock/{header.name}", header.read_text())
        self.write("src/base/greet.h", CLEAN_H)
        self.write("src/base/greet.c", CLEAN_C)
        self.write("src/sources/registry.c", '#include "sources/one/one.h"\n')
        self.write("src/sources/one/one.h", "int one(void);\n")
        self.write("src/sources/two/two.h", "int two(void);\n")
        self.write("src/engine/engine.h", "int engine(void);\n")
        self.write("tools/run", "#!/bin/bash\nset -euo pipefail\necho hello\n")
        self.write("tests/test_one.py", "def test_one():\n    assert max(1, 2) == 2\n")
        subprocess.run(["git", "init", "-q", folder], check=True)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def add_c(self, line):
        """Puts one more line into the function of src/base/greet.c."""
        self.write("src/base/greet.c", CLEAN_C.replace("    return", f"    {line}\n    return"))

    def compile_commands(self):
        sources = sorted(self.folder.glob("src/**/*.c"))
        entries = [
            {
                "directory": str(self.folder),
                "file": str(path),
                "command": f"gcc -std=gnu17 -Isrc -Iinclude -c {path}",
            }
            for path in sources
        ]
        self.write("build/cmake/asan/compile_commands.json", json.dumps(entries))
        self.write(".gitignore", "/build/\n")

    def check(self, name):
        done = subprocess.run(
            [ROOT / "tools" / f"check-{name}", self.folder],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def fails(tree, name, *words):
    code, text = tree.check(name)
    assert code == 1, f"check-{name} passed over the fault: {text}"
    for word in words:
        assert word in text


CHECKS = ["format", "layers", "banned", "words", "size", "shell", "python", "tidy"]


@pytest.mark.parametrize("name", CHECKS)
def test_check_when_clean_passes(tree, name):
    tree.compile_commands()
    assert tree.check(name) == (0, "")


@pytest.mark.parametrize("name", CHECKS)
def test_check_when_there_is_nothing_to_look_at_fails(tmp_path, name):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    tree = Tree.__new__(Tree)
    tree.folder = tmp_path
    tree.write("build/cmake/asan/compile_commands.json", "[]")
    tree.write(".gitignore", "*\n")
    fails(tree, name, f"check-{name}: found no file")


def test_all_runs_every_check():
    listed = (ROOT / "tools/check-all").read_text().split("checks=(", 1)[1].split(")", 1)[0]
    programs = {path.name.removeprefix("check-") for path in ROOT.glob("tools/check-*")} - {"all"}
    assert set(listed.split()) == programs
    assert set(CHECKS) <= programs


def test_format_when_a_line_is_laid_out_otherwise_fails(tree):
    tree.add_c("if(times){ return 0; }")
    fails(tree, "format", "greet.c")


@pytest.mark.parametrize(
    ("name", "include"),
    [
        ("src/base/low.c", "engine/engine.h"),
        ("src/engine/run.c", "sources/one/one.h"),
        ("src/sources/one/one.c", "sources/two/two.h"),
        ("src/sources/other.c", "sources/one/one.h"),
        ("src/sources/one/up.c", "engine/engine.h"),
        ("src/sinks/null/null.c", "sources/one/one.h"),
        ("src/engine/other.c", "nowhere/none.h"),
        ("include/penstock/public.h", "base/greet.h"),
    ],
)
def test_layers_when_an_include_points_upwards_fails(tree, name, include):
    tree.write(name, f'#include "{include}"\n')
    fails(tree, "layers", f"{name}:1", include)


def test_layers_when_an_include_is_in_a_comment_passes(tree):
    tree.write("src/base/low.c", '/*\n#include "engine/engine.h"\n*/\n// #include "none.h"\n')
    assert tree.check("layers") == (0, "")


@pytest.mark.parametrize(
    "line",
    [
        "strcpy(a, b);",
        "sprintf(a, b);",
        "times = atoi(b);",
        "system(b);",
        "char *copy = strdup(b);",
        "void *p = malloc (3);",
        "free(p);",
        "usleep(3);",
        "signal(2, 0);",
    ],
)
def test_banned_when_called_fails(tree, line):
    tree.add_c(line)
    fails(tree, "banned", "src/base/greet.c:6")


def test_banned_when_named_but_not_called_passes(tree):
    tree.add_c('ps_free(p); /* free(p) */ puts("strcpy(a, b)"); list->free(p); // system(1)')
    assert tree.check("banned") == (0, "")


def test_banned_when_the_line_says_why_passes(tree):
    tree.add_c("free(p); /* banned: libpq gave it */")
    assert tree.check("banned") == (0, "")


def test_banned_when_the_reason_is_missing_fails(tree):
    tree.add_c("free(p); /* banned: */")
    fails(tree, "banned", "free")


@pytest.mark.parametrize(
    "text",
    [
        "<" * 7 + " HEAD",
        "=" * 7,
        "// TO" + "DO: later",
        "// XX" + "X",
        "see /wo" + "rk/main/src",
        "path = '/ro" + "ot/x'",
        "from https://registry.npmjs.or" + "g/x",
    ],
)
def test_words_when_something_foreign_is_said_fails(tree, text):
    tree.write("docs/page.md", f"A page.\n{text}\n")
    fails(tree, "words", "docs/page.md:2")


def test_words_when_a_page_uses_headings_and_templates_passes(tree):
    tree.write("docs/page.md", "Heading\n=======x\n\nmktemp /tmp/x.XXXXXX, src/work/item, $ROOT/\n")
    assert tree.check("words") == (0, "")


def test_size_when_a_file_is_too_long_fails(tree):
    tree.write("src/base/long.c", "// One line.\n" * 801)
    fails(tree, "size", "src/base/long.c: 801 lines")


def test_size_when_a_long_file_is_a_table_passes(tree):
    tree.write("src/base/long.c", "// Rows. size: table\n" * 801)
    assert tree.check("size") == (0, "")


def test_shell_when_a_variable_is_unquoted_fails(tree):
    tree.write("tools/run", "#!/bin/bash\nrm -rf $1\n")
    fails(tree, "shell", "SC2086")


def test_python_when_an_import_is_unused_fails(tree):
    tree.write("tools/report", "#!/usr/bin/python3\nimport os\n")
    fails(tree, "python", "F401")


def test_python_when_laid_out_otherwise_fails(tree):
    tree.write("tests/test_one.py", "def test_one( ):\n    assert max(1, 2) == 2\n")
    fails(tree, "python", "test_one.py")


def test_tidy_when_a_pointer_is_null_fails(tree):
    tree.add_c("int *p = 0; times += *p;")
    tree.compile_commands()
    fails(tree, "tidy", "greet.c:6", "NullDereference")


def test_tidy_when_a_header_changes_looks_again(tree):
    tree.compile_commands()
    assert tree.check("tidy") == (0, "")
    bad = "static inline int bad(int n)\n{\n    if (n > 0);\n        n = 2;\n    return n;\n}\n"
    tree.write("src/base/greet.h", CLEAN_H.replace("#endif", f"{bad}\n#endif"))
    fails(tree, "tidy", "greet.h", "suspicious-semicolon")


def test_tidy_when_a_file_belongs_to_no_target_fails(tree):
    tree.compile_commands()
    tree.write("src/base/orphan.c", "int orphan;\n")
    fails(tree, "tidy", "src/base/orphan.c: is not part of any target")


def test_generated_when_the_page_is_another_fails(tree):
    tree.write("docs/options.md", (ROOT / "docs/options.md").read_text() + "one more line\n")
    fails(tree, "generated", "-one more line")


def test_generated_when_the_page_is_missing_fails(tree):
    fails(tree, "generated", "check-generated: found no file")
