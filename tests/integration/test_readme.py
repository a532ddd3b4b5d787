"""The commands that README and documentation show do what the text around them says.

A ``console`` block is a session: lines after ``$`` are commands, the others are what they print. All sessions of a page
are one shell. A command must succeed, unless the next one is ``echo $?``: then it must end with what that prints. Lines
of output must occur in what was printed; an ellipsis stands for anything.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.conftest import BIN, EXAMPLES, ROOT, Service

pytestmark = pytest.mark.integration

PAGES = (ROOT / "README.rst", ROOT / "docs" / "quickstart.rst")
URL = "http://localhost:4001"


@dataclass
class Command:
    """One command of a page, with the output it shows."""

    line: str
    shown: list[str] = field(default_factory=list)


def blocks(page: Path, language: str) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(rf"^\.\. code-block:: {language}\n\n((?:(?: {{4}}.*)?\n)+)", text, re.MULTILINE):
        yield textwrap.dedent(match[1])


def commands(page: Path) -> list[Command]:
    found: list[Command] = []
    for block in blocks(page, "console"):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Command(line[2:]))
            elif line.strip():
                found[-1].shown.append(line.strip())
    return found


def in_terminal(arguments: list[str], directory: Path) -> str:
    """Run a command whose output goes to a terminal, as a person would see it; return what it printed."""
    master, slave = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEAVERLITE_")}
    process = subprocess.Popen(
        arguments,
        cwd=directory,
        env={**kept, "COLUMNS": "120", "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    printed = bytearray()
    with os.fdopen(master, "rb", buffering=0) as terminal:
        # A terminal whose last writer is gone answers with an error, not with an end.
        with contextlib.suppress(OSError):
            while part := terminal.read(65536):
                printed += part
    process.wait(30)
    return printed.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_show_enough_to_try(page: Path) -> None:
    assert len(commands(page)) >= 12


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_do_what_the_page_says(page: Path, service: Service, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(EXAMPLES)
    (tmp_path / ".venv").symlink_to(BIN.parent)
    session = commands(page)
    script = tmp_path / "session.sh"
    lines = []
    for number, command in enumerate(session):
        lines += [f"printf '\\n@@begin {number}\\n'", command.line.replace(URL, service.url)]
        if not command.line.startswith("echo $?"):
            lines += ["code=$?", f"printf '\\n@@ended {number} %s\\n' $code", "(exit $code)"]
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = in_terminal(["bash", str(script)], tmp_path)
    printed = dict(re.findall(r"^@@begin (\d+)\n(.*?)(?=^@@begin|\Z)", text, re.MULTILINE | re.DOTALL))
    assert len(printed) == len(session), text
    for number, command in enumerate(session):
        if command.line.startswith("echo $?"):
            continue
        output = printed[str(number)]
        ended = re.search(rf"^@@ended {number} (\d+)$", output, re.MULTILINE)
        after = session[number + 1] if number + 1 < len(session) else None
        expected = after.shown[0] if after and after.line == "echo $?" else "0"
        assert ended and ended[1] == expected, f"$ {command.line}\n{output}"
        words = " ".join(output.split())
        for line in command.shown:
            for part in line.split("…"):
                part = " ".join(part.replace(URL, service.url).split())
                assert part in words, f"$ {command.line}\n{output}\nshould have printed: {line}"


@pytest.mark.parametrize("page", [ROOT / "README.rst", ROOT / "docs" / "client.rst"], ids=lambda page: page.name)
def test_python_of_the_page_runs(page: Path, service: Service) -> None:
    code = next(blocks(page, "python")).replace(URL, service.url)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "stringInput hello\n" or "stringInput hello\n" in done.stdout


def test_commands_of_the_examples_do_what_their_pages_say(serve: Callable[..., Service], tmp_path: Path) -> None:
    service = serve()
    (tmp_path / "examples").symlink_to(EXAMPLES)
    tried = 0
    for page in sorted(EXAMPLES.glob("*/README.rst")):
        if page.parent.name == "python-function":
            continue
        for line in re.findall(r"^ {4}(weaverlite .+)$", page.read_text(encoding="utf-8"), re.MULTILINE):
            refused = "match=perhaps" in line
            service.run(*shlex.split(line)[1:], cwd=tmp_path, status=3 if refused else 0)
            tried += 1
    assert tried >= 8
