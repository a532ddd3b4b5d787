"""Frozen dataclasses to JSON documents and back, for the stores and for the pipe to a job process.

Names stay as they are (snake_case); times become RFC 3339 text, durations seconds, enums their value, tuples lists.
Members at their default are left out, unknown members are ignored: that is what lets two releases share one store.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")
Read = Callable[[Any], Any]


def to_json(value: Any) -> Any:
    """Return ``value`` as plain JSON types."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return write_time(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | frozenset):
        return [to_json(item) for item in value]
    return {
        name: to_json(item)
        for name, default in _defaults(type(value))
        if (item := getattr(value, name)) is not default and item != default
    }


def from_json(cls: type[T], document: Mapping[str, Any]) -> T:
    """Return the ``cls`` that :func:`to_json` wrote as ``document``.

    :raises TypeError: a member without default is missing.
    """
    readers = _readers(cls)
    return cls(**{name: readers[name](item) for name, item in document.items() if name in readers})


def write_time(at: datetime) -> str:
    """Return a time as RFC 3339 text in UTC, always with microseconds, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_time(text: str) -> datetime:
    """Return the time that ``text`` (RFC 3339) names."""
    return datetime.fromisoformat(text)


_MISSING = object()
_DEFAULTS: dict[type, tuple[tuple[str, Any], ...]] = {}
_READERS: dict[type, dict[str, Read]] = {}


def _defaults(cls: type) -> tuple[tuple[str, Any], ...]:
    if cls in _DEFAULTS:
        return _DEFAULTS[cls]
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise TypeError(f"{cls!r} has no JSON form")
    found = []
    for field in dataclasses.fields(cls):
        default: Any = _MISSING
        if field.default is not dataclasses.MISSING:
            default = field.default
        elif field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        found.append((field.name, default))
    return _DEFAULTS.setdefault(cls, tuple(found))


def _readers(cls: type) -> dict[str, Read]:
    if cls in _READERS:
        return _READERS[cls]
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise TypeError(f"{cls!r} has no JSON form")
    hints = typing.get_type_hints(cls)
    return _READERS.setdefault(cls, {field.name: _reader(hints[field.name]) for field in dataclasses.fields(cls)})


def _reader(hint: Any) -> Read:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        present = [argument for argument in arguments if argument is not type(None)]
        if len(present) != 1:
            return _same
        read = _reader(present[0])
        return lambda item: None if item is None else read(item)
    if origin is tuple:
        read = _reader(arguments[0])
        return lambda items: tuple(read(item) for item in items)
    if origin is frozenset:
        return frozenset
    if hint is datetime:
        return read_time
    if hint is timedelta:
        return lambda seconds: timedelta(seconds=seconds)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return lambda document: from_json(hint, document)
    return _same


def _same(item: Any) -> Any:
    return item
