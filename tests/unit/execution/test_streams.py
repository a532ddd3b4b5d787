"""Lines of tools: what is kept, what is shown, what is counted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weaverlite.execution.streams import LINE, Pipe, Record, text_of

KIB = 1024


class Stream:
    """A record and what it says."""

    def __init__(self, directory: Path, head: int = 64 * KIB, tail: int = 64 * KIB) -> None:
        self.path = directory / "stdout"
        self.events: list[tuple[str, str, str]] = []
        self.record = Record("stdout", self.path, head, tail, self.add)

    def add(self, topic: str, level: str, step: str, message: str) -> None:
        self.events.append((topic, step, message))

    def lines(self) -> list[str]:
        return [message for topic, _, message in self.events if topic == "stdout"]

    def print(self, *parts: bytes, step: str = "") -> Pipe:
        """Print as a tool does, each part read on its own."""
        pipe = Pipe(self.record, step)
        for part in parts:
            os.write(pipe.fileno(), part)
            assert pipe.read()
        pipe.release()
        while pipe.read():
            pass
        pipe.end()
        return pipe

    def close(self) -> str:
        self.record.close()
        return self.path.read_text(errors="replace")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"plain \xc3\xa9", "plain é"),
        (b"tab\there", "tab\there"),
        (b"\x1b[31mred", "\\x1b[31mred"),
        (b"a\0b", "a\\x00b"),
        (b"bad \xff", "bad \ufffd"),
        (b" 10%\r 50%\r100%", "100%"),
        (b"windows\r", "windows"),
        ("\x9b31m".encode(), "\\x9b31m"),
    ],
)
def test_text_does_no_harm(line: bytes, text: str) -> None:
    assert text_of(line) == text


def test_lines_come_whole_however_they_are_written(tmp_path: Path) -> None:
    stream = Stream(tmp_path)
    stream.print(b"on", b"e\ntw", b"o\n", b"\nthree")
    assert stream.close() == "one\ntwo\n\nthree"
    assert stream.lines() == ["one", "two", "", "three"]


def test_a_line_without_end_comes_in_pieces(tmp_path: Path) -> None:
    stream = Stream(tmp_path)
    stream.print(b"x" * (LINE + 10), b"y")
    assert [len(line) for line in stream.lines()] == [LINE, 11]
    assert len(stream.close()) == LINE + 11


def test_steps_are_named(tmp_path: Path) -> None:
    stream = Stream(tmp_path)
    stream.print(b"a\nb", step="one")
    stream.print(b"c\n", step="two")
    assert stream.close() == "[one] a\n[one] b\n[two] c\n"
    assert stream.events == [("stdout", "one", "a"), ("stdout", "one", "b"), ("stdout", "two", "c")]


@pytest.mark.parametrize("step", ["", "one"])
def test_start_and_end_are_shown_and_the_rest_is_counted(tmp_path: Path, step: str) -> None:
    stream = Stream(tmp_path, head=4 * KIB, tail=4 * KIB)
    parts = [b"".join(b"%06d\n" % n for n in range(start, start + 1000)) for start in range(0, 20000, 1000)]
    stream.print(*parts, step=step)
    text = stream.close()
    lines = stream.lines()
    (gap,) = (number for number, line in enumerate(lines) if "not shown" in line)
    numbers = [int(line) for line in lines if line.isdigit()]
    assert numbers[:gap] == list(range(gap))
    assert numbers[gap:] == list(range(20000 - len(numbers) + gap, 20000))
    assert len(lines) < 2 * 4 * KIB / 64 + 3
    assert len(text) < 9 * KIB
    assert {name for topic, name, line in stream.events if line.isdigit()} == {step}


def test_a_short_excess_is_shown_in_full_at_the_end(tmp_path: Path) -> None:
    # The cap of events is reached by many lines long before that of the file.
    stream = Stream(tmp_path, head=KIB, tail=16 * KIB)
    stream.print(b"".join(b"%d\n" % n for n in range(100)))
    stream.close()
    assert [line for line in stream.lines() if line.isdigit()] == [str(n) for n in range(100)]
    assert "… 0 bytes not shown …" in stream.lines()


def test_the_last_line_is_remembered(tmp_path: Path) -> None:
    stream = Stream(tmp_path)
    assert stream.print().last_line == ""
    assert stream.print(b"one\n", b"two\n\n  \n").last_line == "two"
    assert stream.print(b"x" * 40_000 + b"\nlast\n").last_line == "last"
    stream.close()
