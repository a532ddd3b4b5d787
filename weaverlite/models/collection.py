"""A collection as an input: where it is, and which of its items are wanted in which form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from weaverlite.errors import Fault
from weaverlite.ogc import collections as names

#: Longest list of names or ids in a collection value.
_MANY = 1000
_BOUND = r'\s*(\*|"[^"]*"|[^\s"():,]+)\s*'
_AXIS = re.compile(rf"\s*([^\s\"():,]+)\({_BOUND}(?::{_BOUND})?\)\s*(?:,|\Z)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A time or a span of time; None is open."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What ``subset`` says of one axis: a span of it, or one place (``low`` is ``high``); ``*`` is open."""

    name: str
    low: str
    high: str
    #: As it was written.
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionQuery:
    """What is wanted of a collection. Members at their default do not select."""

    uri: str
    #: CQL2, as text or as JSON (``filter_lang``).
    filter: Any = None
    filter_lang: str = names.TEXT
    datetime: str = ""
    interval: Interval | None = None
    bbox: tuple[float, ...] = ()
    #: Reference systems by their URIs, empty when none is named: of the box, of ``subset``, and of what is answered.
    bbox_crs: str = ""
    subset_crs: str = ""
    crs: str = ""
    subset: tuple[Axis, ...] = ()
    #: GeoJSON or WKT, in longitude and latitude.
    geometry: Any = None
    #: Words, of which an item must have one.
    q: tuple[str, ...] = ()
    limit: int | None = None
    properties: tuple[str, ...] = ()
    #: Names of properties with the CQL2 expressions (text or JSON) that make them.
    derived: tuple[tuple[str, Any], ...] = ()
    #: The same for names that ``properties`` may hold.
    aliases: tuple[tuple[str, Any], ...] = ()
    #: Names with whether the order is descending.
    sort_by: tuple[tuple[str, bool], ...] = ()
    ids: tuple[str, ...] = ()
    #: Names of the assets of STAC items that are wanted.
    assets: tuple[str, ...] = ()
    #: ``features``, ``items``, ``coverage``, ``map``; empty: as the input and the collection suggest.
    format: str = ""
    media_type: str = ""
    #: Parameters for the server of the collection, as they are.
    passed: tuple[tuple[str, str], ...] = ()


class Collections(Protocol):
    """Reads collections, by the rules of the operator."""

    def read(self, query: CollectionQuery) -> Mapping[str, Any]:
        """Return the GeoJSON FeatureCollection of the items wanted."""


def read_query(value: Mapping[str, Any]) -> tuple[CollectionQuery | None, list[Fault]]:
    """Return the query that a collection value makes, or all that is wrong with it (pointers below the value)."""
    faults: list[Fault] = []
    found: dict[str, Any] = {}
    for member, given in value.items():
        name = names.MEMBERS.get(member)
        if name is None:
            known = ", ".join(sorted(set(names.MEMBERS)))
            faults.append(Fault(f"is not a member of a collection that is understood here; those are {known}", member))
        elif given is not None and name in _READERS:
            try:
                found.update(_READERS[name](given))
            except ValueError as error:
                faults.append(Fault(str(error), member))
    if isinstance(found.get("filter"), Mapping):
        if found.get("filter_lang") == names.TEXT:
            faults.append(Fault("is an object, which is cql2-json; 'filter-lang' says cql2-text", "filter"))
        found["filter_lang"] = names.JSON
    elif "filter" in found and found.get("filter_lang") == names.JSON:
        faults.append(Fault("is a text; in cql2-json it is an object with 'op' and 'args'", "filter"))
    aliases = dict(found.get("aliases", ()))
    if any(name in aliases for name in found.get("properties", ())):
        found["derived"] = tuple((name, aliases.get(name, _quoted(name))) for name in found.pop("properties"))
    if "uri" not in found and not any(fault.pointer == "collection" for fault in faults):
        faults.append(Fault("must be the URI of a collection", "collection"))
    if faults:
        return None, [Fault(fault.message, f"/{_escaped(fault.pointer)}") for fault in faults]
    return CollectionQuery(**found), []


def parse_interval(text: str) -> Interval:
    """Return the time or interval (RFC 3339, ``..`` or nothing is open) that ``text`` says.

    :raises ValueError: it says none, or ends before it begins.
    """
    parts = text.split("/")
    if len(parts) > 2 or (len(parts) == 2 and all(part in ("", "..") for part in parts)):
        raise ValueError("must be a time, or an interval 'start/end' with '..' for an open side")
    times = [None if part in ("", "..") and len(parts) == 2 else _time(part, at) for at, part in enumerate(parts)]
    if len(parts) == 1:
        return Interval(start=times[0], end=_time(parts[0], 1))
    start, end = times
    if start is not None and end is not None and end < start:
        raise ValueError("ends before it begins")
    return Interval(start=start, end=end)


def _time(text: str, at: int) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:60]!r} is no time: write it like 2024-05-01T00:00:00Z") from None
    if len(text) == 10 and at:
        # A day as an end is the whole day.
        found = found.replace(hour=23, minute=59, second=59, microsecond=999999)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


# ---------------------------------------------------------------- members


def _text(given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ValueError("must be a text")
    return given.strip()


def _filter(given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping):
        return {"filter": given}
    return {"filter": _text(given)}


def _language(given: Any) -> dict[str, Any]:
    if given not in names.LANGUAGES:
        raise ValueError(f"is {str(given)[:60]!r}; filters are read in {' or '.join(names.LANGUAGES)}")
    return {"filter_lang": given}


def _default_crs(given: Any) -> dict[str, Any]:
    if not isinstance(given, str) or given not in names.GEOJSON_CRS:
        raise ValueError(f"is {str(given)[:120]!r}; coordinates are longitude and latitude here, {names.CRS84}")
    return {}


def _crs(given: Any) -> str:
    uri = names.crs_uri(_text(given))
    if uri is None:
        raise ValueError(f"is {given[:120]!r}; name a reference system by its URI, or like EPSG:3857")
    return uri


def _datetime(given: Any) -> dict[str, Any]:
    text = _text(given)
    return {"datetime": text, "interval": parse_interval(text)}


def _bbox(given: Any) -> dict[str, Any]:
    numbers = given.get("bbox") if isinstance(given, Mapping) else given
    own = {}
    if isinstance(given, Mapping) and given.get("crs") is not None:
        own["bbox_crs"] = _crs(given["crs"])
    if not isinstance(numbers, list) or len(numbers) not in (4, 6):
        raise ValueError("must be a list of 4 or 6 numbers: west, south, east, north")
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        raise ValueError("must hold numbers only")
    half = len(numbers) // 2
    # West may be greater than east: the box crosses the antimeridian.
    if any(numbers[axis] > numbers[axis + half] for axis in range(1, half)):
        raise ValueError("has a lower corner above its upper corner: write west, south, east, north")
    return {"bbox": tuple(float(number) for number in numbers), **own}


def _subset(given: Any) -> dict[str, Any]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("must be a text like 'Lat(40:50)', or a list of them")
    axes = [axis for text in texts for axis in _axes(text)]
    if len({axis.name.lower() for axis in axes}) < len(axes):
        raise ValueError("names an axis twice")
    return {"subset": tuple(axes)}


def _axes(text: str) -> Iterator[Axis]:
    position = 0
    while position < len(text) or not position:
        found = _AXIS.match(text, position)
        if found is None:
            rest = text[position : position + 60]
            raise ValueError(f"cannot be read at {rest!r}: write it like Lat(40:50), Lon(*:10), time(\"2024-05-01\")")
        low, high = found[2].strip('"'), (found[3] or found[2]).strip('"')
        yield Axis(name=found[1], low=low, high=high, text=found[0].strip().rstrip(",").rstrip())
        position = found.end()


def _geometry(given: Any) -> dict[str, Any]:
    return {"geometry": given if isinstance(given, Mapping) else _text(given)}


def _words(given: Any) -> dict[str, Any]:
    words = _names(given, "words")
    if not isinstance(given, str) and any("," in word for word in words):
        raise ValueError("has a comma within a word; commas stand between words")
    return {"q": words}


def _aliases(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not given or len(given) > _MANY:
        raise ValueError("must be an object of names with expressions in CQL2")
    return {"aliases": tuple((name, _expression(name, item)) for name, item in given.items())}


def _expression(name: str, given: Any) -> Any:
    language = ""
    if isinstance(given, Mapping) and "expression" in given:
        language, given = given.get("expressionLang", ""), given["expression"]
    if not isinstance(given, str | Mapping):
        raise ValueError(f"has {name[:60]!r}, which is no expression in CQL2")
    if language and language != (names.TEXT if isinstance(given, str) else names.JSON):
        raise ValueError(f"has {name[:60]!r}, which is not in the language {str(language)[:60]!r}")
    return given


def _passed(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping) or len(given) > _MANY or not all(name.strip() for name in given):
        raise ValueError("must be an object of names of parameters with their values")
    return {"passed": tuple((name, _passed_text(name, item)) for name, item in given.items())}


def _passed_text(name: str, given: Any) -> str:
    if isinstance(given, list) and given and not any(isinstance(item, list) for item in given):
        return ",".join(_passed_text(name, item) for item in given)
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, str | int | float):
        return str(given)
    raise ValueError(f"has {name[:60]!r} with a value that is neither text, number, true, false nor a list of these")


def _limit(given: Any) -> dict[str, Any]:
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise ValueError("must be a whole number from 1")
    return {"limit": given}


def _names(given: Any, what: str) -> tuple[str, ...]:
    items = given.split(",") if isinstance(given, str) else given
    if not isinstance(items, list) or not all(isinstance(item, str) and item.strip() for item in items):
        raise ValueError(f"must be a list of {what}")
    if len(items) > _MANY:
        raise ValueError(f"has {len(items)} {what}; at most {_MANY} are read")
    return tuple(item.strip() for item in items)


def _properties(given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping):
        if not given or len(given) > _MANY or not all(isinstance(item, str | Mapping) for item in given.values()):
            raise ValueError("must be a list of names, or an object of names with expressions in CQL2")
        return {"derived": tuple(given.items())}
    return {"properties": _names(given, "names of properties")}


def _sort_by(given: Any) -> dict[str, Any]:
    if isinstance(given, list) and any(isinstance(item, Mapping) for item in given):
        given = [_sort_item(item) for item in given]
    fields = _names(given, "names of properties")
    return {"sort_by": tuple((field.lstrip("+-"), field.startswith("-")) for field in fields)}


def _sort_item(item: Any) -> Any:
    if not isinstance(item, Mapping) or not isinstance(item.get("field"), str):
        return item
    if item.get("direction", "asc") not in ("asc", "desc"):
        raise ValueError("has a direction that is neither asc nor desc")
    return ("-" if item.get("direction") == "desc" else "+") + item["field"]


def _format(given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping):
        given = given.get("schema") or given.get("mediaType") or ""
    name = _text(given)
    if "/" in name and "://" not in name:
        return {"media_type": name}
    found = names.format_of(name)
    if found is None:
        raise ValueError(f"is {name[:120]!r}; known are {', '.join(names.FORMATS)}")
    return {"format": found}


_READERS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "collection": lambda given: {"uri": _text(given)},
    "filter": _filter,
    "filter_lang": _language,
    "filter_crs": _default_crs,
    "datetime": _datetime,
    "bbox": _bbox,
    "bbox_crs": lambda given: {"bbox_crs": _crs(given)},
    "subset": _subset,
    "subset_crs": lambda given: {"subset_crs": _crs(given)},
    "crs": lambda given: {"crs": _crs(given)},
    "geometry": _geometry,
    "geometry_crs": _default_crs,
    "q": _words,
    "aliases": _aliases,
    "passed": _passed,
    "limit": _limit,
    "properties": _properties,
    "sort_by": _sort_by,
    "ids": lambda given: {"ids": _names(given, "ids")},
    "assets": lambda given: {"assets": _names(given, "names of assets")},
    "format": _format,
    "media_type": lambda given: {"media_type": _text(given)},
}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
