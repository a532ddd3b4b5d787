"""Bring the inputs of a job into its directory: references fetched, inline files written, all others left as JSON.

Where each value goes depends on nothing a client says: ``inputs/<number>/<number>/`` holds one file or directory, only
its own name comes from outside, and that is made safe.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weaverlite.errors import ExecutionError, Fault, ReferenceRefused, StagingError, WeaverLiteError
from weaverlite.execution.parts import Parts
from weaverlite.models.process import InputDescription
from weaverlite.models.results import LocalDirectory, LocalFile, LocalValue
from weaverlite.ogc.names import safe_name
from weaverlite.ogc.values import Inline, Qualified, Reference, content, decode_base64, is_binary, is_json, parse
from weaverlite.schemas import validate_value
from weaverlite.schemas.messages import pointer_to
from weaverlite.transfer import interfaces

#: The largest literal that is fetched: it ends in memory.
_LITERAL_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class _Task:
    """One value to be brought: which, and what brings it."""

    pointer: str
    bring: Callable[[], LocalValue]


class Staging:
    """Brings the inputs of one job."""

    def __init__(self, parts: Parts, directory: Path, owner: str | None) -> None:
        self._parts = parts
        self._directory = directory
        self._owner = owner
        self._tasks: list[_Task] = []
        self._numbers: dict[str, int] = {}

    def run(self, descriptions: Sequence[InputDescription], inputs: Mapping[str, Any]) -> dict[str, LocalValue]:
        """Return the inputs with local files in place of references and inline files.

        :raises ExecutionError: some cannot be had; says which and why, all of them together.
        """
        known = {description.input_id: description for description in descriptions}
        plans = {
            input_id: self._plan_input(known.get(input_id) or _undescribed(input_id), value)
            for input_id, value in inputs.items()
        }
        brought = self._bring_all()
        return {input_id: _fill(plan, brought) for input_id, plan in plans.items()}

    @property
    def references(self) -> int:
        """How many values were fetched."""
        return len(self._tasks)

    # ------------------------------------------------------------ planning

    def _plan_input(self, description: InputDescription, value: Any) -> Any:
        pointer = pointer_to("/inputs", description.input_id)
        if description.is_file:
            return self._plan_files(description, value, pointer)
        if description.max_occurs != 1 and isinstance(value, list):
            return [self._plan_literal(description, item, f"{pointer}/{n}") for n, item in enumerate(value)]
        return self._plan_literal(description, value, pointer)

    def _plan_files(self, description: InputDescription, value: Any, pointer: str) -> Any:
        if isinstance(value, list):
            return [self._plan_files(description, item, f"{pointer}/{n}") for n, item in enumerate(value)]
        if value is None:
            return None
        found = _parsed(value, pointer)
        is_directory = description.type_name.startswith("Directory")
        destination = self._place(description.input_id)
        if isinstance(found, Reference):
            return self._add(pointer, lambda: self._fetch(found, destination, is_directory))
        if is_directory:
            raise StagingError(faults=[Fault("is a directory: send a reference to it ({'href': …})", pointer)])
        return self._write(description, value, found, destination, pointer)

    def _plan_literal(self, description: InputDescription, value: Any, pointer: str) -> Any:
        found = _parsed(value, pointer)
        if isinstance(found, Reference):
            destination = self._place(description.input_id)
            return self._add(pointer, lambda: self._read(description, found, destination, pointer))
        if isinstance(found, Qualified):
            return _unwrapped(found, pointer)
        return value

    def _place(self, input_id: str) -> Path:
        """Return the empty directory of the next value of an input."""
        number = self._numbers.get(input_id, 0)
        self._numbers[input_id] = number + 1
        position = list(self._numbers).index(input_id)
        destination = self._directory / str(position) / str(number)
        destination.mkdir(parents=True)
        return destination

    def _add(self, pointer: str, bring: Callable[[], LocalValue]) -> _Slot:
        self._tasks.append(_Task(pointer, bring))
        return _Slot(len(self._tasks) - 1)

    # ------------------------------------------------------------ doing

    def _bring_all(self) -> list[LocalValue]:
        if len(self._tasks) < 2 or self._parts.parallel < 2:
            results = [_attempt(task) for task in self._tasks]
        else:
            with ThreadPoolExecutor(min(len(self._tasks), self._parts.parallel), "stage") as pool:
                results = list(pool.map(_attempt, self._tasks))
        failures = [result for result in results if isinstance(result, _Failure)]
        if len(failures) == 1:
            raise failures[0].error
        if failures:
            faults = tuple(fault for failure in failures for fault in failure.error.faults)
            raise StagingError(f"{len(failures)} inputs cannot be had. {failures[0].error.detail}", faults=faults)
        return results

    def _fetch(self, found: Reference, destination: Path, is_directory: bool) -> LocalFile | LocalDirectory:
        reference = interfaces.Reference(
            href=found.href,
            media_type=found.media_type or None,
            name=found.title or None,
            owner=self._owner,
            is_directory=is_directory,
        )
        stager = self._parts.stagers.get(reference.scheme)
        if stager is None:
            known = ", ".join(sorted(self._parts.stagers))
            raise StagingError(f"References of the scheme {reference.scheme!r} cannot be fetched here, only {known}.")
        return stager.fetch(reference, destination, self._parts.fetch_limits)

    def _read(self, description: InputDescription, found: Reference, destination: Path, pointer: str) -> Any:
        file = self._fetch(found, destination, is_directory=False)
        if not isinstance(file, LocalFile):
            raise StagingError("It is a directory; a value is wanted.")
        size = file.path.stat().st_size
        if size > _LITERAL_BYTES:
            raise StagingError(f"It has {size} bytes; a value may have {_LITERAL_BYTES}.")
        value = _literal_of(file.path.read_bytes(), found.media_type or file.media_type or "", description.schema)
        faults = validate_value(description.schema, value, pointer)
        if faults:
            raise StagingError(faults=faults)
        return value

    def _write(
        self, description: InputDescription, value: Any, found: Inline | Qualified, destination: Path, pointer: str
    ) -> LocalFile:
        schema = description.schema
        media_type = found.media_type if isinstance(found, Qualified) else ""
        media_type = media_type or str(schema.get("contentMediaType", "")) or "application/octet-stream"
        title = value.get("title") if isinstance(found, Qualified) and isinstance(value, Mapping) else None
        name = safe_name(str(title) if title else "", safe_name(description.input_id) + _ending(media_type))
        try:
            data = content(found, str(schema.get("contentEncoding", "")))
        except ValueError as exc:
            raise StagingError(faults=[Fault(str(exc), pointer)]) from exc
        path = destination / name
        try:
            path.write_bytes(data)
        except OSError as exc:
            raise StagingError(f"The input {description.input_id!r} cannot be written: {exc.strerror}.") from exc
        return LocalFile(path=path, name=name, media_type=media_type)


@dataclass(frozen=True, slots=True)
class _Slot:
    """The place of a value that is still to be brought."""

    number: int


@dataclass(frozen=True, slots=True)
class _Failure:
    error: WeaverLiteError


def _attempt(task: _Task) -> LocalValue | _Failure:
    try:
        return task.bring()
    except (ExecutionError, ReferenceRefused) as exc:
        if exc.faults:
            return _Failure(exc)
        located = StagingError(f"{task.pointer}: {exc.detail}", faults=[Fault(exc.detail, task.pointer)])
        return _Failure(located)
    except OSError as exc:
        detail = f"it cannot be written here: {exc.strerror or exc}"
        return _Failure(StagingError(f"{task.pointer}: {detail}", faults=[Fault(detail, task.pointer)]))


def _fill(plan: Any, brought: Sequence[LocalValue]) -> LocalValue:
    if isinstance(plan, _Slot):
        return brought[plan.number]
    if isinstance(plan, list):
        return [_fill(item, brought) for item in plan]
    return plan


def _parsed(value: Any, pointer: str) -> Inline | Qualified | Reference:
    try:
        return parse(value)
    except ValueError as exc:
        raise StagingError(faults=[Fault(str(exc), pointer)]) from exc


def _unwrapped(found: Qualified, pointer: str) -> Any:
    if not isinstance(found.value, str):
        return found.value
    try:
        text = decode_base64(found.value).decode() if is_binary(found.encoding) else found.value
        return json.loads(text) if is_json(found.media_type) and is_binary(found.encoding) else text
    except ValueError as exc:
        raise StagingError(faults=[Fault(str(exc), pointer)]) from exc


def _literal_of(data: bytes, media_type: str, schema: Mapping[str, Any]) -> Any:
    """Return fetched content as the value it means: JSON if it says so or if the schema wants more than text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise StagingError("It is not text in UTF-8.") from exc
    wants_text = schema.get("type") == "string"
    if is_json(media_type) or not wants_text:
        try:
            return json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError) as exc:
            if is_json(media_type):
                raise StagingError(f"It is not valid JSON: {exc}.") from exc
    # Files of text end with a newline, values do not.
    return text.removesuffix("\n").removesuffix("\r")


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number in JSON")


def _ending(media_type: str) -> str:
    known = {"text/plain": ".txt", "application/json": ".json", "text/csv": ".csv", "application/xml": ".xml"}
    return known.get(media_type.partition(";")[0], "")


def _undescribed(input_id: str) -> InputDescription:
    return InputDescription(input_id=input_id, schema={})
