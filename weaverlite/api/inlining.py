"""Documents with the content of files in them, written block by block: no file is ever held as a whole."""

from __future__ import annotations

import base64
import codecs
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from pyramid.response import Response

from weaverlite.api.rendering import reply, set_type, write_json
from weaverlite.models.results import OutputFile
from weaverlite.ogc.negotiation import JSON
from weaverlite.services.shapes import Inlined

#: Divisible by three: base64 of the parts is base64 of the whole.
BLOCK = 3 * 64 * 1024
Open = Callable[[OutputFile], BinaryIO]


def document_reply(document: Any, open_file: Open) -> Response:
    """Return the response of a document that may contain :class:`Inlined` files."""
    inlined: list[Inlined] = []
    mark = uuid.uuid4().hex
    marked = _marked(document, mark, inlined)
    if not inlined:
        return reply(document)
    response = Response()
    set_type(response, JSON)
    response.content_length = None
    response.app_iter = _pieces(write_json(marked), mark, inlined, open_file)
    return response


def blocks(stream: BinaryIO, *, is_base64: bool = False) -> Iterator[bytes]:
    """Yield what is in a file, which is closed then."""
    with stream:
        while block := _read(stream):
            yield base64.b64encode(block) if is_base64 else block


def _read(stream: BinaryIO) -> bytes:
    """Return a whole block, less only at the end: some files give less at a time."""
    parts, missing = [], BLOCK
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _marked(value: Any, mark: str, found: list[Inlined]) -> Any:
    if isinstance(value, Inlined):
        found.append(value)
        return f"{mark}{len(found) - 1}."
    if isinstance(value, Mapping):
        return {name: _marked(item, mark, found) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item, mark, found) for item in value]
    return value


def _pieces(text: bytes, mark: str, inlined: list[Inlined], open_file: Open) -> Iterator[bytes]:
    for number, piece in enumerate(re.split(rb'"%s(\d+)\."' % mark.encode(), text)):
        if number % 2 == 0:
            yield piece
            continue
        item = inlined[int(piece)]
        yield b'"'
        if item.is_base64:
            yield from blocks(open_file(item.file), is_base64=True)
        else:
            yield from _escaped(open_file(item.file))
        yield b'"'


def _escaped(stream: BinaryIO) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for block in blocks(stream):
        yield json.dumps(decoder.decode(block), ensure_ascii=False)[1:-1].encode()
    yield json.dumps(decoder.decode(b"", final=True), ensure_ascii=False)[1:-1].encode()
