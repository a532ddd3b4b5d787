"""``file2string_array``: a file to a JSON document with a list of one text, the reference of the file.

It is an adapter between processes that give a file and processes that take a list of references.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from weaverlite.errors import EngineError
from weaverlite.models.function import Context, PythonProcess
from weaverlite.models.process import InputDescription, OutputDescription
from weaverlite.models.results import LocalFile

#: Content that was sent inline has no reference but one that holds it; a larger one would be of no use.
_INLINE_BYTES = 1024**2


def file2string_array(inputs: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Write the reference of the input into a list."""
    path = context.directory / "output.json"
    path.write_text(json.dumps([_reference(inputs["input"])], ensure_ascii=False), encoding="utf-8")
    return {"output": path}


def _reference(file: LocalFile) -> str:
    if file.source:
        return file.source
    if file.path.stat().st_size > _INLINE_BYTES:
        raise EngineError(
            f"The input was sent inline and is larger than {_INLINE_BYTES} bytes: upload it, or send a reference to it."
        )
    content = base64.b64encode(file.path.read_bytes()).decode()
    return f"data:{file.media_type or 'application/octet-stream'};base64,{content}"


PROCESS = PythonProcess(
    process_id="file2string_array",
    version="1.0.0",
    title="File to string array",
    description=(
        "Gives a JSON document with a list of one text: the reference of the input file. A file that was sent inline "
        "is referred to by a data: URL."
    ),
    keywords=("adapter", "reference", "JSON"),
    inputs=(
        InputDescription(
            input_id="input",
            title="A file of any format",
            schema={
                "type": "string",
                "contentMediaType": "application/octet-stream",
                "contentEncoding": "binary",
            },
            type_name="File",
        ),
    ),
    outputs=(
        OutputDescription(
            output_id="output",
            title="A list of one reference",
            schema={
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {"type": "array", "items": {"type": "string"}},
            },
            type_name="File",
        ),
    ),
    function=file2string_array,
)
