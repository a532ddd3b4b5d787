"""``file_index_selector``: one of several files, by its place in the list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaverlite.errors import EngineError
from weaverlite.models.function import Context, PythonProcess
from weaverlite.models.process import InputDescription, OutputDescription

_FILE = {"type": "string", "contentMediaType": "application/octet-stream", "contentEncoding": "binary"}


def file_index_selector(inputs: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Return the file of this index; the first one has the index 0."""
    files, index = inputs["files"], inputs["index"]
    if index >= len(files):
        there = "there is 1 file" if len(files) == 1 else f"there are {len(files)} files"
        raise EngineError(f"There is no file with the index {index}: {there}, and the first one has the index 0.")
    return {"output": files[index]}


PROCESS = PythonProcess(
    process_id="file_index_selector",
    version="1.0.0",
    title="File index selector",
    description="Gives one of several files, by its place in the list. The first one has the index 0.",
    keywords=("adapter", "selection"),
    inputs=(
        InputDescription(
            input_id="files", title="Files of any format", schema=_FILE, max_occurs=None, type_name="File[]"
        ),
        InputDescription(input_id="index", title="Place in the list, from 0", schema={"type": "integer", "minimum": 0}),
    ),
    outputs=(OutputDescription(output_id="output", title="The file of this index", schema=_FILE, type_name="File"),),
    function=file_index_selector,
)
