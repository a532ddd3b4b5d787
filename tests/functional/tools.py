"""CWL tools that tests of the whole service deploy."""

from __future__ import annotations

import json
from typing import Any

from weaverlite.testing.app import URL

#: Sorts the lines of a file.
SORT = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "sort",
    "baseCommand": "sort",
    "inputs": {"text": {"type": "File", "inputBinding": {"position": 1}}},
    "outputs": {"sorted": {"type": "stdout"}},
    "stdout": "sorted.txt",
}


def shell(outputs: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a tool that runs the script it is given."""
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "id": "shell",
        "baseCommand": ["sh", "-c"],
        "inputs": {"script": {"type": "string", "inputBinding": {"position": 1}}},
        "outputs": outputs,
        **members,
    }


def deploy(http: Any, *documents: Any) -> None:
    """Deploy CWL documents, each under its own id."""
    for document in documents:
        headers = {"Content-Type": "application/cwl+json"}
        answer = http.post(f"{URL}/processes", data=json.dumps(document), headers=headers)
        assert answer.status_code == 201, answer.text
