"""Reads settings that are written as text into dataclasses, and writes their defaults as text.

Generic: it knows types and metadata, no single setting. All faults come at once.
"""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from weaverlite.errors import ConfigurationError, Fault
from weaverlite.ogc.units import parse_duration, parse_size

T = TypeVar("T")

#: A number of bytes, written like ``30MB``.
Bytes: TypeAlias = Annotated[int, "bytes"]

PREFIX = "weaverlite"


def setting(
    default: T,
    meaning: str,
    *,
    choices: tuple[T, ...] = (),
    minimum: int | None = None,
    maximum: int | None = None,
    positive: bool = False,
) -> T:
    """Declare a setting: its default, what it means in one line, and what it may be."""
    bounds = {"choices": choices, "minimum": minimum, "maximum": maximum, "positive": positive}
    return dataclasses.field(default=default, metadata={"meaning": meaning, **bounds})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One setting as an operator sees it: its key in an ini file, its variable, its default as text, its meaning."""

    key: str
    variable: str
    default: str
    meaning: str
    #: What the section is about.
    section: str
    path: tuple[str, ...]
    hint: Any
    bounds: Mapping[str, Any]


def entries_of(cls: type, path: tuple[str, ...] = ()) -> Iterator[Entry]:
    """Yield the settings of a dataclass and of the sections in it, in their order."""
    hints = typing.get_type_hints(cls, include_extras=True)
    for field in dataclasses.fields(cls):
        hint, here = hints[field.name], (*path, field.name)
        if dataclasses.is_dataclass(hint):
            assert isinstance(hint, type)
            yield from entries_of(hint, here)
            continue
        yield Entry(
            key=".".join((PREFIX, *here)),
            variable="_".join((PREFIX, *here)).upper(),
            default=_FORMS[hint].write(field.default),
            meaning=field.metadata["meaning"],
            section=(cls.__doc__ or "").partition("\n")[0],
            path=here,
            hint=hint,
            bounds=field.metadata,
        )


def read(cls: type[T], mapping: Mapping[str, str], environ: Mapping[str, str], foreign: Collection[str]) -> T:
    """Return the ``cls`` that ``mapping`` and ``environ`` describe; a variable beats a key, an empty one is not set.

    Keys without the prefix are not ours. ``foreign`` are variables with our prefix that mean something else.

    :raises ConfigurationError: with every fault found.
    """
    entries = tuple(entries_of(cls))
    by_key = {entry.key: entry for entry in entries}
    by_variable = {entry.variable: entry for entry in entries}
    faults: list[Fault] = []
    found: dict[tuple[str, ...], Any] = {}

    def take(source: str, text: str, known: Mapping[str, Entry]) -> None:
        entry = known.get(source)
        if entry is None:
            faults.append(Fault(_unknown(source, known), source, "settings"))
            return
        try:
            found[entry.path] = _value(entry, text)
        except ValueError as error:
            faults.append(Fault(f"{source} = {text.strip()!r}: {error}.", source, "settings"))

    for key, text in mapping.items():
        if key.startswith(f"{PREFIX}."):
            take(key, text, by_key)
    for variable, text in environ.items():
        if variable.startswith(f"{PREFIX.upper()}_") and variable not in foreign and text:
            take(variable, text, by_variable)
    if faults:
        raise refusal(faults)
    return _build(cls, found)


def write(settings: object) -> Iterator[tuple[Entry, str]]:
    """Yield each setting that is not its default, with its value as text: what :func:`read` reads."""
    for entry in entries_of(type(settings)):
        value: Any = settings
        for name in entry.path:
            value = getattr(value, name)
        if (text := _FORMS[entry.hint].write(value)) != entry.default:
            yield entry, text


def refusal(faults: Iterable[Fault]) -> ConfigurationError:
    """Return the one error that says all these faults, one a line."""
    faults = tuple(faults)
    lines = "\n".join(f"- {fault.message}" for fault in faults)
    return ConfigurationError(f"The settings are not valid:\n{lines}", faults=faults)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean X?`` for the known name nearest to ``name``, or nothing when none is near."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {found[0]}?" if found else ""


def _unknown(source: str, known: Iterable[str]) -> str:
    return f"{source} is not a setting.{nearest(source, known)}"


def _value(entry: Entry, text: str) -> Any:
    value = _FORMS[entry.hint].read(text.strip())
    choices, minimum, maximum = (entry.bounds[name] for name in ("choices", "minimum", "maximum"))
    if choices and value not in choices:
        raise ValueError(f"it must be {' or '.join(str(choice) for choice in choices)}")
    if minimum is not None and value < minimum:
        raise ValueError(f"it must be at least {minimum}")
    if maximum is not None and value > maximum:
        raise ValueError(f"it must be at most {maximum}")
    if entry.bounds["positive"] and not value:
        raise ValueError("it must be more than zero")
    return value


def _build(cls: type[T], found: Mapping[tuple[str, ...], Any], path: tuple[str, ...] = ()) -> T:
    hints = typing.get_type_hints(cls)
    values = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # T is a dataclass here, which has no spelling.
        here = (*path, field.name)
        if dataclasses.is_dataclass(hints[field.name]):
            values[field.name] = _build(hints[field.name], found, here)
        elif here in found:
            values[field.name] = found[here]
    return cls(**values)


# ---------------------------------------------------------------- text forms of types


@dataclass(frozen=True, slots=True)
class _Form:
    read: Callable[[str], Any]
    write: Callable[[Any], str]


def _read_flag(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("yes", "true", "on", "1"):
        return True
    if lowered in ("no", "false", "off", "0"):
        return False
    raise ValueError("it must be yes or no")


def _read_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("it must be a whole number") from None


def _read_path(text: str) -> Path:
    if not text:
        raise ValueError("it must be a path")
    # Absolute at once: nobody has to care about working directories later.
    return Path(text).expanduser().absolute()


def _read_names(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _read_paths(text: str) -> tuple[Path, ...]:
    # Paths may hold spaces: only commas and line ends separate them.
    return tuple(_read_path(part.strip()) for part in text.replace("\n", ",").split(",") if part.strip())


def _write_duration(value: timedelta) -> str:
    milliseconds = round(value.total_seconds() * 1000)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0"


def _write_size(value: int) -> str:
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if value and value % 1024**power == 0:
            return f"{value // 1024**power}{unit}"
    return str(value)


_FORMS: Mapping[Any, _Form] = {
    str: _Form(str, str),
    bool: _Form(_read_flag, lambda value: "yes" if value else "no"),
    int: _Form(_read_number, str),
    Bytes: _Form(parse_size, _write_size),
    timedelta: _Form(parse_duration, _write_duration),
    Path: _Form(_read_path, str),
    Path | None: _Form(lambda text: _read_path(text) if text else None, lambda value: str(value or "")),
    tuple[str, ...]: _Form(_read_names, ", ".join),
    tuple[Path, ...]: _Form(_read_paths, lambda value: ", ".join(map(str, value))),
}
