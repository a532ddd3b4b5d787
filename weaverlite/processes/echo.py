"""The echo process of OGC API - Processes: it gives its inputs back under the same names, after a pause if asked.

Its shape is that of the executable test suite: the first input is a plain string, inputs and outputs share ids and
schemas, and no schema uses ``$ref``, several types at once or keywords of JSON Schema 2020-12.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from weaverlite.models.function import Context, PythonProcess
from weaverlite.models.process import InputDescription, OutputDescription
from weaverlite.schemas.forms import BOUNDING_BOX

_PORTS: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("stringInput", "A text", {"type": "string"}),
    ("pause", "Seconds to wait before answering", {"type": "number", "default": 0, "minimum": 0, "maximum": 60}),
    (
        "doubleInput",
        "A number above 0, up to 10",
        {"type": "number", "format": "double", "minimum": 0, "exclusiveMinimum": True, "maximum": 10},
    ),
    (
        "arrayInput",
        "One to ten integers",
        {"type": "array", "minItems": 1, "maxItems": 10, "items": {"type": "integer"}},
    ),
    ("dateInput", "A time, RFC 3339", {"type": "string", "format": "date-time"}),
    ("objectInput", "A text or an object", {"oneOf": [{"type": "string"}, {"type": "object"}]}),
    ("boundingBoxInput", "A bounding box", {"allOf": [{"format": "ogc-bbox"}, BOUNDING_BOX]}),
    (
        "geometryInput",
        "A geometry, GML or GeoJSON",
        {
            "oneOf": [
                {"type": "string", "contentMediaType": "application/gml+xml"},
                {"type": "string", "contentMediaType": "application/geo+json"},
            ]
        },
    ),
)


def echo(inputs: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Return the inputs, ``pause`` seconds later."""
    pause = float(inputs.get("pause", 0))
    end = time.monotonic() + pause
    while (left := end - time.monotonic()) > 0:
        context.progress(round(100 * (1 - left / pause)), f"waiting, {left:.1f} s left")
        time.sleep(min(left, 0.5))
    if "stringInput" in inputs:
        print(inputs["stringInput"])
    return dict(inputs)


PROCESS = PythonProcess(
    process_id="echo",
    version="1.0.0",
    title="Echo",
    description="Gives each input back as the output of the same name. Inputs that are not given have no output.",
    keywords=("echo", "test"),
    inputs=tuple(
        InputDescription(input_id=name, title=title, schema=schema, min_occurs=1 if name == "stringInput" else 0)
        for name, title, schema in _PORTS
    ),
    outputs=tuple(OutputDescription(output_id=name, title=title, schema=schema) for name, title, schema in _PORTS),
    function=echo,
)
