"""Executions by a link: the query of a GET request read as the body of an execution (OGC API - Processes 2.0, KVP).

::

    ?text=hello&count=3                              values, read as the process describes them
    &list=1,2,3  &list=[1,2,3]  &thing={"a":1}       several values; JSON
    &area=5,50,6,51&area[crs]=…                      a bounding box
    &image[value]=R0lG…&image[mediaType]=image/gif   a qualified value
    &file[href]=https://…&file[type]=text/csv        a reference
    &table[include]=true&table[mediaType]=text/csv   an output that is wanted, and its format
    &response[f]=json&response[prefer]=wait=10       Accept and Prefer

Names are told apart without regard to case. Whatever is wrong is kept, so that all faults are in one answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weaverlite.errors import Fault, InvalidRequest
from weaverlite.models.process import InputDescription, Process
from weaverlite.ogc.exceptions import INVALID_QUERY_PARAMETER_VALUE
from weaverlite.ogc.negotiation import FORMATS, Preferences
from weaverlite.schemas import forms
from weaverlite.schemas.messages import nearest
from weaverlite.schemas.text import parse_json

_NAME = re.compile(r"([^\[\]]+)(?:\[([A-Za-z]{1,20})\])?\Z")
_NUMBER = re.compile(r"[+-]?(?:\d{1,300}(?:\.\d{0,300})?|\.\d{1,300})(?:[eE][+-]?\d{1,4})?\Z", re.ASCII)
_POINTER = re.compile(r"/(?:inputs|outputs)/([^/]+)")
#: What else the query of an execution may have; an input of such a name can be given as ``name[value]``.
_OWN = frozenset({"f", "profile", "dryRun", "tags"})
_VALUE = {"value": "value", "mediatype": "mediaType", "encoding": "encoding", "schema": "schema", "crs": "crs"}
_REFERENCE = {"href": "href", "type": "type"}
_FORMAT = {"mediatype": "mediaType", "encoding": "encoding", "schema": "schema"}
#: More faults are not read by anyone.
_ENOUGH = 200


@dataclass(slots=True)
class Asked:
    """What a query asks for: the body it stands for, ``Accept`` and ``Prefer``, and what is wrong with it."""

    document: dict[str, Any]
    accept: str = ""
    prefer: str = ""
    faults: list[Fault] = field(default_factory=list)

    def fault(self, name: str, message: str) -> None:
        if len(self.faults) < _ENOUGH:
            self.faults.append(Fault(message, name[:100], "query"))


def read(pairs: Iterable[tuple[str, str]], process: Process) -> Asked:
    """Return what the parameters of a query ask of a process."""
    asked = Asked({"inputs": {}})
    given = _Names(process, asked)
    for name, text in pairs:
        given.add(name, text)
    asked.document["inputs"] = given.read_inputs()
    outputs = given.read_outputs()
    if outputs is not None:
        asked.document["outputs"] = outputs
    return asked


def refused_preferences(prefer: Preferences) -> list[Fault]:
    """Return what is wrong with preferences that stood in the query, when they ask for strict handling."""
    if not prefer.is_strict:
        return []
    return [Fault(f"{item[:60]!r} cannot be honoured", "response[prefer]", "query") for item in prefer.ignored]


def as_query(error: InvalidRequest, process: Process) -> InvalidRequest:
    """Return the faults of a body as those of the query it was read from."""
    names = {item.input_id for item in process.inputs} | {item.output_id for item in process.outputs}
    faults = []
    for fault in error.faults:
        if fault.location == "body" and (found := _POINTER.match(fault.pointer)):
            name = found[1].replace("~1", "/").replace("~0", "~")
            inner = fault.pointer[found.end() :]
            where = f"{name}: at {inner}, " if inner and name in names else ""
            fault = Fault(f"{where}{fault.message}", name, "query")
        faults.append(fault)
    is_query = all(fault.location == "query" for fault in faults)
    kind = type(error)
    if kind is InvalidRequest and is_query:
        return kind(faults=faults, type=INVALID_QUERY_PARAMETER_VALUE)
    return kind(faults=faults)


class _Names:
    """The parameters of a query, by the input or the output that they are about."""

    def __init__(self, process: Process, asked: Asked) -> None:
        self._inputs = {item.input_id: item for item in process.inputs}
        self._outputs = {item.output_id: item for item in process.outputs}
        self._asked = asked
        self._given: dict[str, dict[str, list[str]]] = {}

    def add(self, name: str, text: str) -> None:
        found = _NAME.match(name)
        if found is None:
            self._asked.fault(name, "is not a name, or a name with one word in brackets, like area[crs]")
            return
        base, word = found[1], (found[2] or "").lower()
        if base.lower() == "response" and word in ("f", "prefer"):
            self._respond(name, word, text)
            return
        if not word and base in _OWN:
            return
        known = self._known(base)
        if known is None and word:
            names = [*self._inputs, *self._outputs]
            self._asked.fault(name, f"the process has neither input nor output {base[:60]!r}{nearest(base, names)}")
            return
        # An unknown name is an input that the process does not have: it is told with the faults of all others.
        self._given.setdefault(known or base, {}).setdefault(word, []).append(text)

    def _known(self, name: str) -> str | None:
        ids = dict.fromkeys([*self._inputs, *self._outputs])
        if name in ids:
            return name
        return next((item for item in ids if item.lower() == name.lower()), None)

    def _respond(self, name: str, word: str, text: str) -> None:
        if word == "prefer":
            self._asked.prefer = f"{self._asked.prefer}, {text}" if self._asked.prefer else text
        elif text.lower() in FORMATS or "/" in text:
            self._asked.accept = self._asked.accept or FORMATS.get(text.lower(), text)
        else:
            self._asked.fault(name, f"{text[:40]!r} is neither a media type nor one of {', '.join(FORMATS)}")

    # ------------------------------------------------------------ outputs

    def _is_about_output(self, name: str, words: Mapping[str, Any]) -> bool:
        """Whether format words of a name that is both are about the output."""
        if name not in self._outputs:
            return False
        return name not in self._inputs or ("include" in words and not words.keys() & {"", "value", "href"})

    def read_outputs(self) -> dict[str, Any] | None:
        wanted, left_out = {}, set()
        for name, words in self._given.items():
            if name not in self._outputs:
                continue
            form = self._form(name, words) if self._is_about_output(name, words) else {}
            included = self._included(name, words)
            if included is False:
                left_out.add(name)
            elif included or form:
                wanted[name] = {"format": form} if form else {}
        if wanted:
            return wanted
        return {name: {} for name in self._outputs if name not in left_out} if left_out else None

    def _form(self, name: str, words: Mapping[str, list[str]]) -> dict[str, Any]:
        form = {}
        for word, texts in words.items():
            if word in _FORMAT:
                form[_FORMAT[word]] = self._json(f"{name}[{word}]", texts[0]) if word == "schema" else texts[0]
            elif word != "include":
                where = f"{name}[{word}]" if word else name
                self._asked.fault(where, "is an output: it takes include, mediaType, encoding and schema")
        return form

    def _included(self, name: str, words: Mapping[str, list[str]]) -> bool | None:
        if "include" not in words:
            return None
        text = words["include"][0].lower()
        if text not in ("", "true", "false"):
            self._asked.fault(f"{name}[include]", f"{text[:40]!r} is neither true nor false")
        return text != "false"

    # ------------------------------------------------------------ inputs

    def read_inputs(self) -> dict[str, Any]:
        found = {}
        for name, words in self._given.items():
            mine = {word: texts for word, texts in words.items() if word != "include"}
            if name in self._outputs and (not mine or self._is_about_output(name, words)):
                continue
            if "include" in words and name not in self._outputs:
                self._asked.fault(f"{name}[include]", f"the process has no output {name!r}")
            if name not in self._inputs:
                found[name] = mine.get("", [""])[0]
            elif mine:
                found[name] = self._input(self._inputs[name], mine)
        return found

    def _input(self, description: InputDescription, words: Mapping[str, list[str]]) -> Any:
        name = description.input_id
        for word, texts in words.items():
            if word and word not in _VALUE and word not in _REFERENCE:
                known = ", ".join(f"{name}[{item}]" for item in (*_VALUE.values(), *_REFERENCE.values()))
                self._asked.fault(f"{name}[{word}]", f"says nothing of an input: there are {known}")
            if word and len(texts) > 1:
                self._asked.fault(f"{name}[{word}]", f"is given {len(texts)} times: give it once")
        if words.keys() & _REFERENCE.keys():
            return {_REFERENCE[word]: texts[0] for word, texts in words.items() if word in _REFERENCE} | {
                "value": texts[0] for word, texts in words.items() if word in ("", "value")
            }
        texts = words.get("", []) + words.get("value", [])
        said = {_VALUE[word]: texts[0] for word, texts in words.items() if word in _VALUE and word != "value"}
        if not texts:
            self._asked.fault(name, "has no value: give name=… or name[value]=…")
            return None
        value = self._values(description, texts) if not said else self._one(name, texts[0], description.schema)
        if "crs" in said:
            crs = said.pop("crs")
            boxes = value if isinstance(value, list) else [value]
            if not all(isinstance(box, dict) and "bbox" in box for box in boxes):
                self._asked.fault(f"{name}[crs]", "stands beside a bounding box only: a,b,c,d")
            else:
                value = {**boxes[0], "crs": crs}
        if "schema" in said:
            said["schema"] = self._json(f"{name}[schema]", said["schema"])
        return {"value": value, **said} if said else value

    def _values(self, description: InputDescription, texts: list[str]) -> Any:
        """Return the value, or all of an input that may have several."""
        schema, name = description.schema, description.input_id
        if description.max_occurs == 1:
            if len(texts) > 1:
                self._asked.fault(name, f"is given {len(texts)} times: it takes one value")
            return self._one(name, texts[0], schema)
        found = []
        for text in texts:
            if text.startswith("["):
                value = self._json(name, text)
                found += value if isinstance(value, list) else [value]
            elif text.startswith("{"):
                found += self._json(name, f"[{text}]") or []
            elif forms.is_bbox(schema):
                found.append(self._one(name, text, schema))
            else:
                found += [self._one(name, item, schema) for item in text.split(",")]
        return found

    def _one(self, name: str, text: str, schema: Mapping[str, Any]) -> Any:
        """Return one value as the schema would have it; a text where nothing else fits, to be refused with a reason."""
        if forms.is_bbox(schema) and _is_numbers(text):
            return {"bbox": [_number(item.strip()) for item in text.split(",")]}
        if _NUMBER.match(text) and (forms.takes(schema, "number") or forms.takes(schema, "integer")):
            return _number(text)
        if text.lower() in ("true", "false") and forms.takes(schema, "boolean"):
            return text.lower() == "true"
        is_array, is_object = forms.takes(schema, "array"), forms.takes(schema, "object")
        if (text.startswith("[") and is_array) or (text.startswith("{") and is_object):
            return self._json(name, text)
        if is_array and not forms.takes(schema, "string"):
            found = (form.get("items") for form in forms.forms(schema))
            items: Mapping[str, Any] = next((item for item in found if isinstance(item, Mapping)), {})
            return [self._one(name, item, items) for item in text.split(",")]
        return text

    def _json(self, name: str, text: str) -> Any:
        if text[:1] not in "[{":
            return text
        try:
            return parse_json(text)
        except InvalidRequest as error:
            for fault in error.faults:
                self._asked.fault(name, fault.message)
            return None


def _number(text: str) -> int | float | str:
    """Return the number that a text is; the text itself when it is too large to be one."""
    plain = text.lstrip("+")
    if plain.lstrip("-").isdigit():
        return int(plain)
    value = float(plain)
    return value if math.isfinite(value) else text


def _is_numbers(text: str) -> bool:
    return all(_NUMBER.match(item.strip()) for item in text.split(","))
