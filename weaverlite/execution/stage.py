"""Bring the inputs of a job into its directory: references fetched, inline files written, all others left as JSON.

Where each value goes depends on nothing a client says: ``inputs/<number>/<number>/`` holds one file or directory, only
its own name comes from outside, and that is made safe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weaverlite.errors import ExecutionError, Fault, InvalidRequest, ReferenceRefused, StagingError, WeaverLiteError
from weaverlite.execution.parts import Parts
from weaverlite.models.process import InputDescription
from weaverlite.models.results import LocalDirectory, LocalFile, LocalValue
from weaverlite.ogc.names import safe_name
from weaverlite.ogc.negotiation import is_json
from weaverlite.ogc.pointers import pointer_to
from weaverlite.ogc.values import (
    Inline,
    Qualified,
    Reference,
    content,
    decode_base64,
    is_binary,
    media_type_fits,
    parse,
)
from weaverlite.schemas import validate_value
from weaverlite.schemas.contents import content_faults, has_content_schema, value_of
from weaverlite.schemas.forms import media_types
from weaverlite.schemas.text import parse_json
from weaverlite.transfer import interfaces

_HTML = "text/html"
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

    def fetch(self, href: str, media_type: str, destination: Path) -> LocalFile:
        """Fetch a file that only the run itself learned of. See :class:`weaverlite.engines.interfaces.Run`.

        :raises ReferenceRefused, StagingError: it cannot be had.
        """
        if ":" not in href:
            raise StagingError(f"{href[:200]!r} is no URL.")
        file = self._fetch(Reference(href, media_type), destination, is_directory=False)
        if not isinstance(file, LocalFile):
            raise StagingError("It is a directory; a file is wanted.")
        return file

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
        if slot := self._plan_kind(description, value, pointer):
            return slot
        found = _parsed(value, pointer)
        is_directory = description.type_name.startswith("Directory")
        destination = self._place(description.input_id)
        if isinstance(found, Reference):
            return self._add(pointer, lambda: self._fetch_file(description, found, destination, is_directory, pointer))
        if is_directory:
            raise StagingError(faults=[Fault("is a directory: send a reference to it ({'href': …})", pointer)])
        return self._write(description, value, found, destination, pointer)

    def _plan_literal(self, description: InputDescription, value: Any, pointer: str) -> Any:
        if slot := self._plan_kind(description, value, pointer):
            return slot
        found = _parsed(value, pointer)
        if isinstance(found, Reference):
            destination = self._place(description.input_id)
            return self._add(pointer, lambda: self._read(description, found, destination, pointer))
        if isinstance(found, Qualified):
            return _unwrapped(found, pointer)
        return value

    def _plan_kind(self, description: InputDescription, value: Any, pointer: str) -> _Slot | None:
        """Plan a value of one of the kinds that others add, told by a member of its own; None when it is of none."""
        if not isinstance(value, Mapping):
            return None
        bring = next((bring for member, bring in self._parts.kinds.items() if member in value), None)
        if bring is None:
            return None
        found, destination = bring, self._place(description.input_id)
        return self._add(pointer, lambda: _checked(description, found(value, description, destination), pointer))

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
        fetched = stager.fetch(reference, destination, self._parts.fetch_limits)
        return replace(fetched, source=found.href) if isinstance(fetched, LocalFile) else fetched

    def _fetch_file(
        self, description: InputDescription, found: Reference, destination: Path, is_directory: bool, pointer: str
    ) -> LocalFile | LocalDirectory:
        file = self._fetch(found, destination, is_directory)
        if isinstance(file, LocalFile):
            _check_content(description.schema, found, file, pointer_to(pointer, "href"))
        return file

    def _read(self, description: InputDescription, found: Reference, destination: Path, pointer: str) -> Any:
        file = self._fetch(found, destination, is_directory=False)
        if not isinstance(file, LocalFile):
            raise StagingError("It is a directory; a value is wanted.")
        size = file.path.stat().st_size
        if size > _LITERAL_BYTES:
            raise StagingError(f"It has {size} bytes; a value may have {_LITERAL_BYTES}.")
        media_type = found.media_type or file.media_type or ""
        where = pointer_to(pointer, "href")
        value, faults = value_of(file.path.read_bytes(), media_type, description.schema, where)
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
        filled: list[LocalValue] = []
        for item in plan:
            value = _fill(item, brought)
            # One value of such a kind may be several.
            filled += value if isinstance(value, _Several) else [value]
        return filled
    return plan


class _Several(list[LocalValue]):
    """What one value became, where an input takes several."""


def _checked(description: InputDescription, value: LocalValue, pointer: str) -> LocalValue:
    """Return a value that somebody else brought, held against the schema of its input."""
    several = isinstance(value, list) and description.max_occurs != 1
    if not description.is_file:
        for item in value if several else [value]:
            if faults := validate_value(description.schema, item, pointer):
                raise StagingError(faults=faults)
    return _Several(value) if several else value


def _check_content(schema: Mapping[str, Any], found: Reference, file: LocalFile, pointer: str) -> None:
    """Hold a fetched file against what its input says of content.

    Servers often say a wrong media type, or none, and are believed in one thing: a page for people, the usual form of
    errors and logins, is no data.
    """
    declared, media_type = media_types(schema), found.media_type or file.media_type or ""
    is_page = (file.media_type or "").startswith(_HTML) and not found.media_type
    if is_page and declared and not any(media_type_fits(_HTML, item) for item in declared):
        why = f"refers to a web page (text/html); accepted are {', '.join(declared)}"
        raise StagingError(faults=[Fault(f"{why}: say its 'type' if it is one of these", pointer)])
    if has_content_schema(schema) and file.path.stat().st_size <= _LITERAL_BYTES:
        text = file.path.read_text("utf-8-sig", "replace")
        fits = any(media_type_fits(media_type, item) for item in declared)
        if faults := content_faults(schema, text, media_type if fits else next(iter(declared), ""), pointer):
            raise StagingError(faults=faults)


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
        return parse_json(text) if is_json(found.media_type) and is_binary(found.encoding) else text
    except InvalidRequest as exc:
        raise StagingError(faults=[Fault(exc.faults[0].message, pointer)]) from exc
    except ValueError as exc:
        raise StagingError(faults=[Fault(str(exc), pointer)]) from exc


def _ending(media_type: str) -> str:
    known = {"text/plain": ".txt", "application/json": ".json", "text/csv": ".csv", "application/xml": ".xml"}
    return known.get(media_type.partition(";")[0], "")


def _undescribed(input_id: str) -> InputDescription:
    return InputDescription(input_id=input_id, schema={})
