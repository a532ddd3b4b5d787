"""Collections and a process of another server, as OGC API - Features, STAC and Processes offer them."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

#: Ten points: the number is their place on the map and in time.
POINTS: list[Document] = [
    {
        "type": "Feature",
        "id": f"p{number}",
        "geometry": {"type": "Point", "coordinates": [float(number), float(number)]},
        "properties": {
            "number": number,
            "kind": "odd" if number % 2 else "even",
            "datetime": f"2024-01-{number + 1:02}T00:00:00Z",
        },
    }
    for number in range(10)
]
_PAGE = 4


class Collections:
    """What the server has below ``/ogc``: collections of the same points, as many as are wanted, and their queries."""

    def __init__(self) -> None:
        self._queries: dict[str, list[Document]] = {}

    def new(self) -> str:
        """Return the id of a collection that nobody has asked yet."""
        name = f"points{len(self._queries)}"
        self._queries[name] = []
        return name

    def queries(self, name: str) -> list[Document]:
        """Return the queries for items of a collection."""
        return list(self._queries[name])

    def answer(self, url: str, path: str, query: Document) -> Document | None:
        """Return the document of a path, or None."""
        root = f"{url}/ogc"
        if path in ("", "/"):
            return {
                "title": "Points",
                "links": [
                    {"href": f"{root}/conformance", "rel": "conformance", "type": "application/json"},
                    {"href": f"{root}/collections", "rel": "data", "type": "application/json"},
                ],
            }
        if path == "/conformance":
            return {"conformsTo": ["http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core"]}
        if path == "/collections":
            return {"collections": [self._collection(root, name) for name in self._queries], "links": []}
        name, _, below = path.removeprefix("/collections/").partition("/")
        if name in self._queries and not below:
            return self._collection(root, name)
        if name in self._queries and below == "items":
            return self._items(root, name, query)
        if path == "/processes/double":
            return _double(root)
        return None

    def execute(self, path: str, request: Document) -> Any:
        """Return what the process answers, synchronously: its only output as it is, or a document if one is asked."""
        if path != "/processes/double/execution":
            return None
        value = request.get("inputs", {}).get("value", 0)
        number = value.get("value") if isinstance(value, dict) else value
        return {"doubled": 2 * number} if request.get("response") == "document" else 2 * number

    def _collection(self, root: str, name: str) -> Document:
        here = f"{root}/collections/{name}"
        return {
            "id": name,
            "title": "Ten points",
            "itemType": "feature",
            "extent": {"spatial": {"bbox": [[0, 0, 9, 9]]}},
            "crs": ["http://www.opengis.net/def/crs/OGC/1.3/CRS84"],
            "links": [
                {"href": here, "rel": "self", "type": "application/json"},
                {"href": f"{here}/items", "rel": "items", "type": "application/geo+json"},
            ],
        }

    def _items(self, root: str, name: str, query: Document) -> Document:
        self._queries[name].append(dict(query))
        found = [point for point in POINTS if _is_inside(point, query) and _is_within(point, query)]
        start, size = int(query.get("offset", 0)), min(int(query.get("limit", _PAGE)), _PAGE)
        page = found[start : start + size]
        here = f"{root}/collections/{name}/items"
        links = [{"href": here, "rel": "self", "type": "application/geo+json"}]
        if start + size < len(found):
            kept = "".join(f"&{name}={value}" for name, value in query.items() if name != "offset")
            links.append({"href": f"{here}?offset={start + size}{kept}", "rel": "next", "type": "application/geo+json"})
        return {
            "type": "FeatureCollection",
            "numberMatched": len(found),
            "numberReturned": len(page),
            "features": page,
            "links": links,
        }


def _is_inside(point: Document, query: Document) -> bool:
    if "bbox" not in query:
        return True
    west, south, east, north = (float(number) for number in query["bbox"].split(",")[:4])
    x, y = point["geometry"]["coordinates"]
    return bool(west <= x <= east and south <= y <= north)


def _is_within(point: Document, query: Document) -> bool:
    if "datetime" not in query:
        return True
    begin, _, end = query["datetime"].partition("/")
    when = point["properties"]["datetime"]
    return (begin in ("", "..") or when >= begin) and (end in ("", "..") or when <= (end or begin))


def _double(root: str) -> Document:
    number = {"type": "number"}
    return {
        "id": "double",
        "version": "1.0.0",
        "title": "Twice a number",
        "jobControlOptions": ["sync-execute"],
        "outputTransmission": ["value"],
        "inputs": {"value": {"schema": number}},
        "outputs": {"doubled": {"schema": number}},
        "links": [
            {
                "href": f"{root}/processes/double/execution",
                "rel": "http://www.opengis.net/def/rel/ogc/1.0/execute",
                "type": "application/json",
            }
        ],
    }
