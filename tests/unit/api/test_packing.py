"""Several files in one answer: archives and parts, with names and sizes that are out of the ordinary."""

from __future__ import annotations

import base64
import io
import tarfile
import zipfile
from datetime import UTC, datetime
from email.parser import BytesParser

import pytest

from weaverlite.api.archives import archive_response, only
from weaverlite.api.multipart import Part, multipart_response
from weaverlite.models.results import Manifest, OutputDirectory, OutputFile
from weaverlite.ogc.negotiation import TAR, ZIP

LONG = "n" * 200


def file(path, size):
    return OutputFile(path=path, size=size, sha256="0" * 64, media_type="text/plain")


def manifest_of(**outputs):
    return Manifest(job_id="j", attempt=1, created_at=datetime(2026, 1, 2, tzinfo=UTC), outputs=outputs)


def opened(item):
    return io.BytesIO(item.path.encode()[:1] * item.size)


def names_in(answer, media_type):
    stream = io.BytesIO(answer.body)
    if media_type == ZIP:
        with zipfile.ZipFile(stream) as archive:
            assert archive.testzip() is None
            return archive.namelist()
    with tarfile.open(fileobj=stream) as archive:
        return [item.name + ("/" if item.isdir() else "") for item in archive]


@pytest.mark.parametrize("media_type", [ZIP, TAR])
def test_unusual_names_and_sizes_fit_into_the_length_that_is_promised(media_type):
    manifest = manifest_of(
        a=file(f"outputs/a/{LONG}/{LONG}/größe.txt", 513),
        b=[file("outputs/b/0/empty.txt", 0), {"c": file("outputs/b/1/x.txt", 512)}],
        d=OutputDirectory(path="outputs/d/empty"),
        e={"f": [OutputDirectory(path="outputs/e/empty")]},
        g=1,
    )
    answer = archive_response(manifest, media_type, opened)
    promised = answer.content_length
    found = names_in(answer, media_type)
    assert promised == len(answer.body)
    assert found == [
        "manifest.json",
        f"outputs/a/{LONG}/{LONG}/größe.txt",
        "outputs/b/0/empty.txt",
        "outputs/b/1/x.txt",
        "outputs/d/empty/",
        "outputs/e/empty/",
    ]


@pytest.mark.parametrize("media_type", [ZIP, TAR])
def test_an_archive_may_be_larger_than_old_formats_can_say(media_type):
    size = 9 * 1024**3
    answer = archive_response(manifest_of(a=file("outputs/a/a.bin", size)), media_type, opened)
    assert size < answer.content_length < size + 20_000


@pytest.mark.parametrize("media_type", [ZIP, TAR])
def test_an_archive_with_a_file_that_became_shorter_breaks_off(media_type):
    answer = archive_response(manifest_of(a=file("outputs/a/a.txt", 5)), media_type, lambda item: io.BytesIO(b"abc"))
    with pytest.raises(OSError, match="manifest"):
        b"".join(answer.app_iter)


def test_the_manifest_of_an_archive_has_only_what_is_in_it():
    assert only(manifest_of(a=1, b=2), {"b": 2}).outputs == {"b": 2}


# ---------------------------------------------------------------- parts


def parsed(answer):
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    return BytesParser().parsebytes(head + answer.body).get_payload()


@pytest.mark.parametrize("output_id", ["a\r\nSet-Cookie: b=c", "größe", "a<b>", 'a"b', "\x00"])
def test_a_name_cannot_break_the_head_of_a_part(output_id):
    answer = multipart_response(
        [Part(output_id=output_id, media_type="text/plain", location="/a", content=b"x", name=output_id)]
    )
    (part,) = parsed(answer)
    assert set(part.keys()) == {
        *("Content-ID", "Content-Type", "Content-Location", "Content-Disposition", "Content-Length")
    }
    assert part.get_payload() == "x"
    assert answer.content_length == len(answer.body)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 196_607, 196_608, 196_609])
def test_a_part_is_as_long_as_it_says(size):
    content = bytes(range(256)) * 800
    for is_base64 in (False, True):
        answer = multipart_response(
            [
                Part(
                    output_id="a",
                    media_type="application/octet-stream",
                    location="/a",
                    open=lambda: io.BytesIO(content[:size]),
                    size=size,
                    is_base64=is_base64,
                )
            ]
        )
        promised = answer.content_length
        body = answer.body.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
        assert promised == len(answer.body)
        assert (base64.b64decode(body) if is_base64 else body) == content[:size]


def test_an_answer_without_parts_is_still_one():
    answer = multipart_response([])
    assert answer.content_length == len(answer.body)
