"""Server-sent events, read from the chunks of a response."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from weaverlite.client.errors import Unreachable

#: Largest event that is read.
SIZE_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True)
class ServerEvent:
    """One event; ``name`` is ``message`` when the server gave none."""

    name: str
    data: str
    id: str = ""

    def json(self) -> dict[str, Any]:
        """Return the data as a JSON object, empty when it is none."""
        try:
            document = json.loads(self.data)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}


def read_events(chunks: Iterable[bytes]) -> Iterator[ServerEvent]:
    """Yield the events of a stream as soon as each is complete; one that breaks off is dropped."""
    name, identifier = "", ""
    data: list[str] = []
    for line in _lines(chunks):
        if not line:
            if data:
                yield ServerEvent(name or "message", "\n".join(data), identifier)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            identifier = value


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield lines ended by CR LF, LF or CR, whatever the chunks they come in."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        # A CR at the end may be half of a CR LF: it waits for the next chunk.
        whole = rest.replace(b"\r\n", b"\n")
        held = b"\r" if whole.endswith(b"\r") else b""
        *lines, rest = whole[: len(whole) - len(held)].replace(b"\r", b"\n").split(b"\n")
        rest += held
        if len(rest) > SIZE_LIMIT:
            raise Unreachable(f"The service sends an event larger than {SIZE_LIMIT >> 20} MiB.")
        for line in lines:
            yield line.decode("utf-8", "replace")


__all__ = ["ServerEvent", "read_events"]
