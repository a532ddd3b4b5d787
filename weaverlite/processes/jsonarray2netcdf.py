"""``jsonarray2netcdf``: a JSON document with a list of references to the NetCDF files they refer to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaverlite.errors import EngineError, Fault, InvalidRequest
from weaverlite.models.function import Context, PythonProcess
from weaverlite.models.process import InputDescription, OutputDescription
from weaverlite.models.results import LocalFile
from weaverlite.processes.netcdf import MEDIA_TYPE, SCHEMA, check_netcdf
from weaverlite.schemas.text import parse_json

#: The document itself; what it refers to may be large.
_LARGEST = 16 * 1024**2
_MOST = 10_000
_LIST = {"type": "array", "minItems": 1, "maxItems": _MOST, "items": {"type": "string", "minLength": 1}}


def jsonarray2netcdf(inputs: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Fetch what the list refers to, in its order."""
    references = _references(inputs["input"])
    found = []
    for number, href in enumerate(references):
        context.progress(round(100 * number / len(references)), f"{number} of {len(references)} files")
        context.log(f"fetching {href[:500]}")
        found.append(check_netcdf(context.fetch(href, MEDIA_TYPE), f"What /{number} of the list refers to"))
    return {"output": found}


def _references(file: LocalFile) -> list[str]:
    if file.path.stat().st_size > _LARGEST:
        raise EngineError(f"The list has more than {_LARGEST} bytes.")
    try:
        listed = parse_json(file.path.read_bytes())
    except InvalidRequest as error:
        raise EngineError(f"The input {error.faults[0].message}.", faults=error.faults) from error
    if not isinstance(listed, list) or not listed or len(listed) > _MOST:
        raise EngineError(f"The input is not a list of 1 to {_MOST} references in JSON.")
    faults = [
        Fault("is not a reference: a URL in a string", f"/{number}")
        for number, item in enumerate(listed)
        if not isinstance(item, str) or ":" not in item
    ]
    if faults:
        raise EngineError(f"The item {faults[0].pointer} of the list {faults[0].message}.", faults=faults)
    return listed


PROCESS = PythonProcess(
    process_id="jsonarray2netcdf",
    version="1.0.0",
    title="JSON array to NetCDF",
    description="Fetches the NetCDF files that a JSON document refers to with a list of URLs.",
    keywords=("adapter", "NetCDF", "JSON"),
    inputs=(
        InputDescription(
            input_id="input",
            title="A JSON document with a list of URLs",
            schema={"type": "string", "contentMediaType": "application/json", "contentSchema": _LIST},
            type_name="File",
        ),
    ),
    outputs=(
        OutputDescription(
            output_id="output",
            title="The files, in the order of the list",
            schema={"type": "array", "items": SCHEMA},
            type_name="File[]",
        ),
    ),
    function=jsonarray2netcdf,
)
