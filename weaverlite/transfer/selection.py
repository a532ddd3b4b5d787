"""Select of the items of a collection what is wanted, where its server does not: CQL2, boxes, times, order, members."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from weaverlite.errors import StagingError
from weaverlite.models.collection import CollectionQuery, Interval, parse_interval, read_query
from weaverlite.ogc.collections import JSON, TEXT
from weaverlite.schemas.filters import parse_filter, parse_geometry, positions
from weaverlite.transfer.parameters import part_of

#: Members of a feature that are asked for by name beside its properties.
_OWN = ("id", "collection")


def select(query: CollectionQuery, features: Iterable[Mapping[str, Any]], pushed: frozenset[str]) -> Iterator[Any]:
    """Yield the features that are wanted, as they are wanted; what is in ``pushed`` the server has done already.

    :raises StagingError: the filter cannot be evaluated; says on which item.
    """
    found: Iterable[Mapping[str, Any]] = features
    if query.ids:
        found = (item for item in found if str(item.get("id")) in query.ids)
    if query.bbox and "bbox" not in pushed:
        found = (item for item in found if _is_within(item, query.bbox))
    part = part_of(query)
    if part.bbox:
        found = (item for item in found if _is_within(item, part.bbox))
    if query.geometry is not None:
        found = _meeting(found, query.geometry)
    if query.q and "q" not in pushed:
        found = (item for item in found if _mentions(item, query.q))
    if part.interval is not None:
        found = _during(found, part.interval)
    if query.interval is not None and "datetime" not in pushed:
        found = _during(found, query.interval)
    if query.filter is not None and "filter" not in pushed:
        found = _filtered(found, query)
    if query.sort_by and "sort" not in pushed:
        found = _sorted(list(found), query.sort_by)
    derived = [(name, parse_filter(expression, _language(expression))) for name, expression in query.derived]
    for number, item in enumerate(found):
        if query.limit is not None and number >= query.limit:
            return
        if query.derived:
            yield {**item, "properties": {name: _value_of(read, item, name) for name, read in derived}}
        else:
            yield _reduced(item, query.properties) if query.properties else item


def selected(fields: Mapping[str, Any], features: list[Any]) -> list[Any]:
    """Return the features that are wanted by the members of a collection value. Raises as :func:`select`."""
    query, faults = read_query({"collection": "-", **fields})
    if query is None:
        raise StagingError(faults=faults)
    return list(select(query, features, frozenset()))


# ---------------------------------------------------------------- filters


def _filtered(features: Iterable[Mapping[str, Any]], query: CollectionQuery) -> Iterator[Mapping[str, Any]]:
    expression = parse_filter(query.filter, query.filter_lang)
    names = frozenset(_properties_of(json.loads(json.dumps(expression.to_json()))))
    for item in features:
        properties = item.get("properties") or {}
        nothing = {name: None for name in names if name not in properties and name not in _OWN}
        # A property that is not there is null: what compares with it does not hold.
        whole = {**item, "properties": {**nothing, **properties}} if nothing else item
        try:
            fits = expression.matches(whole)
        except Exception as error:  # the library raises bare exceptions
            if any(properties.get(name) is None for name in names if name not in _OWN):
                continue
            raise StagingError(
                f"The filter cannot be evaluated on the item {str(item.get('id'))[:80]!r}: it must be a comparison of "
                "values of one kind, with functions of the standard."
            ) from error
        if fits:
            yield item


def _properties_of(expression: Any) -> Iterator[str]:
    if isinstance(expression, Mapping):
        name = expression.get("property")
        if isinstance(name, str) and name != "geometry":
            yield name.removeprefix("properties.")
        for item in expression.values():
            yield from _properties_of(item)
    elif isinstance(expression, list):
        for item in expression:
            yield from _properties_of(item)


# ---------------------------------------------------------------- boxes


def _is_within(item: Mapping[str, Any], bbox: Sequence[float]) -> bool:
    """Whether the envelope of a feature meets the box."""
    half = len(bbox) // 2
    west, south, east, north = bbox[0], bbox[1], bbox[half], bbox[half + 1]
    envelope = _envelope(item)
    if envelope is None:
        return False
    left, bottom, right, top = envelope
    if bottom > north or top < south:
        return False
    if west <= east:
        return left <= east and right >= west
    # The box crosses the antimeridian.
    return right >= west or left <= east


def _envelope(item: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    points = list(positions(item.get("geometry") or {}))
    if points:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return min(xs), min(ys), max(xs), max(ys)
    box = item.get("bbox")
    if isinstance(box, list) and len(box) in (4, 6):
        half = len(box) // 2
        return box[0], box[1], box[half], box[half + 1]
    return None


def _meeting(features: Iterable[Mapping[str, Any]], geometry: Any) -> Iterator[Mapping[str, Any]]:
    expression, _ = parse_geometry(geometry)
    for item in features:
        own = item.get("geometry")
        if own is None:
            continue
        try:
            meets = expression.matches({"type": "Feature", "geometry": own, "properties": {}})
        except Exception as error:  # the library raises bare exceptions
            said = str(item.get("id"))[:80]
            raise StagingError(f"The geometry of the item {said!r} cannot be read.") from error
        if meets:
            yield item


# ---------------------------------------------------------------- words


def _mentions(item: Mapping[str, Any], words: Sequence[str]) -> bool:
    """Whether one of the words is in a text of the properties, in whatever case."""
    texts = [text.casefold() for text in _texts((item.get("properties") or {}).values())]
    return any(word.casefold() in text for word in words for text in texts)


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (text for text in value if isinstance(text, str))


# ---------------------------------------------------------------- times


def _during(features: Iterable[Mapping[str, Any]], wanted: Interval) -> Iterator[Mapping[str, Any]]:
    for item in features:
        span = _span(item)
        # What has no time is there at any time (OGC 17-069r4, /req/core/fc-time-response).
        if span is None or _meets(span, wanted):
            yield item


def _span(item: Mapping[str, Any]) -> Interval | None:
    properties = item.get("properties") or {}
    texts = [properties.get(name) for name in ("start_datetime", "end_datetime")]
    if any(isinstance(text, str) for text in texts):
        return _interval("/".join(text if isinstance(text, str) else ".." for text in texts))
    time = item.get("time")
    if isinstance(time, Mapping):
        told = time.get("interval")
        text = "/".join(map(str, told)) if isinstance(told, list) else time.get("timestamp") or time.get("date")
        return _interval(text)
    return _interval(properties.get("datetime"))


def _interval(text: Any) -> Interval | None:
    try:
        return parse_interval(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _meets(mine: Interval, wanted: Interval) -> bool:
    return not (_after(mine.start, wanted.end) or _after(wanted.start, mine.end))


def _after(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one > other


# ---------------------------------------------------------------- order and members


def _sorted(features: list[Mapping[str, Any]], order: Sequence[tuple[str, bool]]) -> list[Mapping[str, Any]]:
    # Sorts are stable: the last criterion first. What has no value comes last, in either direction.
    for name, descending in reversed(order):
        valued = [(_value(item, name), item) for item in features]
        known = [(_key(value), item) for value, item in valued if value is not None]
        known.sort(key=itemgetter(0), reverse=descending)
        features = [item for _, item in known] + [item for value, item in valued if value is None]
    return features


def _key(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool):
        return 0, value
    if isinstance(value, int | float):
        return 1, value
    return (2, value) if isinstance(value, str) else (3, json.dumps(value, sort_keys=True))


def _value(item: Mapping[str, Any], name: str) -> Any:
    bare = name.removeprefix("properties.")
    return (item.get("properties") or {}).get(bare, item.get(name) if name in _OWN else None)


def _value_of(expression: Any, item: Mapping[str, Any], name: str) -> Any:
    """Return what an expression makes of an item; null where a property that it needs is not there."""
    properties = item.get("properties") or {}
    said = expression.to_json()
    if isinstance(said, Mapping) and said.keys() == {"property"}:
        # As it is: numbers of expressions are all floating.
        return _value(item, said["property"])
    try:
        found = expression.reduce(item).to_json()
    except Exception as error:  # the library raises bare exceptions
        if any(properties.get(needed) is None for needed in _properties_of(said)):
            return None
        raise StagingError(
            f"The property {name!r} cannot be made of the item {str(item.get('id'))[:80]!r}: its expression must be "
            "one of the standard, over values that fit it."
        ) from error
    if isinstance(found, Mapping | list):
        return None
    return int(found) if isinstance(found, float) and found.is_integer() else found


def _language(expression: Any) -> str:
    return JSON if isinstance(expression, Mapping) else TEXT


def _reduced(item: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    properties = item.get("properties") or {}
    return {**item, "properties": {name: properties[name] for name in names if name in properties}}
