"""The query parameters that tell a data API what is wanted of a collection, and what is left to be done here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from weaverlite.errors import StagingError
from weaverlite.models.collection import Axis, CollectionQuery, Interval, parse_interval
from weaverlite.ogc import collections as names
from weaverlite.schemas.filters import parse_filter, parse_geometry, positions

#: Most items of a page that are asked for, and longest list of ids in a URL.
_PAGE, _LONGEST = 1000, 2000
#: Selections that look at the properties of items.
_BY_PROPERTIES = frozenset({"filter", "datetime", "sort", "q", "subset"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What items are asked for with.

    ``sure`` the server understands by its own word; ``offered`` are those of the standard that it may know, for less to
    read: what they select is selected here besides. ``pushed`` names the selections that it makes.
    """

    sure: tuple[tuple[str, str], ...] = ()
    offered: tuple[tuple[str, str], ...] = ()
    pushed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What ``subset`` selects of items: a box of longitude and latitude, and a time."""

    bbox: tuple[float, ...] = ()
    interval: Interval | None = None
    datetime: str = ""


# ---------------------------------------------------------------- of items


def of_items(query: CollectionQuery, abilities: frozenset[str]) -> Parameters:
    """Return the parameters for items, from a server with these abilities.

    :raises StagingError: neither the server nor this one can select so.
    """
    part = part_of(query)
    passed = {name for name, _ in query.passed}
    sure: list[tuple[str, str]] = []
    pushed: set[str] = set()

    def say(ability: str, *pairs: tuple[str, str]) -> None:
        # What the client passes on itself is said in its words, and selected here as well.
        if passed.isdisjoint(name for name, _ in pairs):
            sure.extend(pair for pair in pairs if pair[1])
            pushed.add(ability)

    if "core" in abilities:
        if query.bbox and (not names.is_other_crs(query.bbox_crs) or "crs" in abilities):
            other = query.bbox_crs if names.is_other_crs(query.bbox_crs) else ""
            say("bbox", ("bbox", _numbers(query.bbox)), ("bbox-crs", other))
        elif not query.bbox:
            say("around", ("bbox", _around(query, part)))
        if query.datetime:
            say("datetime", ("datetime", query.datetime))
        elif all("T" in end or end == ".." for end in part.datetime.split("/")):
            # Servers differ in what a day is.
            say("then", ("datetime", part.datetime))
    if query.filter is not None and "filter" in abilities and (said := _filter(query, abilities)):
        say("filter", *said)
    if query.sort_by and "sort" in abilities:
        say("sort", ("sortby", ",".join(("-" if down else "+") + name for name, down in query.sort_by)))
    if query.q and "q" in abilities:
        say("q", ("q", ",".join(query.q)))
    left = _asked(query) - pushed
    _check_left(query, abilities, left)
    if names.is_other_crs(query.crs):
        say("crs", ("crs", query.crs))
    if query.properties and "properties" in abilities and not left & _BY_PROPERTIES:
        say("properties", ("properties", ",".join(query.properties)))
    if "core" in abilities:
        say("limit", ("limit", str(_PAGE if left or not query.limit else min(query.limit, _PAGE))))
    return Parameters(
        sure=(*sure, *query.passed),
        offered=tuple(_offered(query, left, passed)) if "core" in abilities else (),
        pushed=frozenset(pushed & _asked(query)),
    )


def _offered(query: CollectionQuery, left: frozenset[str], passed: set[str]) -> Iterable[tuple[str, str]]:
    ids = ",".join(query.ids)
    # An id with a comma cannot be said so.
    if query.ids and ids.count(",") == len(query.ids) - 1 and len(ids) <= _LONGEST and "ids" not in passed:
        yield "ids", ids
    if "q" in left and "q" not in passed:
        yield "q", ",".join(query.q)


def _asked(query: CollectionQuery) -> frozenset[str]:
    """Return what is to be selected, by the server or here."""
    asked = {
        "filter": query.filter is not None,
        "bbox": bool(query.bbox),
        "datetime": bool(query.datetime),
        "sort": bool(query.sort_by),
        "ids": bool(query.ids),
        "q": bool(query.q),
        "subset": bool(query.subset),
        "geometry": query.geometry is not None,
    }
    return frozenset(name for name, is_asked in asked.items() if is_asked)


def _check_left(query: CollectionQuery, abilities: frozenset[str], left: frozenset[str]) -> None:
    """Refuse what is left to be done here and cannot be: coordinates are not converted."""
    if "bbox" in left and names.is_other_crs(query.bbox_crs):
        raise StagingError(
            f"The box is in {query.bbox_crs[:120]}, which the server of the collection does not say that it "
            "understands ('bbox-crs'): give it in longitude and latitude."
        )
    if not names.is_other_crs(query.crs):
        return
    if "crs" not in abilities:
        raise StagingError(
            f"The server of the collection does not say that it gives items in {query.crs[:120]}, and coordinates are "
            "not converted here: leave 'crs' out."
        )
    by_place: list[str] = [name for name in ("bbox", "geometry", "subset") if name in left]
    if "filter" in left and _is_spatial(parse_filter(query.filter, query.filter_lang).to_json()):
        by_place.append("filter")
    if by_place:
        raise StagingError(
            f"The server of the collection does not select by {' and '.join(by_place)}, and that is not possible here "
            f"with coordinates in {query.crs[:120]}: leave 'crs' out."
        )


def _is_spatial(expression: Any) -> bool:
    if isinstance(expression, Mapping):
        named = expression.get("op")
        return (isinstance(named, str) and named.startswith("s_")) or any(map(_is_spatial, expression.values()))
    return isinstance(expression, list | tuple) and any(map(_is_spatial, expression))


def _filter(query: CollectionQuery, abilities: frozenset[str]) -> list[tuple[str, str]]:
    """Return the parameters that say the filter in a language of the server; empty when it knows none."""
    if query.filter_lang in abilities:
        text = query.filter if isinstance(query.filter, str) else json.dumps(query.filter)
        return [("filter", text), ("filter-lang", query.filter_lang)]
    other = names.JSON if query.filter_lang == names.TEXT else names.TEXT
    if other not in abilities:
        return []
    expression = parse_filter(query.filter, query.filter_lang)
    text = expression.to_text() if other == names.TEXT else json.dumps(expression.to_json())
    return [("filter", text), ("filter-lang", other)]


# ---------------------------------------------------------------- by area


def part_of(query: CollectionQuery) -> Part:
    """Return what ``subset`` selects of items, which have longitude, latitude and time.

    :raises StagingError: it names another axis, or what is no place on it.
    """
    if not query.subset:
        return Part()
    if names.is_other_crs(query.subset_crs):
        raise StagingError(
            f"'subset' is in {query.subset_crs[:120]}; items of features are selected by longitude and latitude."
        )
    spans = {"lon": (-180.0, 180.0), "lat": (-90.0, 90.0)}
    has_area, time = False, ""
    for axis in query.subset:
        kind = names.AXES.get(axis.name.lower())
        if kind is None:
            raise StagingError(
                f"The collection is one of features, without an axis {axis.name[:60]!r}: 'subset' selects its items by "
                "Lat, Lon and time."
            )
        if kind == "time":
            time = _time(axis)
        else:
            spans[kind], has_area = _span(axis, spans[kind]), True
    (west, east), (south, north) = spans["lon"], spans["lat"]
    try:
        interval = parse_interval(time) if time else None
    except ValueError as error:
        raise StagingError(f"The time of 'subset' {error}.") from error
    return Part(bbox=(west, south, east, north) if has_area else (), interval=interval, datetime=time)


def _time(axis: Axis) -> str:
    ends = [".." if end == "*" else end for end in (axis.low, axis.high)]
    if ends == ["..", ".."]:
        return ""
    return ends[0] if ends[0] == ends[1] else "/".join(ends)


def _span(axis: Axis, whole: tuple[float, float]) -> tuple[float, float]:
    try:
        low = whole[0] if axis.low == "*" else float(axis.low)
        high = whole[1] if axis.high == "*" else float(axis.high)
    except ValueError as error:
        raise StagingError(f"{axis.text[:60]!r} of 'subset' is no span of numbers.") from error
    if not (math.isfinite(low) and math.isfinite(high)) or (low > high and whole[1] == 90):
        raise StagingError(f"{axis.text[:60]!r} of 'subset' is no span of degrees.")
    return low, high


def _around(query: CollectionQuery, part: Part) -> str:
    """Return the box that all wanted items meet, as a parameter; empty when there is none."""
    if part.bbox:
        return _numbers(part.bbox)
    if query.geometry is None:
        return ""
    points = list(positions(parse_geometry(query.geometry)[1]))
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return _numbers((min(xs), min(ys), max(xs), max(ys)))


# ---------------------------------------------------------------- of files


def of_file(query: CollectionQuery, kind: str) -> list[tuple[str, str]]:
    """Return the parameters for a coverage or a map, which is one file.

    :raises StagingError: something is wanted that only items can be selected by.
    """
    wanted = _asked(query) - {"bbox", "datetime", "subset"}
    if query.derived or (query.properties and kind == names.MAP):
        wanted |= {"properties"}
    if query.assets:
        wanted |= {"assets"}
    if wanted:
        told = " and ".join(sorted("sortBy" if name == "sort" else name for name in wanted))
        raise StagingError(f"The collection is a {kind}, of which nothing can be selected by {told}.")
    given = [
        ("bbox", _numbers(query.bbox)),
        ("bbox-crs", query.bbox_crs),
        ("datetime", query.datetime),
        ("subset", ",".join(axis.text for axis in query.subset)),
        ("subset-crs", query.subset_crs),
        ("crs", query.crs),
        ("properties", ",".join(query.properties)),
    ]
    passed = {name for name, _ in query.passed}
    return [pair for pair in given if pair[1] and pair[0] not in passed] + list(query.passed)


def with_parameters(url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Return the URL with these parameters, in place of its own of the same names."""
    parts = urlsplit(url)
    given = list(parameters)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in dict(given)]
    return urlunsplit(parts._replace(query=urlencode(kept + given)))


def _numbers(values: tuple[float, ...]) -> str:
    return ",".join(repr(float(value)).removesuffix(".0") for value in values)
