"""The inputs of an execution against the description of the process: everything that is wrong, in one go.

What is accepted is brought into one form, so that a worker has nothing to guess: inputs that may occur more than once
are lists, literals are bare JSON (wrapped as ``{"value": …}`` where an object could be taken for something else), and
inline content of a file says its media type and whether it is base64. Defaults of the description are filled in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from weaverlite.errors import Fault, InvalidInput, ReferenceRefused
from weaverlite.models.process import InputDescription, Process
from weaverlite.ogc import values
from weaverlite.ogc.values import Inline, Qualified, Reference
from weaverlite.schemas import validate_value
from weaverlite.schemas.messages import kind_of, nearest, pointer_to
from weaverlite.transfer.interfaces import Reference as Source
from weaverlite.transfer.interfaces import Stager

#: More is not read by anyone, and a list of a million wrong items should not make an answer of its size.
_ENOUGH = 200
_TEXTS = ("text/", "application/json", "application/xml", "application/yaml", "application/x-yaml")


@dataclass(slots=True)
class Accepted:
    """The inputs as they are stored, what is wrong with them, and which schemes their references use."""

    inputs: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    #: Whether all that is wrong is that policy forbids references.
    is_refused: bool = False
    schemes: frozenset[str] = frozenset()


def accept_inputs(
    process: Process, inputs: Mapping[str, Any], stagers: Mapping[str, Stager], owner: str | None
) -> Accepted:
    """Return the inputs brought into the one form. They are only good when there are no faults."""
    reading = _Reading(stagers, owner)
    found: dict[str, Any] = {}
    for description in process.inputs:
        given = inputs.get(description.input_id)
        # Null is how JSON leaves something out, unless the schema speaks of it.
        if given is None and not (description.input_id in inputs and _takes(description.schema, "null")):
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


class _Reading:
    """Reads the inputs of one request, and remembers what is wrong."""

    def __init__(self, stagers: Mapping[str, Stager], owner: str | None) -> None:
        self._stagers, self._owner = stagers, owner
        self.faults: list[Fault] = []
        self.refused = 0
        self.schemes: set[str] = set()

    def fault(self, message: str, pointer: str) -> None:
        self.faults.append(Fault(message, pointer))

    def absent(self, description: InputDescription, found: dict[str, Any]) -> None:
        """Fill in the default of an input that was not given, or say that it is missing."""
        default = description.schema.get("default")
        # The default of a file is a matter of the package: it names a file of its own.
        if default is not None and not description.is_file:
            is_list = isinstance(default, list) and not _takes(description.schema, "array")
            many = description.max_occurs != 1 and not is_list
            found[description.input_id] = [_stored(default)] if many else _stored(default)
        elif description.min_occurs > 0:
            self.fault("is missing: the process needs it", pointer_to("/inputs", description.input_id))

    def read(self, description: InputDescription, given: Any) -> Any:
        """Return what was given in the form it is stored in."""
        pointer = pointer_to("/inputs", description.input_id)
        if description.max_occurs == 1:
            return self._read_one(description, given, pointer)
        if not _is_occurrences(description.schema, given):
            return [self._read_one(description, given, pointer)]
        if len(given) < description.min_occurs:
            self.fault(f"has {_count(given)}; at least {description.min_occurs} are needed", pointer)
        if description.max_occurs is not None and len(given) > description.max_occurs:
            self.fault(f"has {_count(given)}; at most {description.max_occurs} are allowed", pointer)
            return []
        found = []
        for index, item in enumerate(given):
            found.append(self._read_one(description, item, pointer_to(pointer, index)))
            if len(self.faults) >= _ENOUGH:
                break
        return found

    def _read_one(self, description: InputDescription, given: Any, pointer: str) -> Any:
        try:
            value = values.parse(given)
        except ValueError as error:
            self.fault(str(error), pointer)
            return None
        if isinstance(value, Reference):
            return self._read_reference(description, value, pointer)
        if isinstance(value, Inline) and isinstance(given, Mapping):
            if not self._is_object(description, given, pointer):
                return None
        if isinstance(value, Qualified) and not self._fits_media_type(description.schema, value.media_type, pointer):
            return None
        pointer = pointer_to(pointer, "value") if isinstance(value, Qualified) else pointer
        if description.is_file:
            return self._read_content(description, value, pointer)
        return self._read_literal(description, value, pointer)

    def _is_object(self, description: InputDescription, given: Mapping[str, Any], pointer: str) -> bool:
        """Whether an object that is neither a value nor a reference may be meant as the value itself."""
        if not description.is_file and _takes(description.schema, "object"):
            return True
        hint = "send {\"href\": …} to refer to it, or {\"value\": …} with the value itself"
        if given.get("class") in ("File", "Directory"):
            hint = "files are sent as {\"href\": URL}; upload a local one to /vault first"
        self.fault(f"is an object with neither 'value' nor 'href': {hint}", pointer)
        return False

    # ------------------------------------------------------------ references

    def _read_reference(self, description: InputDescription, value: Reference, pointer: str) -> Any:
        pointer = pointer_to(pointer, "href")
        source = Source(
            href=value.href,
            media_type=value.media_type or None,
            name=value.title or None,
            owner=self._owner,
            is_directory=description.type_name.startswith("Directory"),
        )
        stager = self._stagers.get(source.scheme) if ":" in value.href else None
        if stager is None:
            known = ", ".join(sorted(self._stagers))
            self.fault(f"is {value.href[:200]!r}, which is not a URL of a kind known here ({known})", pointer)
            return None
        try:
            stager.check(source)
        except ReferenceRefused as refusal:
            self.refused += 1
            self.fault(refusal.detail, pointer)
            return None
        except InvalidInput as error:
            self.fault(error.detail, pointer)
            return None
        if not source.is_directory:
            self._fits_media_type(description.schema, value.media_type, pointer.removesuffix("/href"))
        self.schemes.add(source.scheme)
        return values.write(value)

    # ------------------------------------------------------------ values

    def _fits_media_type(self, schema: Mapping[str, Any], given: str, pointer: str) -> bool:
        declared = _media_types(schema)
        if not given or not declared or any(values.media_type_fits(given, item) for item in declared):
            return True
        self.fault(f"has the media type {given!r}; accepted are {', '.join(dict.fromkeys(declared))}", pointer)
        return False

    def _read_literal(self, description: InputDescription, value: Inline | Qualified, pointer: str) -> Any:
        media_type = value.media_type if isinstance(value, Qualified) else ""
        schema = _meant(description.schema, media_type)
        found = validate_value(schema, value.value, pointer)
        if isinstance(value.value, list) and any(fault.pointer == pointer for fault in found):
            if description.max_occurs == 1 and not _takes(description.schema, "array"):
                found = [Fault(f"is a list of {_count(value.value)}; this input takes one value", pointer)]
        if not found and isinstance(value.value, str) and values.is_binary(_encoding(schema)):
            try:
                values.decode_base64(value.value)
            except ValueError as error:
                found = [Fault(str(error), pointer)]
        self.faults += found
        return _stored(value.value)

    def _read_content(self, description: InputDescription, value: Inline | Qualified, pointer: str) -> Any:
        """Return the inline content of a file, with its media type and encoding decided."""
        if description.type_name.startswith("Directory"):
            self.fault("is a directory, which cannot be sent inline: upload it to /vault and refer to it", pointer)
            return None
        declared = next(iter(_media_types(description.schema)), "")
        media_type, title = (value.media_type, value.title) if isinstance(value, Qualified) else ("", "")
        content = value.value
        if isinstance(content, dict | list) and isinstance(value, Qualified) and values.is_json(media_type or declared):
            content = json.dumps(content, ensure_ascii=False)
        if not isinstance(content, str):
            self.fault(f"is {kind_of(content)}; expected is the content of a file in a string, or a reference", pointer)
            return None
        if not _is_base64(description.schema, value, media_type):
            return values.write(Qualified(content, media_type or declared or "text/plain", title=title))
        try:
            values.decode_base64(content)
        except ValueError:
            self.fault(
                "is not base64, as the content of a binary file must be: send text as {\"value\": …, \"mediaType\": "
                "\"text/plain\"}, or a reference {\"href\": …}",
                pointer,
            )
        return values.write(Qualified(content, media_type or declared, "base64", title=title))


# ---------------------------------------------------------------- what schemas say


def _forms(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the schema and its alternatives, at any depth."""
    if isinstance(schema, Mapping):
        yield schema
        for keyword in ("oneOf", "anyOf", "allOf"):
            for part in schema.get(keyword) or ():
                yield from _forms(part)


def _takes(schema: Mapping[str, Any], kind: str) -> bool:
    """Whether a value of this JSON type may fit, as far as a glance tells."""
    stated = False
    for form in _forms(schema):
        types = form.get("type")
        stated = stated or types is not None or "enum" in form or "contentMediaType" in form
        if types == kind or (isinstance(types, list) and kind in types):
            return True
        if kind == "null" and form.get("nullable") is True:
            return True
        if kind == "object" and ("$ref" in form or "properties" in form or "bbox" in str(form.get("format"))):
            return True
    # Without a word about types everything fits; but then a list is a list of values.
    return not stated and kind == "object"


def _is_occurrences(schema: Mapping[str, Any], given: Any) -> bool:
    """Whether a list holds one value each, and is not itself the one value."""
    if not isinstance(given, list):
        return False
    if not _takes(schema, "array"):
        return True
    return all(isinstance(item, list) or values.is_qualified(item) or values.is_reference(item) for item in given)


def _media_types(schema: Mapping[str, Any]) -> list[str]:
    found = (form.get("contentMediaType") for form in _forms(schema))
    return [item for item in found if isinstance(item, str)]


def _encoding(schema: Mapping[str, Any]) -> str:
    found = (form.get("contentEncoding") or form.get("format") for form in _forms(schema))
    return next((item for item in found if isinstance(item, str) and values.is_binary(item)), "")


def _meant(schema: Mapping[str, Any], media_type: str) -> Mapping[str, Any]:
    """Return the schema with the alternatives of ``oneOf`` that a media type leaves.

    They are alternatives by what they mean, not by what they exclude: a bare string fits both GML and GeoJSON, and the
    first of them is the default (18-062r2, /req/core/process-execute-input-mixed-type).
    """
    branches = schema.get("oneOf")
    if not isinstance(branches, list):
        return schema
    left = [item for item in branches if media_type and any(map(lambda t: values.media_type_fits(media_type, t),
                                                                _media_types(item)))]  # fmt: skip
    rest = {name: item for name, item in schema.items() if name != "oneOf"}
    return {**rest, "allOf": [*rest.get("allOf", []), {"anyOf": left or branches}]}


def _is_base64(schema: Mapping[str, Any], value: Inline | Qualified, media_type: str) -> bool:
    if isinstance(value, Qualified) and value.encoding:
        return values.is_binary(value.encoding)
    if media_type.lower().startswith(_TEXTS) or media_type.lower().endswith(("+json", "+xml")):
        return False
    return values.is_binary(_encoding(schema))


def _stored(value: Any) -> Any:
    return {"value": value} if _has_object(value) and not values.is_bbox(value) else value


def _has_object(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(_has_object(item) for item in value))


def _count(items: Sequence[Any]) -> str:
    return "1 value" if len(items) == 1 else f"{len(items)} values"
