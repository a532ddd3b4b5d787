"""Make of a collection what an input takes: one GeoJSON document, features one by one, or the files they refer to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from weaverlite.errors import StagingError
from weaverlite.models.collection import CollectionQuery, read_query
from weaverlite.models.process import InputDescription
from weaverlite.models.results import LocalFile
from weaverlite.ogc import collections as names
from weaverlite.ogc.names import safe_name
from weaverlite.ogc.values import media_type_fits
from weaverlite.schemas.forms import media_types, takes
from weaverlite.transfer.collections import CollectionReader
from weaverlite.transfer.interfaces import FetchLimits, Reference, Stager

GEOJSON = "application/geo+json"


class CollectedValues:
    """Brings collection values: see ``Bring`` in :mod:`weaverlite.execution.parts`."""

    def __init__(self, reader: CollectionReader, stagers: Mapping[str, Stager], limits: FetchLimits) -> None:
        self._reader = reader
        self._stagers = stagers
        self._limits = limits

    def __call__(self, stored: Mapping[str, Any], description: InputDescription, destination: Path) -> Any:
        """Return the value of the input that a stored collection value makes.

        :raises ReferenceRefused, StagingError: the collection cannot be had, or nothing this input takes is in it.
        """
        query, faults = read_query(stored)
        if query is None:
            raise StagingError(faults=faults)
        source = self._reader.look_up(query)
        if source.kind in (names.COVERAGE, names.MAP):
            return self._file(source.url, query.media_type, description, destination)
        document = self._reader.read_from(source, query)
        by_item = query.format == names.ITEMS or (not query.format and description.max_occurs != 1)
        if not by_item:
            return self._whole(document, query, description, destination)
        if description.max_occurs == 1 and len(document["features"]) != 1:
            many = len(document["features"])
            raise StagingError(f"{many} items were found; this input takes one: select it with 'ids' or 'limit'.")
        found = list(self._items(document["features"], query, description, destination))
        return found if description.max_occurs != 1 else found[0]

    # ------------------------------------------------------------ as a whole

    def _whole(
        self, document: Mapping[str, Any], query: CollectionQuery, description: InputDescription, destination: Path
    ) -> Any:
        if query.assets:
            document = {**document, "features": [_with_assets(item, query.assets) for item in document["features"]]}
        found: Any = document
        if description.is_file:
            path = urlsplit(query.uri).path.rstrip("/").removesuffix("/items")
            found = _written(document, destination, f"{path.rpartition('/')[2] or 'collection'}.geojson")
        elif not takes(description.schema, "object"):
            found = json.dumps(document) if takes(description.schema, "string") else list(document["features"])
        return [found] if description.max_occurs != 1 else found

    # ------------------------------------------------------------ item by item

    def _items(
        self,
        features: list[Mapping[str, Any]],
        query: CollectionQuery,
        description: InputDescription,
        destination: Path,
    ) -> Iterator[Any]:
        for number, feature in enumerate(features):
            if not description.is_file:
                yield self._literal(feature, query, description)
                continue
            place = destination / str(number)
            place.mkdir()
            assets = _assets(feature, query, description)
            if assets is None:
                yield _written(feature, place, f"{feature.get('id') or number}.geojson")
                continue
            for index, asset in enumerate(assets):
                own = place / str(index)
                own.mkdir()
                yield self._file(asset["href"], str(asset.get("type") or ""), description, own)

    @staticmethod
    def _literal(feature: Mapping[str, Any], query: CollectionQuery, description: InputDescription) -> Any:
        if takes(description.schema, "object"):
            return feature
        assets = _assets(feature, query, description)
        return assets[0]["href"] if assets else json.dumps(feature)

    def _file(self, url: str, media_type: str, description: InputDescription, destination: Path) -> LocalFile:
        if not description.is_file:
            raise StagingError("The collection is made of files; this input takes a value: give it a file's content.")
        reference = Reference(href=url, media_type=media_type.partition(";")[0].strip() or None)
        stager = self._stagers.get(reference.scheme)
        if stager is None:
            known = ", ".join(sorted(self._stagers))
            raise StagingError(f"{url[:200]!r} cannot be fetched here, only URLs of the schemes {known}.")
        stager.check(reference)
        file = stager.fetch(reference, destination, self._limits)
        if not isinstance(file, LocalFile):
            raise StagingError(f"{url[:200]!r} is a directory; a file is wanted.")
        return file


def _assets(
    feature: Mapping[str, Any], query: CollectionQuery, description: InputDescription
) -> list[Mapping[str, Any]] | None:
    """Return the assets of a STAC item that an input takes; None when the feature itself is what it takes.

    Those asked for by name; else those of a media type the input takes; else the data; else the only one there is.
    """
    assets = feature.get("assets")
    if not isinstance(assets, Mapping) or not assets:
        if query.assets:
            raise StagingError(f"The item {feature.get('id')!r} has no assets.")
        return None
    if query.assets:
        if missing := [name for name in query.assets if name not in assets]:
            known = ", ".join(sorted(assets))
            raise StagingError(f"The item {feature.get('id')!r} has no asset {missing[0]!r}; it has {known}.")
        return [assets[name] for name in query.assets]
    wanted = [query.media_type] if query.media_type else media_types(description.schema)
    if any(media_type_fits(GEOJSON, item) for item in wanted) and not query.media_type:
        return None
    fitting = [
        asset
        for asset in assets.values()
        if wanted and asset.get("type") and any(media_type_fits(asset["type"], item) for item in wanted)
    ]
    data = [asset for asset in assets.values() if "data" in (asset.get("roles") or ())]
    if found := fitting or ([] if wanted else data) or (list(assets.values()) if len(assets) == 1 else []):
        return found
    said = f" of the type {' or '.join(wanted)}" if wanted else " with the role 'data'"
    raise StagingError(
        f"The item {feature.get('id')!r} has no asset{said}; it has {', '.join(sorted(assets))}: say which in 'assets'."
    )


def _with_assets(feature: Mapping[str, Any], names: tuple[str, ...]) -> Mapping[str, Any]:
    assets = feature.get("assets")
    if not isinstance(assets, Mapping):
        return feature
    return {**feature, "assets": {name: assets[name] for name in names if name in assets}}


def _written(document: Mapping[str, Any], directory: Path, name: str) -> LocalFile:
    path = directory / safe_name(name, "collection.geojson")
    path.write_text(json.dumps(document), encoding="utf-8")
    return LocalFile(path=path, name=path.name, media_type=GEOJSON)
