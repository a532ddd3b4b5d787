"""Values in results documents: by value, by reference, or what is small by value."""

from __future__ import annotations

import base64
import io
import json

import pytest

from weaverlite.api.inlining import BLOCK, document_reply
from weaverlite.models.results import OutputDirectory, OutputFile
from weaverlite.services.shapes import LARGE, Inlined, Passing, Shapes, is_old, transmission_modes


class Links:
    def output_file(self, job_id, path):
        return f"/{job_id}/{path}"

    def output(self, job_id, output_id, index=None):
        return f"/{job_id}/results/{output_id}" + ("" if index is None else f"/{index}")


class Slow(io.BytesIO):
    """Gives less than is asked for, as files from a network do."""

    def read(self, size=-1):
        return super().read(min(size, 1000) if size >= 0 else size)


CONTENTS = {
    "a.txt": b"one\ntwo \xc3\xbc\n",
    "a.bin": b"\xff\x00" * 5,
    "a.json": b'{"a": [1, 2.5, null]}',
    "b.json": b'{"a": NaN}',
    "latin.txt": b"gr\xfc\xdfe",
    "long.txt": ("ü" * (BLOCK + 1)).encode(),
}
TYPES = {".txt": "text/plain", ".bin": "application/octet-stream", ".json": "application/json"}


def file(name, *secondary):
    content = CONTENTS[name]
    return OutputFile(
        path=f"outputs/o/{name}",
        size=len(content),
        sha256="0" * 64,
        media_type=TYPES["." + name.split(".")[1]],
        secondary=secondary,
    )


def opened(item):
    return Slow(CONTENTS[item.name])


def shaped(value, passing="auto", **more):
    return Shapes("j", Links(), lambda _: None, opened, Passing(passing, **more)).shape(value, "o")


def written(value, **more):
    return json.loads(document_reply({"o": shaped(value, "value", **more)}, opened).body)["o"]


@pytest.mark.parametrize("value", [1, "text", True, [1, 2], {"bbox": [1, 2, 3, 4]}])
def test_small_literals_stand_for_themselves(value):
    assert shaped(value) == value
    assert written(value) == value


def test_objects_are_qualified():
    assert shaped({"a": [{"b": 1}]}) == {"value": {"a": [{"b": 1}]}, "mediaType": "application/json"}


@pytest.mark.parametrize("value", ["x" * (LARGE + 1), ["x" * LARGE], {"a": "x" * LARGE}])
def test_a_large_literal_is_a_link_unless_it_is_wanted_by_value(value):
    assert shaped(value)["href"] == "/j/results/o"
    whole = {"value": value, "mediaType": "application/json"} if isinstance(value, dict) else value
    assert written(value) == whole
    assert shaped(value, "whole") == written(value)


def test_a_file_is_a_link_unless_it_is_wanted_by_value():
    assert shaped(file("a.txt")) == {"href": "/j/outputs/o/a.txt", "type": "text/plain"}
    assert written(file("a.txt")) == {"value": "one\ntwo ü\n", "mediaType": "text/plain"}


def test_bytes_come_in_base64():
    expected = base64.b64encode(CONTENTS["a.bin"]).decode()
    assert written(file("a.bin")) == {
        "value": expected,
        "mediaType": "application/octet-stream",
        "encoding": "base64",
    }


def test_text_that_is_no_utf8_comes_in_base64():
    assert written(file("latin.txt"))["encoding"] == "base64"


def test_text_comes_in_base64_when_it_was_asked_for_so():
    found = written(file("a.txt"), base64=frozenset({"o"}))
    assert base64.b64decode(found["value"]) == CONTENTS["a.txt"]


def test_json_comes_as_json_and_what_only_looks_like_it_as_text():
    assert written(file("a.json")) == {"value": {"a": [1, 2.5, None]}, "mediaType": "application/json"}
    assert written(file("b.json"))["value"] == '{"a": NaN}'


def test_a_file_longer_than_a_block_comes_whole():
    assert written(file("long.txt"))["value"] == "ü" * (BLOCK + 1)
    found = written(file("long.txt"), base64=frozenset({"o"}))["value"]
    assert base64.b64decode(found) == CONTENTS["long.txt"]


def test_a_text_that_looks_like_a_place_holder_stays_what_it_is():
    answer = document_reply({"a": shaped(file("a.txt"), "value"), "b": "\"0.\"", "c": [{"d": "1."}]}, opened)
    assert json.loads(answer.body)["b"] == "\"0.\""


def test_files_inside_lists_and_objects_are_passed_alike():
    assert shaped([file("a.txt"), 1], "auto") == [{"href": "/j/outputs/o/a.txt", "type": "text/plain"}, 1]
    assert written({"x": file("a.txt")})["value"]["x"]["value"] == "one\ntwo ü\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", {"href": "/j/results/o", "type": "text/plain"}),
        (3, {"href": "/j/results/o?f=text", "type": "text/plain"}),
        ([1, 2], {"href": "/j/results/o", "type": "application/json"}),
        ({"a": 1}, {"href": "/j/results/o", "type": "application/json"}),
        ([file("a.txt")], [{"href": "/j/outputs/o/a.txt", "type": "text/plain"}]),
        ([file("a.txt"), 1], {"href": "/j/results/o", "type": "application/json"}),
        ([], {"href": "/j/results/o", "type": "application/json"}),
    ],
)
def test_by_reference_everything_is_a_link(value, expected):
    assert shaped(value, "reference") == expected


def test_secondary_files_and_directories_are_links():
    assert shaped(file("a.txt", file("a.bin")))["secondaryFiles"][0]["href"] == "/j/outputs/o/a.bin"
    directory = OutputDirectory(path="outputs/o", files=(file("a.txt"),))
    assert shaped(directory, "value")["listing"][0]["title"] == "a.txt"
    assert shaped(directory, "reference")["href"] == "/j/results/o"


def test_the_version_is_told_by_the_words_of_the_request():
    assert transmission_modes({"a": {"transmissionMode": "value"}, "b": {}, "c": None}) == {"a": "value"}
    assert is_old("document", None)
    assert is_old(None, {"a": {"transmissionMode": "value"}})
    assert not is_old(None, {"a": {}})
    assert not is_old(None, None)


def test_an_inlined_file_is_no_json_by_itself():
    assert isinstance(shaped(file("a.txt"), "value")["value"], Inlined)
