"""Log files of bounded size."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaverlite.execution.capped import CappedFile, ring_of, settle


def write(path: Path, head: int, tail: int, *parts: bytes) -> bytes:
    file = CappedFile(path, head, tail)
    for part in parts:
        file.write(part)
    assert file.total == sum(map(len, parts))
    file.close()
    assert not ring_of(path).exists()
    return path.read_bytes()


def test_what_fits_is_kept_as_it_is(tmp_path: Path) -> None:
    assert write(tmp_path / "log", 10, 10, b"abc", b"def") == b"abcdef"
    assert write(tmp_path / "log", 4, 10, b"abc", b"defgh", b"ij") == b"abcdefghij"
    assert write(tmp_path / "log", 4, 6, b"abcdefghij") == b"abcdefghij"


def test_what_lies_between_is_counted(tmp_path: Path) -> None:
    assert write(tmp_path / "log", 4, 4, b"0123456789") == b"0123\n\xe2\x80\xa6 2 bytes dropped \xe2\x80\xa6\n6789"


def test_the_tail_begins_with_a_whole_line(tmp_path: Path) -> None:
    text = write(tmp_path / "log", 4, 8, b"aaa\n", b"bbbbbbbb\n", b"cccc\n").decode()
    assert text == "aaa\n\n… 9 bytes dropped …\ncccc\n"


@pytest.mark.parametrize(("head", "tail"), [(0, 0), (0, 5), (5, 0)])
def test_nothing_kept_of_an_end(tmp_path: Path, head: int, tail: int) -> None:
    text = write(tmp_path / "log", head, tail, b"x" * 20).decode()
    assert text.count("x") == head + tail
    assert f"{20 - head - tail} bytes dropped" in text


def test_a_killed_writer_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = CappedFile(path, 2, 4)
    file.write(b"abcdefghij")
    # No close: the writer is gone.
    assert settle(path) == 4
    assert path.read_text().endswith("ghij")
    assert settle(path) == 0
    assert path.read_text().endswith("ghij")


def test_a_writer_killed_before_its_first_word(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"head")
    ring_of(path).touch()
    assert settle(path) == 0
    assert path.read_bytes() == b"head"


@given(
    parts=st.lists(st.binary(max_size=40), max_size=20),
    head=st.integers(0, 60),
    tail=st.integers(1, 60),
)
def test_start_and_end_are_those_of_all_that_was_written(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], head: int, tail: int
) -> None:
    whole = b"".join(parts).replace(b"\n", b" ")
    parts = [part.replace(b"\n", b" ") for part in parts]
    found = write(tmp_path_factory.mktemp("capped") / "log", head, tail, *parts)
    if len(whole) <= head + tail:
        assert found == whole
    else:
        assert found.startswith(whole[:head])
        assert found.endswith(whole[-tail:])
        assert f"{len(whole) - head - tail} bytes dropped".encode() in found
