"""Several outputs in one answer: ``multipart/related`` (RFC 2387), one part each, sent block by block."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote

from pyramid.response import Response

from weaverlite.api.files import disposition
from weaverlite.api.inlining import blocks
from weaverlite.api.rendering import set_type
from weaverlite.ogc.negotiation import RELATED, essence

_SAFE = "!#$&'()*+,-./:;=?@[]^_`{|}~ "


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One output: its bytes, or the file they are in. ``location`` is where it is found by itself."""

    output_id: str
    media_type: str
    location: str
    content: bytes = b""
    open: Callable[[], BinaryIO] | None = None
    #: Size of the file, in bytes.
    size: int = 0
    name: str = ""
    is_base64: bool = False

    @property
    def length(self) -> int:
        """The bytes of the body of the part."""
        if self.open is None:
            return len(self.content)
        return (self.size + 2) // 3 * 4 if self.is_base64 else self.size

    def head(self) -> bytes:
        lines = [
            f"Content-ID: <{quote(self.output_id, safe=_SAFE)}>",
            f"Content-Type: {self.media_type}",
            f"Content-Location: {self.location}",
        ]
        if self.name:
            lines.append(f"Content-Disposition: {disposition(self.name, is_shown=False)}")
        if self.is_base64:
            lines.append("Content-Transfer-Encoding: base64")
        lines.append(f"Content-Length: {self.length}")
        return "".join(f"{line}\r\n" for line in lines).encode("ascii", "replace")

    def body(self) -> Iterator[bytes]:
        if self.open is None:
            yield self.content
        else:
            yield from blocks(self.open(), is_base64=self.is_base64)


def multipart_response(parts: Sequence[Part], media_type: str = RELATED) -> Response:
    """Return the response of several parts, of which the first is the root."""
    boundary = uuid.uuid4().hex
    response = Response(status=200)
    kind = f'{media_type}; boundary="{boundary}"'
    if media_type == RELATED and parts:
        # RFC 2387, 3.1: the type of the root.
        kind += f'; type="{essence(parts[0].media_type)}"'
    set_type(response, kind)
    heads = [b"--%s\r\n%s\r\n" % (boundary.encode(), part.head()) for part in parts]
    end = b"--%s--\r\n" % boundary.encode()
    response.app_iter = _pieces(parts, heads, end)
    response.content_length = sum(len(head) for head in heads) + sum(part.length + 2 for part in parts) + len(end)
    return response


def _pieces(parts: Sequence[Part], heads: Sequence[bytes], end: bytes) -> Iterator[bytes]:
    for part, head in zip(parts, heads, strict=True):
        yield head
        yield from part.body()
        yield b"\r\n"
    yield end
