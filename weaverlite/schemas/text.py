"""JSON and YAML text to plain values, strictly: what two readers could understand differently is refused.

Refused are duplicate names, ``NaN`` and infinities, broken UTF-8 and lone surrogates, several YAML documents, YAML tags
beyond the core schema, and whatever is nested deeper or has more nodes than allowed, with YAML aliases counted as if
they were written out. YAML is read by the rules of 1.2: ``yes`` is text, ``012`` is twelve.

Everything is refused as :class:`~weaverlite.errors.InvalidRequest` with one fault that says where.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from weaverlite.errors import Fault, InvalidRequest
from weaverlite.ogc.pointers import pointer_to

if TYPE_CHECKING:
    import yaml

DEPTH = 64
NODES = 50_000

_CORE = "tag:yaml.org,2002:"
_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_INT = re.compile(r"[-+]?[0-9]{1,4000}\Z")
_BASED = re.compile(r"0o[0-7]{1,4000}\Z|0x[0-9a-fA-F]{1,3000}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")


def parse_json(body: bytes | str, *, depth: int = DEPTH, nodes: int | None = None) -> Any:
    """Return the value of JSON text, nested at most ``depth`` deep and of at most ``nodes`` values if that is given."""
    text = _text(body)
    if not text.strip():
        _refuse("is empty: a JSON document is expected")
    try:
        value = json.loads(text, object_pairs_hook=_members, parse_constant=_constant, parse_float=_float)
    except RecursionError:
        _refuse(f"is nested deeper than {depth} levels")
    except json.JSONDecodeError as error:
        _refuse(f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
    except ValueError as error:
        _refuse(f"is not JSON as understood here: {error}")
    # Brackets within strings are counted too, so a text with few of them needs no closer look.
    if nodes is not None or text.count("[") + text.count("{") > depth:
        _measure(value, depth, nodes)
    if "\\u" in text:
        _check_surrogates(value)
    return value


def parse_yaml(body: bytes | str, *, depth: int = DEPTH, nodes: int = NODES) -> Any:
    """Return the value of the one YAML document in ``body``."""
    import yaml  # Here for the start-up: only deployments and documents need PyYAML.

    text = _text(body)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(depth, nodes)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _refuse(f"is not YAML: {error.problem or error.context}{_at(mark)}")
    except yaml.YAMLError as error:
        _refuse(f"is not YAML: {getattr(error, 'reason', error)}")
    except RecursionError:
        _refuse(f"is nested deeper than {depth} levels")
    return builder.value


def parse_text(body: bytes | str, *, depth: int = DEPTH, nodes: int = NODES) -> Any:
    """Return the value of JSON text, or of YAML text that is no JSON."""
    text = _text(body)
    if text.lstrip()[:1] in ("{", "["):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            # A flow collection of YAML begins alike; its own reader says what is wrong with it.
            return parse_yaml(text, depth=depth, nodes=nodes)
        return parse_json(text, depth=depth, nodes=nodes)
    return parse_yaml(text, depth=depth, nodes=nodes)


# ---------------------------------------------------------------- JSON


def _text(body: bytes | str) -> str:
    try:
        if isinstance(body, bytes):
            return body.decode("utf-8-sig")
        body.encode()
    except UnicodeError:
        _refuse("is not UTF-8 text")
    return body


def _refuse(message: str, pointer: str = "") -> NoReturn:
    raise InvalidRequest(f"The body {message}.", faults=[Fault(message, pointer)])


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} occurs twice in one object")
    return members


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number of JSON")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _measure(value: Any, depth: int, nodes: int | None) -> None:
    level, count = [value] if isinstance(value, dict | list) else [], 1
    for _ in range(depth):
        count += sum(map(len, level))
        if nodes is not None and count > nodes:
            _refuse(f"has more than {nodes} values")
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    _refuse(f"is nested deeper than {depth} levels")


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        _refuse("has a lone surrogate (half of a character) in a string")


# ---------------------------------------------------------------- YAML


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet: its members so far, and how large they are."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    nodes: int = 1
    height: int = 1
    key: str | None = None
    merges: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Any
    nodes: int
    height: int


class _Builder:
    """Makes a value of YAML events without recursion, and counts while it does."""

    def __init__(self, depth: int, nodes: int) -> None:
        self._depth, self._limit = depth, nodes
        self._nodes = 0
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._documents = 0
        self.value: Any = None

    def take(self, event: yaml.Event) -> None:
        # Event classes are told by name: importing them here would load PyYAML with this module.
        kind = type(event).__name__
        taker = getattr(self, f"_take_{kind}", None)
        if taker:
            taker(event)

    def _take_DocumentStartEvent(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            _refuse(f"has more than one YAML document{_at(event.start_mark)}: send one")

    def _take_MappingStartEvent(self, event: Any) -> None:
        self._open({}, event, "map")

    def _take_SequenceStartEvent(self, event: Any) -> None:
        self._open([], event, "seq")

    def _take_MappingEndEvent(self, event: Any) -> None:
        ended = self._stack.pop()
        for merged in ended.merges:
            assert isinstance(ended.value, dict)
            for name, item in merged.items():
                ended.value.setdefault(name, item)
        self._close(ended, event)

    def _take_SequenceEndEvent(self, event: Any) -> None:
        self._close(self._stack.pop(), event)

    def _take_ScalarEvent(self, event: Any) -> None:
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            if event.anchor:
                self._anchors[event.anchor] = _Anchored(event.value, 1, 0)
            self._name(top, event.value, event)
            return
        self._count(1, event)
        value = _scalar(event)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, 1, 0)
        self._put(value, 1, 0, event)

    def _take_AliasEvent(self, event: Any) -> None:
        found = self._anchors.get(event.anchor)
        if found is None:
            why = "refers to itself" if event.anchor in self._anchors else "is not defined before"
            _refuse(f"has an alias *{event.anchor} that {why}{_at(event.start_mark)}")
        self._count(found.nodes, event)
        if len(self._stack) + found.height > self._depth:
            self._too_deep(event)
        top = self._stack[-1]
        if isinstance(top.value, dict) and top.key is None:
            if not isinstance(found.value, str):
                _refuse(f"has a name that is not a string{_at(event.start_mark)}")
            self._name(top, found.value, event)
            return
        self._put(found.value, found.nodes, found.height, event)

    def _open(self, value: dict[str, Any] | list[Any], event: Any, kind: str) -> None:
        if event.tag not in (None, "!", _CORE + kind):
            _refuse(f"has the tag {event.tag}{_at(event.start_mark)}: only the core types of YAML are read here")
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            _refuse(f"has a name that is not a string{_at(event.start_mark)}")
        self._count(1, event)
        if event.anchor:
            # Known, but not usable before its end: an alias to it would hold itself.
            self._anchors[event.anchor] = None
        self._stack.append(_Open(value, event.anchor))
        if len(self._stack) > self._depth:
            self._too_deep(event)

    def _close(self, ended: _Open, event: Any) -> None:
        if ended.anchor:
            self._anchors[ended.anchor] = _Anchored(ended.value, ended.nodes, ended.height)
        self._put(ended.value, ended.nodes, ended.height, event)

    def _name(self, top: _Open, name: str, event: Any) -> None:
        assert isinstance(top.value, dict)
        if name in top.value and not (name == "<<" and event.__class__.__name__ == "ScalarEvent"):
            _refuse(f"has the name {name!r} twice in one mapping{_at(event.start_mark)}", _pointer(self._stack, name))
        top.key = name

    def _put(self, value: Any, nodes: int, height: int, event: Any) -> None:
        if not self._stack:
            self.value = value
            return
        top = self._stack[-1]
        top.nodes += nodes
        top.height = max(top.height, height + 1)
        if isinstance(top.value, list):
            top.value.append(value)
            return
        assert top.key is not None
        if top.key == "<<":
            merged = value if isinstance(value, list) else [value]
            if not all(isinstance(item, dict) for item in merged):
                _refuse(f"merges ('<<') what is not a mapping{_at(event.start_mark)}")
            top.merges.extend(merged)
        else:
            top.value[top.key] = value
        top.key = None

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > self._limit:
            _refuse(f"has more than {self._limit} values once its aliases are written out{_at(event.start_mark)}")

    def _too_deep(self, event: Any) -> NoReturn:
        _refuse(f"is nested deeper than {self._depth} levels{_at(event.start_mark)}")


def _scalar(event: Any) -> Any:
    text: str = event.value
    tag = event.tag
    if tag in (None, "!"):
        plain = tag is None and event.implicit[0]
        return _plain(text, event) if plain else text
    if tag == _CORE + "str":
        return text
    if tag in (_CORE + "int", _CORE + "float", _CORE + "bool", _CORE + "null"):
        return _plain(text, event)
    _refuse(f"has the tag {tag}{_at(event.start_mark)}: only the core types of YAML are read here")


def _plain(text: str, event: Any) -> Any:
    """Return what an unquoted scalar means in the core schema of YAML 1.2."""
    if _NULL.match(text):
        return None
    if _BOOL.match(text):
        return text[0] in "tT"
    if _INT.match(text):
        return int(text)
    if _BASED.match(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if _INFINITE.match(text):
        _refuse(f"has {text}{_at(event.start_mark)}, which is not a number of JSON")
    if _FLOAT.match(text):
        number = float(text)
        if math.isinf(number):
            _refuse(f"has a number that is too large{_at(event.start_mark)}")
        return number
    return text


def _pointer(stack: list[_Open], name: str) -> str:
    names = [part.key if isinstance(part.value, dict) else str(len(part.value)) for part in stack[:-1]]
    return pointer_to("", *(part or "" for part in [*names, name]))


def _at(mark: Any) -> str:
    return f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
