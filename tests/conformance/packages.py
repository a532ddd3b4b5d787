"""The processes that the suite deploys: small CWL tools, each for one kind of input or result."""

from __future__ import annotations

from typing import Any

Package = dict[str, Any]


def _tool(process_id: str, **members: Any) -> Package:
    head = {"cwlVersion": "v1.2", "class": "CommandLineTool", "id": process_id, "label": f"The process {process_id}"}
    return {**head, **members}


def shell(process_id: str, script: str, inputs: Any, outputs: Any, **members: Any) -> Package:
    """Return a tool that is a script of the shell; its inputs are the positional parameters."""
    return _tool(
        process_id, baseCommand=["sh", "-c", script, "sh"], inputs=inputs, outputs=outputs, **members
    )


def at(position: int, type_: Any, **members: Any) -> Package:
    """Return an input that is a positional parameter."""
    return {"type": type_, "inputBinding": {"position": position}, **members}


def giving(process_id: str, inputs: dict[str, Any], **members: Any) -> Package:
    """Return a tool whose outputs are its inputs, of the same names."""
    return _tool(
        process_id,
        requirements={
            "InitialWorkDirRequirement": {"listing": [{"entryname": "cwl.output.json", "entry": "$(inputs)"}]}
        },
        baseCommand="true",
        inputs=inputs,
        outputs=dict(inputs),
        **members,
    )


#: One text in, one text file out.
TEXT = shell(
    "conf-text",
    "printf '%s' \"$1\"",
    {"text": at(1, "string", doc="What is written")},
    {"said": {"type": "stdout"}},
    stdout="said.txt",
)
#: One file in, its bytes out.
COPY = shell(
    "conf-copy",
    'cat "$1" > copy.txt',
    {"file": at(1, "File")},
    {"copy": {"type": "File", "outputBinding": {"glob": "copy.txt"}}},
)
#: Several files in, one out.
JOIN = shell(
    "conf-join",
    'cat "$@" > joined.txt',
    {"files": at(1, "File[]")},
    {"joined": {"type": "File", "outputBinding": {"glob": "joined.txt"}}},
)
#: Results of every kind.
MANY = shell(
    "conf-many",
    (
        "printf '%s' \"$1\" > text.txt; printf 'a,b\\n1,2\\n' > table.csv; printf '{\"a\": 1}' > data.json; "
        "for part in 1 2 3; do printf 'part %s' $part > part-$part.txt; done; "
        "printf '{\"count\": 3, \"ratio\": 0.5, \"flag\": true, \"word\": \"a word\", "
        '"text": {"class": "File", "path": "text.txt"}, "table": {"class": "File", "path": "table.csv"}, '
        '"data": {"class": "File", "path": "data.json"}, "numbers": [1, 2, 3], '
        '"parts": [{"class": "File", "path": "part-1.txt"}, {"class": "File", "path": "part-2.txt"}, '
        '{"class": "File", "path": "part-3.txt"}]}\' > cwl.output.json'
    ),
    {"text": at(1, "string", default="text")},
    {
        "text": {"type": "File", "outputBinding": {"glob": "text.txt"}},
        "table": {"type": "File", "outputBinding": {"glob": "table.csv"}},
        "data": {"type": "File", "outputBinding": {"glob": "data.json"}},
        "parts": {"type": "File[]", "outputBinding": {"glob": "part-*.txt"}},
        "count": "int",
        "ratio": "float",
        "flag": "boolean",
        "word": "string",
        "numbers": "int[]",
    },
)
#: The ids of its outputs, with what a client gets of each as text.
MANY_OUTPUTS = {
    "text": "many",
    "table": "a,b\n1,2\n",
    "data": '{"a": 1}',
    "count": "3",
    "ratio": "0.5",
    "flag": "true",
    "word": "a word",
}
#: Their media types when they come by themselves; several where a service may choose.
MANY_TYPES: dict[str, tuple[str, ...]] = {
    "text": ("text/plain",),
    "table": ("text/csv",),
    "data": ("application/json",),
    "count": ("application/json", "text/plain"),
    "ratio": ("application/json", "text/plain"),
    "flag": ("application/json", "text/plain"),
    "word": ("application/json", "text/plain"),
}
#: Ends with an error.
FAIL = shell(
    "conf-fail", "echo it did not work >&2; exit 3", {}, {"never": {"type": "File", "outputBinding": {"glob": "never"}}}
)
#: Values of every simple type in and out.
VALUES = giving(
    "conf-values",
    {"number": "double?", "whole": "int?", "flag": "boolean?", "text": "string?"},
)
#: Lists in and out: occurrences above one.
LISTS = giving("conf-lists", {"words": "string[]", "wholes": "int[]?", "flags": "boolean[]?"})
#: A choice in and out.
CHOICE = giving("conf-choice", {"size": {"type": {"type": "enum", "symbols": ["small", "large"]}}})
#: Runs for as long as any test does.
SLEEP = shell("conf-sleep", "exec sleep 900", {}, {})
#: Wants more than any node has: stays accepted.
GIANT = _tool(
    "conf-giant",
    requirements={"ResourceRequirement": {"coresMin": 1024, "ramMin": 16_777_216}},
    baseCommand="true",
    inputs={},
    outputs={},
)

PACKAGES: dict[str, Package] = {
    package["id"]: package for package in (TEXT, COPY, JOIN, MANY, FAIL, VALUES, LISTS, CHOICE, SLEEP, GIANT)
}
#: Every process that descriptions are checked of.
PROCESS_IDS = ("echo", *PACKAGES)
