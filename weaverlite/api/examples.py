"""One example for each operation, which runs as it stands on a service that has the process ``echo``.

Ids of jobs and uploads are another service's: whoever tries an example puts in one of his own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaverlite.ogc.negotiation import JSON

#: Values of parameters without which nothing can be asked: the variables in paths, and the inputs of a link.
PARAMETERS: Mapping[str, Any] = {
    "process_id": "echo",
    "job_id": "5e1f3a52-6c3b-4d8a-9f6e-1b0c7d2a4e90",
    "output_id": "stringInput",
    "index": "0",
    "path": "stringInput/words.txt",
    "upload_id": "7c9d1e40-2f5a-4b16-8e3d-5a6b7c8d9e0f",
    "inputs": {"stringInput": "Hello"},
}
#: Those of operations that want others: what is built in can neither be changed nor given back.
PARAMETERS_OF: Mapping[str, Mapping[str, Any]] = {
    name: {"process_id": "greet"}
    for name in ("replaceProcess", "updateProcess", "undeployProcess", "getPackage", "listRevisions")
}

_TOOL = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "greet",
    "label": "Greet somebody",
    "baseCommand": ["echo", "Hello"],
    "inputs": {"name": {"type": "string", "inputBinding": {"position": 1}}},
    "outputs": {"greeting": {"type": "stdout"}},
    "stdout": "greeting.txt",
}
_HELLO = {"inputs": {"stringInput": "Hello"}}

#: Bodies, by operation and media type.
BODIES: Mapping[str, Mapping[str, Any]] = {
    "executeProcess": {JSON: _HELLO},
    "deployProcess": {"application/cwl+json": _TOOL},
    "replaceProcess": {"application/cwl+json": {**_TOOL, "label": "Greet somebody well"}},
    "updateProcess": {JSON: {"title": "Greet somebody politely"}},
    "dismissJobs": {JSON: {"jobs": ["5e1f3a52-6c3b-4d8a-9f6e-1b0c7d2a4e90"]}},
    "createJob": {JSON: {"process": "echo", "title": "A greeting", "inputs": {"stringInput": "Hello"}}},
    "updateJob": {JSON: {"inputs": {"stringInput": "Hello again"}}},
    "startJob": {JSON: {}},
    "uploadFile": {"*/*": "some words\n"},
}


def parameter(operation: str, name: str) -> Any:
    """Return the example of a parameter of an operation, None if it has none."""
    return PARAMETERS_OF.get(_plain(operation), {}).get(name, PARAMETERS.get(name))


def bodies(operation: str) -> Mapping[str, Any]:
    """Return the examples of an operation's body, by media type."""
    return BODIES.get(_plain(operation), {})


def _plain(operation: str) -> str:
    # The twins below /processes/{id} take what the operations themselves take.
    return operation.removesuffix("ByProcess")
