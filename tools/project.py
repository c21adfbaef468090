"""What the checks share: the project's files, C text without comments, how findings are told.

Not a check itself. Each check is a program tools/check-<name> [ROOT]; ROOT (default: the project)
lets the tests of the checks run them on a small tree with a planted fault.
"""

import re
import subprocess
import sys
from pathlib import Path

# A comment, a string or a character constant; whichever begins first wins.
C_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.S,
)


def root_from_arguments():
    if len(sys.argv) > 2:
        sys.exit(f"usage: {Path(sys.argv[0]).name} [ROOT]")
    default = Path(__file__).resolve().parent.parent
    return Path(sys.argv[1]).resolve() if len(sys.argv) == 2 else default


def files(root, *patterns):
    """The project's files, those not yet committed too, as sorted paths relative to the root."""
    command = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(
        [*command, "--", *patterns], check=True, capture_output=True, text=True
    ).stdout
    return [Path(name) for name in sorted(set(listed.split("\0"))) if (root / name).is_file()]


def is_c(path):
    return path.suffix in (".c", ".h")


def c_without_comments(text):
    """C text whose comments and literals are blanked; lines and columns stay where they are."""
    blank = re.compile(r"[^\n]")
    return C_TOKEN.sub(lambda match: blank.sub(" ", match.group()), text)


def report(name, findings, checked):
    """Prints findings, or one line that says how much was looked at; the exit status."""
    for finding in findings:
        print(finding)
    if not checked:
        print(f"{name}: found no file to look at")
        return 1
    return 1 if findings else 0
