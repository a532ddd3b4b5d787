"""Request bodies: how many of their bytes are read."""

from __future__ import annotations

from pyramid.request import Request

from weaverlite.errors import Fault, InvalidRequest, TooLarge

_CHUNK = 64 * 1024


def read_body(request: Request, limit: int) -> bytes:
    """Return the body of a request.

    The announced length is only believed when it is too large; what counts is what comes. This is not ``request.body``,
    which reads everything before anyone may object, and takes a chunked body, whose length nothing announces, for an
    empty one.

    :raises TooLarge: it has more than ``limit`` bytes; no more of it was read.
    :raises InvalidRequest: it ended before its announced length.
    """
    announced = request.content_length
    if announced is not None and announced > limit:
        raise _too_large(limit)
    if announced is None and not request.environ.get("wsgi.input_terminated"):
        return b""
    parts, size = [], 0
    while size <= limit:
        wanted = _CHUNK if announced is None else min(_CHUNK, announced - size)
        chunk = request.body_file_raw.read(wanted) if wanted else b""
        if not chunk:
            break
        parts.append(chunk)
        size += len(chunk)
    if size > limit:
        raise _too_large(limit)
    if announced is not None and size < announced:
        raise InvalidRequest(
            faults=[Fault(f"the body ends after {size} of the {announced} bytes that Content-Length announces")]
        )
    return b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The body is larger than the {limit} bytes this service accepts (weaverlite.server.body_limit). "
        "Upload large inputs with POST /vault and refer to them."
    )
