"""A process of another server as a process of this one: what nested processes elsewhere are run by.

It can be executed by itself too, with the same rules: only on servers that the operator allows.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from weaverlite.errors import EngineError
from weaverlite.models.function import Context, PythonProcess
from weaverlite.models.process import InputDescription, OutputDescription
from weaverlite.ogc.negotiation import essence, is_json
from weaverlite.ogc.values import Inline, Qualified, Reference, is_binary, parse

_ENDINGS = {"text/csv": ".csv", "text/html": ".html", "application/geo+json": ".geojson", "application/xml": ".xml"}


def remote_process(inputs: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Execute ``process`` there and return one of its outputs."""
    wanted = inputs.get("output")
    outputs: dict[str, Any] | None = {wanted: {}} if wanted else None
    given = inputs.get("inputs", {})
    found = context.exchange.execute(inputs["process"], given, outputs, context.progress, context.log)
    if not found:
        raise EngineError("The process on the other server made no output.")
    name = wanted or next(iter(found))
    if name not in found:
        raise EngineError(f"The process on the other server made no output {name!r}, only {', '.join(found)}.")
    return {"result": _local(found[name], inputs["process"], context)}


def _local(given: Any, base: str, context: Context) -> Any:
    """Return an output of another server as one of this job."""
    if isinstance(given, list):
        return [_local(item, base, context) for item in given]
    try:
        value = parse(given)
    except ValueError as error:
        raise EngineError(f"The other server's output {error}.") from error
    if isinstance(value, Reference):
        return context.fetch(urljoin(base, value.href), value.media_type)
    if isinstance(value, Inline):
        return value.value
    if isinstance(value.value, str) and (is_binary(value.encoding) or not _is_plain(value.media_type)):
        return _written(value, context)
    return value.value


def _is_plain(media_type: str) -> bool:
    return essence(media_type) in ("", "text/plain") or is_json(media_type)


def _written(value: Qualified, context: Context) -> Path:
    bare = essence(value.media_type)
    number = sum(1 for _ in context.directory.iterdir())
    path = context.directory / f"result{number or ''}{_ENDINGS.get(bare, '.bin' if value.encoding else '.txt')}"
    try:
        path.write_bytes(base64.b64decode(value.value) if is_binary(value.encoding) else value.value.encode())
    except ValueError as error:
        raise EngineError("The other server sent base64 that is none.") from error
    return path


PROCESS = PythonProcess(
    process_id="remote_process",
    version="1.0.0",
    title="Process of another server",
    description=(
        "Executes a process on another server of OGC API - Processes, one that the operator of this service allows, "
        "and gives one of its outputs. Nested processes of other servers run as jobs of this process."
    ),
    keywords=("remote", "nested", "workflow"),
    inputs=(
        InputDescription(
            input_id="process",
            title="URL of the process",
            schema={"type": "string", "format": "uri"},
        ),
        InputDescription(
            input_id="inputs",
            title="Its inputs, as it takes them",
            schema={"type": "object"},
            min_occurs=0,
        ),
        InputDescription(
            input_id="output",
            title="The output that is wanted; else the first",
            schema={"type": "string", "minLength": 1},
            min_occurs=0,
        ),
    ),
    outputs=(OutputDescription(output_id="result", title="The output", schema={}),),
    function=remote_process,
)
