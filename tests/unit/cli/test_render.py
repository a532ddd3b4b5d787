from __future__ import annotations

import json

import pytest
import yaml

from weaverlite.cli.group import clean
from weaverlite.cli.logs import log_line
from weaverlite.cli.render import json_line, render, table

DOCUMENT = {"jobs": [{"id": "a", "n": 1}, {"id": "bcd", "n": None, "links": []}], "links": []}


def test_json_and_yaml_carry_the_whole_document() -> None:
    assert json.loads(render(DOCUMENT, "json", rows="jobs")) == DOCUMENT
    assert yaml.safe_load(render(DOCUMENT, "yaml", rows="jobs")) == DOCUMENT


def test_lines_of_json_are_the_entries() -> None:
    assert [json.loads(line) for line in render(DOCUMENT, "ndjson", rows="jobs").splitlines()] == DOCUMENT["jobs"]
    assert render({"a": 1}, "ndjson") == '{"a":1}'


def test_table_is_aligned() -> None:
    assert render(DOCUMENT, "table", rows="jobs") == "ID   N\na    1\nbcd"
    assert table([{"x": "ab"}, {}], [("LONG TITLE", "x"), ("Y", lambda entry: len(entry))]) == (
        "LONG TITLE  Y\nab          1\n            0"
    )


def test_table_of_one_document_is_its_members() -> None:
    assert render({"id": "a", "status": {"x": 1}, "links": [], "ok": True}, "table") == (
        'id      a\nstatus  {"x": 1}\nok      true'
    )


def test_text_is_printed_as_it_is_and_quoted_as_json() -> None:
    assert render("cwlVersion: v1.2\n", "table") == "cwlVersion: v1.2\n"
    assert json.loads(render("text", "json")) == "text"
    assert render(b"bytes", "table") == "bytes"


HOSTILE = "a\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J\x08\x7f\u202eb\rc"


def test_nothing_steers_the_terminal() -> None:
    assert clean(HOSTILE) == "aredbc"
    assert clean("a\tb\nc") == "a\tb\nc"
    assert clean("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\") == "link"
    for form in ("json", "yaml", "table", "ndjson"):
        text = render({"message": HOSTILE, "list": [HOSTILE]}, form)
        assert not any(sign in text for sign in "\x1b\x9b\x7f\x08\u202e\r"), form


def test_json_keeps_what_it_escapes() -> None:
    assert json.loads(json_line({"m": HOSTILE})) == {"m": HOSTILE}
    assert json.loads(render({"m": HOSTILE}, "json")) == {"m": HOSTILE}


@pytest.mark.parametrize(
    ("bare", "line"), [(True, "hello"), (False, "2026-01-31 12:00:00 stdout  [step] hello")]
)
def test_log_line(bare: bool, line: str) -> None:
    event = {"time": "2026-01-31T12:00:00.123456Z", "topic": "stdout", "step": "step", "message": "hel\x1b[1mlo\n"}
    assert log_line(event, bare=bare) == line
