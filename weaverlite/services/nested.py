"""Nested processes as inputs, at submission: every one is looked up and its request checked, down to the last.

::

    {"process": "clip", "inputs": {…}, "outputs": {"clipped": {}}}        of this service
    {"process": "https://other.example/processes/clip", "inputs": {…}}    of an allowed one

A relative ``process`` is relative to the parent's. What is accepted is stored with the revision it was looked up as.
The job that runs it is made of that when its parent is accepted (:mod:`weaverlite.services.nesting`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from weaverlite.errors import Fault, NoSuchProcess, ReferenceRefused, Refused, WeaverLiteError
from weaverlite.models.exchange import is_below
from weaverlite.models.nested import FIELDS, INPUTS, Nested
from weaverlite.models.process import InputDescription, Process
from weaverlite.ogc.pointers import pointer_to
from weaverlite.schemas.messages import kind_of
from weaverlite.services.collections import wrong_fields
from weaverlite.services.inputs import Reading
from weaverlite.services.naming import find_process
from weaverlite.services.requests import Nest
from weaverlite.settings import ChainingSettings
from weaverlite.stores.interfaces import ProcessStore

_MEMBERS = frozenset({"process", "inputs", "outputs", "revision", "$schema", "title", "description", *FIELDS})
#: The built-in process that runs those of other servers.
REMOTE = "remote_process"


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedRequest:
    """A nested process of this service whose inputs are to be checked."""

    process: Process
    inputs: Mapping[str, Any]
    nest: Nest


class NestedProcesses:
    """The kind of values with ``process``. One for each request.

    ``check`` returns the inputs of a nested request as they are stored, and raises what is wrong with it; ``check_url``
    raises when policy forbids a URL; ``service_url`` is where clients find this service.
    """

    def __init__(
        self,
        processes: ProcessStore,
        settings: ChainingSettings,
        check: Callable[[NestedRequest], Mapping[str, Any]],
        nest: Nest,
        service_url: str,
        check_url: Callable[[str], None],
    ) -> None:
        self._processes = processes
        self._settings = settings
        self._check = check
        self._check_url = check_url
        self._nest = nest
        self._service_url = service_url.rstrip("/")

    def read(self, reading: Reading, description: InputDescription, given: Mapping[str, Any], pointer: str) -> Any:
        """Return the nested process as it is stored; see :class:`weaverlite.services.inputs.Kind`."""
        return self._read(reading, given, pointer)

    def _read(self, reading: Reading, given: Mapping[str, Any], pointer: str) -> Any:
        if INPUTS in given:
            # The inputs of a process on another server, where it is our own job that runs it.
            return {INPUTS: self._read_members(reading, given[INPUTS], pointer)}
        faults = self._shape(given, pointer)
        for fault in faults:
            reading.fault(fault.message, fault.pointer)
        if faults or not self._fits(reading, pointer):
            return None
        try:
            name = self._resolved(given["process"])
        except ValueError:
            reading.fault(f"is {given['process'][:200]!r}, which is not a URL", pointer_to(pointer, "process"))
            return None
        inputs = given.get("inputs") or {}
        output = next(iter(given.get("outputs") or {}), None)
        read = self._read_remote if "://" in name else self._read_local
        return read(reading, given, name, inputs, output, pointer)

    # ------------------------------------------------------------ what is said

    @staticmethod
    def _shape(given: Mapping[str, Any], pointer: str) -> list[Fault]:
        found = []
        if not isinstance(given["process"], str) or not given["process"].strip():
            why = f"is {kind_of(given['process'])}; expected is the id or the URL of a process"
            found.append(Fault(why, pointer_to(pointer, "process")))
        for name in ("inputs", "outputs"):
            if given.get(name) is not None and not isinstance(given[name], Mapping):
                found.append(Fault(f"is {kind_of(given[name])}; expected is an object", pointer_to(pointer, name)))
        if isinstance(given.get("outputs"), Mapping) and len(given["outputs"]) > 1:
            why = f"selects {len(given['outputs'])} outputs; one of them becomes the input: select that"
            found.append(Fault(why, pointer_to(pointer, "outputs")))
        for name in given:
            if name not in _MEMBERS:
                why = "is not understood beside 'process': there are inputs, outputs, filter, properties and sortBy"
                found.append(Fault(why, pointer_to(pointer, name)))
        return found + wrong_fields(_fields(given), pointer)

    def _fits(self, reading: Reading, pointer: str) -> bool:
        """Whether one more nested process is allowed here."""
        self._nest.count[0] += 1
        if self._nest.depth >= self._settings.depth:
            why = f"is nested deeper than the {self._settings.depth} levels allowed (weaverlite.chaining.depth)"
            reading.fault(why, pointer_to(pointer, "process"))
            return False
        if self._nest.count[0] > self._settings.jobs:
            if self._nest.count[0] == self._settings.jobs + 1:
                why = f"is one more than the {self._settings.jobs} nested processes allowed (weaverlite.chaining.jobs)"
                reading.fault(why, pointer_to(pointer, "process"))
            return False
        return True

    def _resolved(self, name: str) -> str:
        """Return the id of a process of this service, or the URL of one elsewhere."""
        name = name.strip()
        if self._nest.base:
            name = urljoin(self._nest.base, name)
        if self._service_url and name.startswith(f"{self._service_url}/processes/"):
            name = name.removeprefix(f"{self._service_url}/processes/")
        elif "://" in name:
            return name
        path = urlsplit(name).path if name.startswith(("/", ".")) else name
        return unquote(path.rstrip("/").rpartition("/")[2])

    # ------------------------------------------------------------ here

    def _read_local(
        self,
        reading: Reading,
        given: Mapping[str, Any],
        name: str,
        inputs: Mapping[str, Any],
        output: str | None,
        pointer: str,
    ) -> Any:
        where = pointer_to(pointer, "process")
        revision = given.get("revision")
        try:
            # What is stored names the revision; so a job that is run again runs the same.
            is_stored = isinstance(revision, int) and not isinstance(revision, bool) and 0 < revision < 2**31
            process = self._processes.get(name, revision) if is_stored else find_process(self._processes, name)
        except NoSuchProcess:
            reading.fault(f"is {name[:200]!r}; there is no such process here", where)
            return None
        outputs = [item.output_id for item in process.outputs]
        if not outputs:
            reading.fault(f"is {name!r}, a process without outputs", where)
            return None
        if output is not None and output not in outputs:
            why = f"the process {name!r} has no output {output!r}; it has {', '.join(outputs)}"
            reading.fault(why, pointer_to(pointer_to(pointer, "outputs"), output))
        nest = Nest(depth=self._nest.depth + 1, count=self._nest.count)
        try:
            inputs = self._check(NestedRequest(process=process, inputs=inputs, nest=nest))
        except (ReferenceRefused, Refused) as error:
            _tell(error, pointer, reading.refuse)
        except WeaverLiteError as error:
            _tell(error, pointer, reading.fault)
        return Nested(
            pointer=pointer,
            process=process.process_id,
            revision=process.revision,
            inputs=inputs,
            output=output or outputs[0],
            fields=_fields(given),
        ).to_json()

    # ------------------------------------------------------------ elsewhere

    def _read_remote(
        self,
        reading: Reading,
        given: Mapping[str, Any],
        url: str,
        inputs: Mapping[str, Any],
        output: str | None,
        pointer: str,
    ) -> Any:
        where = pointer_to(pointer, "process")
        if not reading.passes(partial(self._check_url, url), where):
            return None
        if not is_below(url, self._settings.servers):
            why = f"is {url[:200]!r}, not on a server that processes may be executed on (weaverlite.chaining.servers)"
            reading.refuse(why, where)
            return None
        if "/processes/" not in url:
            reading.fault(f"is {url[:200]!r}; the URL of a process is like https://host/processes/ID", where)
            return None
        reading.schemes.add(urlsplit(url).scheme)
        inner = NestedProcesses(
            self._processes,
            self._settings,
            self._check,
            Nest(depth=self._nest.depth + 1, base=url, count=self._nest.count),
            self._service_url,
            self._check_url,
        )
        checked = inner._read_members(reading, inputs, pointer_to(pointer, "inputs"))
        return Nested(
            pointer=pointer,
            process=url.rstrip("/"),
            revision=None,
            inputs=checked,
            output=output,
            fields=_fields(given),
        ).to_json()

    def _read_members(self, reading: Reading, inputs: Any, pointer: str) -> Any:
        """Check the nested processes among the inputs of a remote one; what else there is, it judges itself."""
        if not isinstance(inputs, Mapping):
            reading.fault(f"is {kind_of(inputs)}; expected is an object", pointer)
            return {}
        return {name: self._read_member(reading, value, pointer_to(pointer, name)) for name, value in inputs.items()}

    def _read_member(self, reading: Reading, value: Any, pointer: str) -> Any:
        if isinstance(value, list):
            return [
                self._read_member(reading, item, pointer_to(pointer, number))
                if isinstance(item, Mapping) else item
                for number, item in enumerate(value)
            ]  # fmt: skip
        if isinstance(value, Mapping) and "process" in value and not {"value", "href"} & value.keys():
            return self._read(reading, value, pointer)
        return value


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in FIELDS if given.get(name) is not None}


def _tell(error: WeaverLiteError, pointer: str, tell: Callable[[str, str], None]) -> None:
    """Tell what is wrong with a nested request at the places in the request it is nested in."""
    if not error.faults:
        tell(error.detail, pointer_to(pointer, "process"))
    for fault in error.faults:
        tell(fault.message, pointer + fault.pointer)
