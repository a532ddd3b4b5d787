"""Staged inputs to the reference runner's job order, and its output object back to local files.

This module imports the reference runner: it is loaded inside job processes only.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cwltool.process import shortname
from schema_salad.ref_resolver import file_uri, uri_file_path

from weaverlite.engines.cwl.session import Session
from weaverlite.engines.formats import BINARY, media_type_of_format, media_type_of_name
from weaverlite.errors import EngineError
from weaverlite.models.results import LocalDirectory, LocalFile, LocalValue
from weaverlite.ogc.values import media_type_fits


def job_order(ports: Iterable[Mapping[str, Any]], inputs: Mapping[str, LocalValue]) -> dict[str, Any]:
    """Return the job order of the runner's own input ports (``tool["inputs"]``).

    :raises EngineError: a literal claims to be a file; only staged files are.
    """
    order = {}
    for port in ports:
        name = shortname(port["id"])
        if inputs.get(name) is None:
            continue
        value = _given(inputs[name], name, port)
        order[name] = [value] if _is_list(port["type"]) and not isinstance(value, list) else value
    return order


def _is_list(kind: Any) -> bool:
    """Return whether every value of a type but null is a list, so that a single value means a list of one."""
    if isinstance(kind, list):
        kinds = [item for item in kind if item != "null"]
        return bool(kinds) and all(_is_list(item) for item in kinds)
    return isinstance(kind, Mapping) and kind.get("type") == "array"


def _given(value: LocalValue, name: str, port: Mapping[str, Any]) -> Any:
    """Return a value as CWL writes it; ``port`` is the parameter or the field of a record that declares its format."""
    if isinstance(value, LocalFile):
        return _given_file(value, port.get("format"))
    if isinstance(value, LocalDirectory):
        return {"class": "Directory", "location": file_uri(str(value.path)), "basename": value.name}
    if isinstance(value, list | tuple):
        return [_given(item, name, port) for item in value]
    if isinstance(value, Mapping):
        if value.get("class") in ("File", "Directory"):
            raise EngineError(
                f"The input {name!r} is an object of class {value['class']}: give files by reference (href) or as "
                "qualified values."
            )
        fields = dict(_fields(port.get("type")))
        return {str(key): _given(item, name, fields.get(key, {})) for key, item in value.items()}
    return value


def _fields(kind: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the fields of every record that a type allows, in lists too."""
    if isinstance(kind, list):
        for item in kind:
            yield from _fields(item)
    elif isinstance(kind, Mapping):
        if kind.get("type") == "record":
            for field in kind.get("fields", ()):
                yield shortname(field["name"]), field
        else:
            yield from _fields(kind.get("items", kind.get("type")))


def _given_file(file: LocalFile, declared: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"class": "File", "location": file_uri(str(file.path)), "basename": file.name}
    if file.secondary:
        given["secondaryFiles"] = [_given(item, file.name, {}) for item in file.secondary]
    if declared_format := _format(file, declared):
        given["format"] = declared_format
    return given


def _format(file: LocalFile, declared: Any) -> str | None:
    """Return the format to give a file: the declared one that its media type means, else the first.

    The runner refuses a file without a format where one is declared; whether the media type fits was decided before.
    """
    formats = [item for item in (declared if isinstance(declared, list) else [declared]) if isinstance(item, str)]
    formats = [item for item in formats if "$(" not in item and "${" not in item]
    for item in formats:
        if file.media_type and media_type_of_format(item) == file.media_type:
            return item
    for item in formats:
        # The same format by another name: application/x-netcdf is application/netcdf.
        if file.media_type and media_type_fits(file.media_type, media_type_of_format(item) or BINARY):
            return item
    return formats[0] if formats else None


def outputs_of(
    ports: Iterable[Mapping[str, Any]], produced: Mapping[str, Any], session: Session
) -> dict[str, LocalValue]:
    """Return the outputs with local files; those that are null are left out.

    :raises UnsafeOutput: a file lies outside the job, or is none.
    """
    names = [shortname(port["id"]) for port in ports]
    return {name: _made(produced[name], name, session) for name in names if produced.get(name) is not None}


def _made(value: Any, name: str, session: Session) -> LocalValue:
    if isinstance(value, list):
        return [_made(item, name, session) for item in value]
    if isinstance(value, Mapping):
        if value.get("class") == "File":
            return _made_file(value, name, session)
        if value.get("class") == "Directory":
            return LocalDirectory(path=_path(value, name, session), name=str(value["basename"]))
        return {str(key): _made(item, name, session) for key, item in value.items()}
    return value


def _made_file(value: Mapping[str, Any], name: str, session: Session) -> LocalFile:
    basename, declared = str(value["basename"]), value.get("format")
    media_type = media_type_of_format(declared) if isinstance(declared, str) else None
    return LocalFile(
        path=_path(value, name, session),
        name=basename,
        media_type=media_type or media_type_of_name(basename),
        secondary=tuple(_made(item, name, session) for item in value.get("secondaryFiles", ())),
    )


def _path(value: Mapping[str, Any], name: str, session: Session) -> Path:
    location = str(value["location"])
    path = uri_file_path(location) if location.startswith("file:") else location
    if not session.holds(path):
        raise session.refuse(f"The output {name!r} lies outside the job's folder.")
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) if value["class"] == "File" else stat.S_ISDIR(mode)):
        raise session.refuse(f"The output {name!r} is not a regular {str(value['class']).lower()}.")
    return Path(os.path.realpath(path))
