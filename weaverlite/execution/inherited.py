"""Bring what other jobs made: results of nested processes as inputs of the job they are nested in."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from weaverlite.errors import InvalidRequest, PublishError, ResultNotAvailable, StagingError
from weaverlite.models.nested import INPUTS, RESULT
from weaverlite.models.process import InputDescription
from weaverlite.models.results import LocalDirectory, LocalFile, OutputFile, read_file
from weaverlite.ogc.names import safe_name
from weaverlite.schemas.contents import value_of
from weaverlite.schemas.text import parse_json
from weaverlite.transfer.interfaces import Publisher

#: The largest file that is sent to another server within a request.
_INLINE = 10 * 1024**2
#: The largest GeoJSON that features are selected from.
_SELECTED = 256 * 1024**2

#: Chooses among GeoJSON features by the members of a collection value.
Select: TypeAlias = Callable[[Mapping[str, Any], list[Any]], list[Any]]


class InheritedResults:
    """Brings ``{"$result": …}``: see ``Bring`` in :mod:`weaverlite.execution.parts`."""

    def __init__(self, publisher: Publisher, select: Select) -> None:
        """``select`` chooses among features by the members of a collection value."""
        self._publisher = publisher
        self._select = select

    def __call__(self, stored: Mapping[str, Any], description: InputDescription, destination: Path) -> Any:
        """Return the result as the input takes it.

        :raises StagingError: it does not fit, or is not there any more.
        """
        found = self._found(stored)
        if "value" in found:
            return _written(found["value"], destination) if description.is_file else found["value"]
        is_directory = description.type_name.startswith("Directory")
        if "directory" in found:
            if not is_directory:
                raise StagingError("The nested process made a directory; this input takes none.")
            return self._directory(found["job"], found["directory"], destination)
        file = self._file(found["job"], read_file(found["file"]), destination)
        if is_directory:
            raise StagingError("The nested process made a file; this input takes a directory.")
        if description.is_file:
            return file
        value, faults = value_of(file.path.read_bytes(), file.media_type or "", description.schema, "")
        if faults:
            raise StagingError(f"The result of the nested process {faults[0].message}.")
        return value

    def remote(self, stored: Mapping[str, Any], description: InputDescription, destination: Path) -> Any:
        """Return the inputs of a process on another server (``{"$inputs": …}``) with results sent along in them."""
        return {name: self._sent(value, destination) for name, value in stored[INPUTS].items()}

    def _sent(self, value: Any, destination: Path) -> Any:
        if isinstance(value, list):
            return [self._sent(item, destination) for item in value]
        if not isinstance(value, Mapping) or RESULT not in value:
            return value
        found = self._found(value)
        if "value" in found:
            literal = found["value"]
            return {"value": literal} if isinstance(literal, dict) else literal
        if "directory" in found:
            raise StagingError("A directory cannot be sent to another server.")
        file = read_file(found["file"])
        if file.size > _INLINE:
            raise StagingError(f"{file.name} has {file.size} bytes; at most {_INLINE} are sent to other servers.")
        with self._open(found["job"], file) as source:
            data = source.read()
        try:
            return {"value": data.decode(), "mediaType": file.media_type}
        except UnicodeDecodeError:
            return {"value": base64.b64encode(data).decode(), "mediaType": file.media_type, "encoding": "base64"}

    def _found(self, stored: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return where the result is, or the value itself; the latter when something is to be selected of it."""
        found: Mapping[str, Any] = stored[RESULT]
        return {"value": self._selected(found)} if "fields" in found else found

    def _selected(self, found: Mapping[str, Any]) -> Any:
        """Return the GeoJSON of a result with what was selected of its features."""
        document = found.get("value")
        if "file" in found:
            file = read_file(found["file"])
            with self._open(found["job"], file) as source:
                data = source.read(_SELECTED + 1)
            if len(data) > _SELECTED:
                raise StagingError(f"{file.name} is larger than the {_SELECTED} bytes that features are selected from.")
            try:
                document = parse_json(data, depth=200)
            except InvalidRequest as error:
                raise StagingError("The result of the nested process is no GeoJSON to select from.") from error
        features = document.get("features") if isinstance(document, Mapping) else None
        is_wrong = not isinstance(features, list) or not all(isinstance(item, Mapping) for item in features)
        if document is None or features is None or is_wrong:
            raise StagingError("The result of the nested process is no GeoJSON FeatureCollection to select from.")
        return {**document, "features": self._select(found["fields"], features)}

    # ------------------------------------------------------------ files

    def _file(self, job_id: str, file: OutputFile, directory: Path) -> LocalFile:
        path = directory / safe_name(file.name, "result")
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open(job_id, file) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 1024**2)
        secondary = tuple(self._file(job_id, item, directory) for item in file.secondary)
        return LocalFile(path=path, name=path.name, media_type=file.media_type, secondary=secondary)

    def _directory(self, job_id: str, document: Mapping[str, Any], destination: Path) -> LocalDirectory:
        root = str(document["path"]).rstrip("/")
        path = destination / safe_name(root.rpartition("/")[2], "result")
        path.mkdir()
        for item in document["files"]:
            file = read_file(item)
            # The names below a published directory were made safe when it was collected.
            below = file.path.removeprefix(root + "/").rpartition("/")[0]
            self._file(job_id, file, path / below if below else path)
        return LocalDirectory(path=path, name=path.name)

    def _open(self, job_id: str, file: OutputFile) -> Any:
        try:
            return self._publisher.open(job_id, file)
        except (ResultNotAvailable, PublishError) as error:
            raise StagingError(f"The result of the nested process is not there any more: {error.detail}") from error


def _written(value: Any, destination: Path) -> LocalFile:
    is_text = isinstance(value, str)
    path = destination / ("result.txt" if is_text else "result.json")
    path.write_text(value if is_text else json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return LocalFile(path=path, name=path.name, media_type="text/plain" if is_text else "application/json")
