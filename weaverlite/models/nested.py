"""Nested processes in the inputs of a job: which there are, which jobs run them, and what they give.

In stored inputs an object with ``process`` that stands bare in the place of a value is one (objects that are values
themselves are wrapped as ``{"value": …}``), and ``{"$inputs": {…}}`` holds the inputs of a process on another server.
Each is run by a job whose id follows from the parent's and from the place, so that whoever finds it missing makes the
same one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from weaverlite.models.results import OutputDirectory, OutputFile, write_file
from weaverlite.ogc.pointers import pointer_to

#: The member of a nested process, and those of our own stored forms.
PROCESS, INPUTS, RESULT = "process", "$inputs", "$result"
#: What may stand beside a nested process to select from the features it makes.
FIELDS = ("filter", "filter-lang", "filterLang", "properties", "sortBy", "sortby")
#: The output of the jobs that run those of other servers.
REMOTE_OUTPUT = "result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """One nested process: where it stands, what it runs, and which output is wanted (None: the first).

    ``revision`` is None for a process on another server, whose URL ``process`` then is.
    """

    pointer: str
    process: str
    revision: int | None
    inputs: Mapping[str, Any]
    output: str | None = None
    #: What is selected of the features it makes: the members of a collection value that stood beside it.
    fields: Mapping[str, Any] = field(default_factory=dict)

    def job_id(self, parent_id: str) -> str:
        """Return the id of the job that runs this for its parent."""
        return str(uuid.uuid5(uuid.UUID(parent_id), self.pointer))

    @property
    def is_remote(self) -> bool:
        """Whether it runs on another server."""
        return self.revision is None

    def to_json(self) -> dict[str, Any]:
        """Return the form it is stored in."""
        document: dict[str, Any] = {PROCESS: self.process, "inputs": self.inputs}
        if self.revision is not None:
            document["revision"] = self.revision
        if self.output is not None:
            document["outputs"] = {self.output: {}}
        return {**document, **self.fields}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], pointer: str) -> Nested:
        """Return what :meth:`to_json` wrote."""
        return cls(
            pointer=pointer,
            process=document[PROCESS],
            revision=document.get("revision"),
            inputs=document.get("inputs", {}),
            output=next(iter(document.get("outputs", {})), None),
            fields={name: document[name] for name in FIELDS if name in document},
        )


def nested_in(inputs: Mapping[str, Any], pointer: str = "/inputs") -> Iterator[Nested]:
    """Yield the nested processes of stored inputs; those that are nested in them in turn belong to their jobs."""
    for name, value in inputs.items():
        yield from _nested_in(value, pointer_to(pointer, name))


def _nested_in(value: Any, pointer: str) -> Iterator[Nested]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, Mapping):
                yield from _nested_in(item, f"{pointer}/{number}")
    elif isinstance(value, Mapping):
        if isinstance(value.get(INPUTS), Mapping):
            yield from nested_in(value[INPUTS], pointer)
        elif PROCESS in value:
            yield Nested.from_json(value, pointer)


def with_results(
    inputs: Mapping[str, Any], result: Callable[[Nested], Any], pointer: str = "/inputs"
) -> dict[str, Any]:
    """Return the inputs with what ``result`` gives, as stored values, in place of nested processes.

    Where it gives a list, that fills as many places of a list.
    """
    return {name: _with_results(value, result, pointer_to(pointer, name)) for name, value in inputs.items()}


def _with_results(value: Any, result: Callable[[Nested], Any], pointer: str) -> Any:
    if isinstance(value, list):
        filled: list[Any] = []
        for number, item in enumerate(value):
            found = _with_results(item, result, f"{pointer}/{number}") if isinstance(item, Mapping) else item
            filled += found if isinstance(found, list) and isinstance(item, Mapping) else [found]
        return filled
    if isinstance(value, Mapping):
        if isinstance(value.get(INPUTS), Mapping):
            return {INPUTS: with_results(value[INPUTS], result, pointer)}
        if PROCESS in value:
            return result(Nested.from_json(value, pointer))
    return value


def stored_result(job_id: str, value: Any, fields: Mapping[str, Any] | None = None) -> Any:
    """Return an output of a job as a stored value, ``{"$result": …}``, or as a list of such where there are files."""
    chosen = {"fields": dict(fields)} if fields else {}
    if isinstance(value, OutputFile):
        return {RESULT: {"job": job_id, "file": write_file(value), **chosen}}
    if isinstance(value, OutputDirectory):
        files = [write_file(file) for file in value.files]
        return {RESULT: {"job": job_id, "directory": {"path": value.path, "files": files}, **chosen}}
    if isinstance(value, list | tuple) and any(isinstance(item, OutputFile | OutputDirectory) for item in value):
        return [stored_result(job_id, item, fields) for item in value]
    return {RESULT: {"value": value, **chosen}}
