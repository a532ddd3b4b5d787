"""The inputs of an execution against the description of the process: everything that is wrong, in one go.

What is accepted is brought into one form, so that a worker has nothing to guess: inputs that may occur more than once
are lists, and each value has the form that :mod:`weaverlite.services.values` gives it. Defaults of the description are
filled in.

A value is told by its form: a reference, a value that is there itself, or one of the kinds that others add
(:class:`Kind`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from weaverlite.errors import Fault, InvalidInput, ReferenceRefused
from weaverlite.models.process import InputDescription, Process
from weaverlite.ogc import values
from weaverlite.ogc.pointers import pointer_to
from weaverlite.ogc.values import Reference
from weaverlite.schemas.forms import forms, takes
from weaverlite.schemas.messages import nearest
from weaverlite.services.values import count, fits_media_type, read_value, stored
from weaverlite.transfer.interfaces import Reference as Source
from weaverlite.transfer.interfaces import Stager

#: More is not read by anyone, and a list of a million wrong items should not make an answer of its size.
_ENOUGH = 200


@dataclass(slots=True)
class Accepted:
    """The inputs as they are stored, what is wrong with them, and which schemes their references use."""

    inputs: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    #: Whether all that is wrong is that policy forbids references.
    is_refused: bool = False
    schemes: frozenset[str] = frozenset()


class Kind(Protocol):
    """A kind of value that is told by a member of its own, such as ``process`` of a nested process."""

    def read(self, reading: Reading, description: InputDescription, given: Mapping[str, Any], pointer: str) -> Any:
        """Return the form it is stored in, plain JSON. What is wrong goes to ``reading``."""


def accept_inputs(
    process: Process,
    inputs: Mapping[str, Any],
    stagers: Mapping[str, Stager],
    owner: str | None,
    kinds: Mapping[str, Kind] | None = None,
) -> Accepted:
    """Return the inputs brought into the one form. They are only good when there are no faults.

    ``kinds`` are those beyond values and references, by the member that tells them.
    """
    reading = Reading(stagers, owner, kinds or {})
    found: dict[str, Any] = {}
    for description in process.inputs:
        given = inputs.get(description.input_id)
        # Null is how JSON leaves something out, unless the schema speaks of it.
        if given is None and not (description.input_id in inputs and takes(description.schema, "null")):
            reading.absent(description, found)
        else:
            found[description.input_id] = reading.read(description, given)
        if len(reading.faults) >= _ENOUGH:
            break
    known = {description.input_id for description in process.inputs}
    for name in inputs:
        if name not in known and len(reading.faults) < _ENOUGH:
            reading.fault(f"the process has no input {name!r}{nearest(name, known)}", pointer_to("/inputs", name))
    return Accepted(
        inputs=found,
        faults=reading.faults[:_ENOUGH],
        is_refused=bool(reading.faults) and len(reading.faults) == reading.refused,
        schemes=frozenset(reading.schemes),
    )


class Reading:
    """Reads the inputs of one request, and remembers what is wrong. ``schemes`` are those that a worker must know."""

    def __init__(self, stagers: Mapping[str, Stager], owner: str | None, kinds: Mapping[str, Kind]) -> None:
        self._stagers, self._kinds = stagers, kinds
        self.owner = owner
        self.faults: list[Fault] = []
        self.refused = 0
        self.schemes: set[str] = set()

    def fault(self, message: str, pointer: str) -> None:
        """Remember what is wrong, and where."""
        self.faults.append(Fault(message, pointer))

    def refuse(self, message: str, pointer: str) -> None:
        """Remember what policy forbids: alone, it makes the answer a refusal."""
        self.refused += 1
        self.fault(message, pointer)

    def passes(self, check: Callable[[], None], pointer: str) -> bool:
        """Whether a stager's check lets something pass; what it says against it is remembered."""
        try:
            check()
        except ReferenceRefused as refusal:
            self.refuse(refusal.detail, pointer)
            return False
        except InvalidInput as error:
            self.fault(error.detail, pointer)
            return False
        return True

    # ------------------------------------------------------------ occurrences

    def absent(self, description: InputDescription, found: dict[str, Any]) -> None:
        """Fill in the default of an input that was not given, or say that it is missing."""
        default = description.schema.get("default")
        # The default of a file is a matter of the package: it names a file of its own.
        if default is not None and not description.is_file:
            is_list = isinstance(default, list) and not takes(description.schema, "array")
            many = description.max_occurs != 1 and not is_list
            found[description.input_id] = [stored(default)] if many else stored(default)
        elif description.min_occurs > 0:
            self.fault("is missing: the process needs it", pointer_to("/inputs", description.input_id))

    def read(self, description: InputDescription, given: Any) -> Any:
        """Return what was given in the form it is stored in."""
        pointer = pointer_to("/inputs", description.input_id)
        if description.max_occurs == 1:
            return self._read_one(description, given, pointer)
        if not self._is_occurrences(description, given):
            # Also where more than one is needed: then that is what is wrong.
            found = [self._read_one(description, given, pointer)]
            if description.min_occurs > 1 and not self._kind(description, given):
                self.fault(f"has 1 value; at least {description.min_occurs} are needed", pointer)
            return found
        if len(given) < description.min_occurs:
            self.fault(f"has {count(given)}; at least {description.min_occurs} are needed", pointer)
        if description.max_occurs is not None and len(given) > description.max_occurs:
            self.fault(f"has {count(given)}; at most {description.max_occurs} are allowed", pointer)
            return []
        found = []
        for index, item in enumerate(given):
            found.append(self._read_one(description, item, pointer_to(pointer, index)))
            if len(self.faults) >= _ENOUGH:
                break
        return found

    def _is_occurrences(self, description: InputDescription, given: Any) -> bool:
        """Whether a list holds one value each, and is not itself the one value."""
        if not isinstance(given, list):
            return False
        if not takes(description.schema, "array"):
            return True
        return all(
            isinstance(item, list)
            or values.is_qualified(item)
            or values.is_reference(item)
            or self._kind(description, item)
            for item in given
        )

    # ------------------------------------------------------------ one value

    def _kind(self, description: InputDescription, given: Any) -> Kind | None:
        """Return the kind beyond values and references that this is, or None."""
        if not isinstance(given, Mapping) or values.is_reference(given) or values.is_qualified(given):
            return None
        # An input whose own objects have a member of this name means its own.
        own = {name for form in forms(description.schema) for name in form.get("properties", ())}
        return next((kind for member, kind in self._kinds.items() if member in given and member not in own), None)

    def _read_one(self, description: InputDescription, given: Any, pointer: str) -> Any:
        """Return one value in the form it is stored in: the one place where kinds of value are told apart."""
        if kind := self._kind(description, given):
            return kind.read(self, description, given, pointer)
        try:
            value = values.parse(given)
        except ValueError as error:
            self.fault(str(error), pointer)
            return None
        if isinstance(value, Reference):
            return self.read_reference(description, value, pointer)
        return read_value(self, description, given, value, pointer)

    def read_reference(self, description: InputDescription, value: Reference, pointer: str) -> Any:
        """Return a reference in the form it is stored in, held against policy and media types."""
        if "byReference" not in description.value_passing:
            self.fault("is a reference; this input takes the value itself only", pointer)
            return None
        place, pointer = pointer, pointer_to(pointer, "href")
        source = Source(
            href=value.href,
            media_type=value.media_type or None,
            name=value.title or None,
            owner=self.owner,
            is_directory=description.type_name.startswith("Directory"),
        )
        stager = self._stagers.get(source.scheme) if ":" in value.href else None
        if stager is None:
            known = ", ".join(sorted(self._stagers))
            self.fault(f"is {value.href[:200]!r}, which is not a URL of a kind known here ({known})", pointer)
            return None
        if not self.passes(partial(stager.check, source), pointer):
            return None
        if not source.is_directory:
            fits_media_type(self, description.schema, value.media_type, place)
        self.schemes.add(source.scheme)
        return values.write(value)
