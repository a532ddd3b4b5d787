"""Responses of stored files: validators, ranges, and headers that keep a user's page from acting in our name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import BinaryIO
from urllib.parse import quote

from pyramid.request import Request
from pyramid.response import Response
from webob.byterange import Range

from weaverlite.api.rendering import empty, set_type
from weaverlite.errors import Fault, InvalidRequest
from weaverlite.models.results import OutputFile
from weaverlite.ogc.negotiation import essence

_BLOCK = 256 * 1024
#: A range as RFC 9110 writes it; WebOb fails on "-" alone, and on more digits than Python reads.
_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{1,18}\s*-\s*\d{0,18}|-\s*\d{1,18})\s*\Z", re.ASCII | re.IGNORECASE)
#: What browsers may show in place; everything else is saved. Nothing that runs scripts is among them.
_SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "text/csv", "application/json")


def file_response(request: Request, file: OutputFile, open_file: Callable[[], BinaryIO]) -> Response:
    """Return the response of a stored file: whole, a range of it, or only that the client has it already.

    One range is answered as such; several at once are answered with the whole file, as RFC 9110 allows.
    """
    etag = f'"{file.sha256}"'
    response = empty(200)
    response.headers.update(
        {
            "ETag": etag,
            "Accept-Ranges": "bytes",
            "Content-Security-Policy": "sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'",
            "Content-Disposition": disposition(file.name, is_shown=essence(file.media_type) in _SHOWN),
            # The bytes of one digest never change; whether one may still have them does.
            "Cache-Control": "private, no-cache",
        }
    )
    if file.sha256 in request.if_none_match:
        response.status_int = 304
        return response
    start, stop = 0, file.size
    if (wanted := _range(request, file, etag)) is not None:
        found = wanted.range_for_length(file.size)
        if found is None:
            response.status_int = 416
            response.headers["Content-Range"] = f"bytes */{file.size}"
            response.content_length = 0
            return response
        start, stop = found
        response.status_int = 206
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
    set_type(response, file.media_type)
    stream = open_file()
    if start:
        stream.seek(start)
    response.app_iter = _iterate(request, stream, stop - start)
    response.content_length = stop - start
    return response


def disposition(name: str, *, is_shown: bool) -> str:
    """Return a ``Content-Disposition`` (RFC 6266) with the name in ASCII and, if that loses something, in full."""
    how = "inline" if is_shown else "attachment"
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    header = f'{how}; filename="{plain}"'
    if plain != name:
        header += f"; filename*=UTF-8''{quote(name, safe='')}"
    return header


def _range(request: Request, file: OutputFile, etag: str) -> Range | None:
    header = request.environ.get("HTTP_RANGE", "")
    if not _RANGE.match(header):
        return None
    condition = request.environ.get("HTTP_IF_RANGE")
    if condition is not None and condition.strip() != etag:
        return None
    return Range.parse(header)


def _iterate(request: Request, stream: BinaryIO, size: int) -> object:
    # The server's own wrapper sends straight from the file, from where it stands, as much as Content-Length says.
    wrapper = request.environ.get("wsgi.file_wrapper")
    return wrapper(stream, _BLOCK) if wrapper and size and _is_real(stream) else _Blocks(stream, size)


def _is_real(stream: BinaryIO) -> bool:
    try:
        return stream.fileno() >= 0
    except (AttributeError, OSError):
        return False


class _Blocks:
    """Reads a part of a file; closed by the server also when nothing was read."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left = stream, size

    def __iter__(self) -> _Blocks:
        return self

    def __next__(self) -> bytes:
        block = self._stream.read(min(_BLOCK, self._left))
        if not block:
            raise StopIteration
        self._left -= len(block)
        return block

    def close(self) -> None:
        self._stream.close()


def check_index(text: str) -> int:
    """Return the place in a list that a path names.

    :raises InvalidRequest: it names none.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise InvalidRequest(faults=[Fault(f"{text[:40]!r} is not a place in a list: count from 0", "index", "path")])
    return int(text)
