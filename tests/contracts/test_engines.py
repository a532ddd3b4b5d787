"""Every engine keeps the contract of engines."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weaverlite.engines.cwl.engine import CWLEngine
from weaverlite.engines.python import PythonEngine
from weaverlite.models.function import Context, PythonProcess
from weaverlite.models.process import InputDescription, OutputDescription
from weaverlite.testing.engines import EngineContract


def _tool(command: str, outputs: Mapping[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "baseCommand": ["sh", "-c", command],
        "inputs": {},
        "outputs": outputs or {},
        **members,
    }


class TestCWLEngine(EngineContract):
    engine = CWLEngine()
    echo = _tool(
        'printf %s "$0" > text',
        {
            "text": {
                "type": "string",
                "outputBinding": {"glob": "text", "loadContents": True, "outputEval": "$(self[0].contents)"},
            }
        },
        inputs={"text": {"type": "string", "inputBinding": {"position": 1}}},
    )
    fail = _tool("echo this went wrong >&2; exit 3")
    speak = _tool("echo to stdout; echo to stderr >&2")
    write = _tool("echo made > made.txt", {"file": {"type": "File", "outputBinding": {"glob": "made.txt"}}})
    copy = _tool(
        'cat "$0"',
        {"file": "stdout"},
        inputs={"file": {"type": "File", "inputBinding": {"position": 1}}},
        stdout="copy.txt",
    )
    nonsense = [
        ({}, "/class"),
        ({**speak, "cwlVersion": "v9"}, "/cwlVersion"),
        ({**speak, "baseCommand": 5}, "/baseCommand"),
        ({**speak, "requirements": {"DockerRequirment": {}}}, "/requirements/DockerRequirment"),
        ({**speak, "inputs": {"a": "flot"}}, "/inputs/a"),
        ({**speak, "nothing": 1}, "/nothing"),
    ]


def _speak(inputs: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    print("to stdout")
    print("to stderr", file=sys.stderr)
    return {}


def _fail(inputs: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    raise ValueError("this went wrong")


def _write(inputs: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    Path("made.txt").write_text("made\n")
    return {"file": Path("made.txt")}


def _copy(inputs: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    (context.directory / "copy.txt").write_bytes(inputs["file"].path.read_bytes())
    return {"file": context.directory / "copy.txt"}


_FILE: dict[str, Any] = {"schema": {"type": "string", "contentMediaType": "text/plain"}, "type_name": "File"}
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}


class TestPythonEngine(EngineContract):
    engine = PythonEngine(
        {
            "echo": PythonProcess(
                process_id="echo",
                inputs=(InputDescription(input_id="text", **_TEXT),),
                outputs=(OutputDescription(output_id="text", **_TEXT),),
                function=lambda inputs, context: inputs,
            ),
            "speak": PythonProcess(process_id="speak", function=_speak),
            "fail": PythonProcess(process_id="fail", function=_fail),
            "write": PythonProcess(
                process_id="write", outputs=(OutputDescription(output_id="file", **_FILE),), function=_write
            ),
            "copy": PythonProcess(
                process_id="copy",
                inputs=(InputDescription(input_id="file", **_FILE),),
                outputs=(OutputDescription(output_id="file", **_FILE),),
                function=_copy,
            ),
        }
    )
    echo, fail, speak, write, copy = ({"function": name} for name in ("echo", "fail", "speak", "write", "copy"))
    nonsense = [
        ([], ""),
        ({}, "/function"),
        ({"function": 5}, "/function"),
        ({"function": "ehco"}, "/function"),
        ({"function": "echo", "other": 1}, "/other"),
    ]
