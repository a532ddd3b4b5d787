"""The inputs of an execution in every form that people write them, turned into OGC's one.

A document (JSON or YAML file, ``-``, or a Python value) may be a bare mapping, an OGC execute body, Weaver's list
(``[{"id": …, "value" | "href": …}]``) or a CWL job order (``class: File`` or ``Directory``). An assignment is one text,
``name=value``, and is read by what the process says about that input. Files of this machine become :class:`LocalFile`
values; nothing is sent from here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from weaverlite.client.coercion import InputType, coerce, is_url, split_values
from weaverlite.client.documents import parse_document, read_bytes, read_document
from weaverlite.client.errors import InvalidUsage

#: What an OGC execute body may hold beside ``inputs``; another key means a bare mapping with an input named "inputs".
BODY_MEMBERS = frozenset(
    {"inputs", "outputs", "mode", "response", "options", "process", "subscriber", "subscribers", "title", "$schema"}
)
_QUALIFIERS = ("mediaType", "encoding", "schema", "profile", "crs")

Describe = Callable[[], Mapping[str, InputType]]


@dataclass(frozen=True)
class LocalFile:
    """A file or directory of this machine that a value names."""

    path: Path
    name: str
    media_type: str | None = None

    @property
    def is_directory(self) -> bool:
        return self.path.is_dir()


@dataclass
class Request:
    """Inputs as OGC writes them, and the other members of the body (``outputs``, ``options``…) that came with them."""

    inputs: dict[str, Any] = field(default_factory=dict)
    members: dict[str, Any] = field(default_factory=dict)


def read_inputs(source: Any, describe: Describe) -> Request:
    """Return the inputs of a Python value, of a document's path, or of several texts as ``-I`` takes them.

    :param describe: gives the inputs of the process; called only when an assignment must be understood.
    :raises InvalidUsage: they cannot be read, or name files that are not there.
    """
    if source is None:
        return Request()
    if isinstance(source, str | os.PathLike):
        source = [os.fspath(source)]
    if isinstance(source, Sequence) and source and all(isinstance(item, str) for item in source):
        return _read_texts(source, describe)
    return _read_form(source, Path.cwd(), "the inputs")


def local_files(value: Any) -> Iterator[LocalFile]:
    """Yield the local files in ``value``, at any depth."""
    if isinstance(value, LocalFile):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from local_files(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from local_files(item)


def replace_files(value: Any, put: Callable[[LocalFile], Any]) -> Any:
    """Return ``value`` with what ``put`` gives in place of each local file."""
    if isinstance(value, LocalFile):
        return put(value)
    if isinstance(value, Mapping):
        return {key: replace_files(item, put) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [replace_files(item, put) for item in value]
    return value


# ---------------------------------------------------------------- documents


def _read_form(document: Any, base: Path, name: str) -> Request:
    """Return the inputs of a document in any of the forms; ``base`` is where its relative paths begin."""
    members: dict[str, Any] = {}
    if isinstance(document, Mapping) and isinstance(document.get("inputs"), Mapping | list):
        if BODY_MEMBERS.issuperset(document):
            members = {key: item for key, item in document.items() if key not in ("inputs", "$schema")}
            document = document["inputs"]
    if isinstance(document, list):
        document = _from_list(document, name)
    if document is None:
        document = {}
    if not isinstance(document, Mapping):
        raise InvalidUsage(f"{name} must be a mapping of inputs or a list of them, not {type(document).__name__}.")
    if "cwl:requirements" in document:
        raise InvalidUsage(f"{name}: cwl:requirements are not passed on: put them into the package.")
    return Request(
        {str(key): _convert(item, base, f"{name}: {key}") for key, item in document.items() if key != "cwl:tool"},
        members,
    )


def _from_list(items: list[Any], name: str) -> dict[str, Any]:
    """Return Weaver's list as a mapping; an id that stands more than once is an array."""
    inputs: dict[str, list[Any]] = {}
    for index, item in enumerate(items):
        if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
            raise InvalidUsage(f"{name}: item {index} of the list must be a mapping with an 'id'.")
        inputs.setdefault(item["id"], []).append(_item_value(item, f"{name}: {item['id']}"))
    return {key: values[0] if len(values) == 1 else values for key, values in inputs.items()}


def _item_value(item: Mapping[str, Any], name: str) -> Any:
    described = item.get("format")
    form: Mapping[str, Any] = described if isinstance(described, Mapping) else {}
    media_type = item.get("mediaType") or item.get("mimeType") or form.get("mediaType") or form.get("mimeType")
    if "process" in item or "collection" in item:
        return {key: part for key, part in item.items() if key != "id"}
    if "href" in item:
        value = {"href": item["href"], "type": item.get("type") or media_type, "title": item.get("title")}
        return {key: part for key, part in value.items() if part is not None}
    for key in ("value", "data"):
        if key in item:
            qualifiers = {word: item.get(word, form.get(word)) for word in _QUALIFIERS} | {"mediaType": media_type}
            given = {word: part for word, part in qualifiers.items() if part is not None}
            return {"value": item[key], **given} if given else item[key]
    if "class" in item:
        return {key: part for key, part in item.items() if key != "id"}
    raise InvalidUsage(f"{name}: the item needs a 'value' or an 'href'.")


def _convert(value: Any, base: Path, name: str) -> Any:
    """Return ``value`` with CWL's files, relative references and Python paths turned into local files."""
    if isinstance(value, LocalFile):
        return value
    if isinstance(value, os.PathLike):
        return _local(Path(value), name)
    if isinstance(value, Mapping):
        if value.get("class") in ("File", "Directory"):
            return _from_cwl(value, base, name)
        href = value.get("href")
        if isinstance(href, str) and not urlsplit(href).scheme and "value" not in value:
            # Without a scheme it can only be meant for this machine: the service has no directory of ours.
            return _local(base / unquote(href), name, _text(value.get("title")), _text(value.get("type")))
        return {str(key): _convert(item, base, name) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_convert(item, base, name) for item in value]
    return value


def _from_cwl(value: Mapping[str, Any], base: Path, name: str) -> Any:
    for member in ("secondaryFiles", "listing"):
        if value.get(member):
            raise InvalidUsage(f"{name}: '{member}' of a job order is not passed on: give the files as a Directory.")
    title = _text(value.get("basename"))
    location = value.get("path") or value.get("location")
    if location is None:
        contents = value.get("contents")
        if not isinstance(contents, str) or value["class"] != "File":
            raise InvalidUsage(f"{name}: a {value['class']} needs a 'path' or a 'location'.")
        return {"value": contents, "mediaType": "text/plain"}
    if not isinstance(location, str):
        raise InvalidUsage(f"{name}: the path of a {value['class']} must be a text.")
    parts = urlsplit(location)
    if "path" not in value and parts.scheme == "file":
        path = Path(unquote(parts.path))
    elif "path" not in value and is_url(location):
        reference = {"href": location, "title": title}
        if value["class"] == "Directory":
            reference["type"] = "inode/directory"
        return {key: part for key, part in reference.items() if part is not None}
    else:
        path = base / (location if "path" in value else unquote(location))
    found = _local(path, name, title)
    if found.is_directory != (value["class"] == "Directory"):
        word = "directory" if found.is_directory else "file"
        raise InvalidUsage(f"{name}: {path} is a {word}, not a {value['class']}.")
    return found


def _local(path: Path, name: str, title: str | None = None, media_type: str | None = None) -> LocalFile:
    path = path.expanduser()
    if not path.exists():
        raise InvalidUsage(f"{name}: there is no file or directory {path}.")
    if not (path.is_file() or path.is_dir()):
        raise InvalidUsage(f"{name}: {path} is neither a file nor a directory.")
    if not os.access(path, os.R_OK):
        raise InvalidUsage(f"{name}: {path} may not be read.")
    return LocalFile(path, title or path.resolve().name, media_type)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


# ---------------------------------------------------------------- texts of a command line


def _read_texts(texts: Sequence[str], describe: Describe) -> Request:
    """Return documents and assignments merged: what comes later wins, repeated assignments to an array are joined."""
    merged = Request()
    assigned: dict[str, list[str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if equals and name and not any(sign in name for sign in "/\\{["):
            assigned.setdefault(name, []).append(value)
            continue
        base = Path.cwd() if text == "-" else Path(text).expanduser().parent
        found = _read_form(read_document(Path(text).expanduser()), base, "standard input" if text == "-" else text)
        merged.inputs.update(found.inputs)
        merged.members.update(found.members)
    types = describe() if assigned else {}
    for name, values in assigned.items():
        merged.inputs[name] = _assign(name, values, types.get(name, InputType()))
    return merged


def _assign(name: str, values: list[str], kind: InputType) -> Any:
    if not kind.many:
        return _assign_one(name, values[-1], kind)
    items: list[Any] = []
    for value in values:
        whole = coerce(value, {"type": "array"}) if value.startswith("[") else value
        if isinstance(whole, list):
            items.extend(whole)
        else:
            items.extend(_assign_one(name, part, kind) for part in split_values(value))
    return items


def _assign_one(name: str, text: str, kind: InputType) -> Any:
    if text.startswith("@") and len(text) > 1:
        return _assign_file(name, text[1:], kind)
    if kind.is_file:
        if not is_url(text):
            word = "directory" if kind.is_directory else "file"
            raise InvalidUsage(
                f"The input '{name}' takes a {word}, and '{name}={text}' gives it a text. "
                f"Write -I {name}=@{text} to pass the {word} of this path, or give a URL."
            )
        return {"href": text, "type": "inode/directory"} if kind.is_directory else {"href": text}
    value = coerce(text, kind.schema)
    if value == text and kind.schema and not kind.takes_text and is_url(text):
        # No text is valid here, so a URL can only mean the value that lies there.
        return {"href": text}
    return value


def _assign_file(name: str, text: str, kind: InputType) -> Any:
    path = Path(text).expanduser()
    where = f"-I {name}=@{text}"
    if kind.is_file or not kind.schema:
        found = _local(path, where)
        if kind.is_file and found.is_directory != kind.is_directory:
            wanted, given = ("directory", "file") if kind.is_directory else ("file", "directory")
            raise InvalidUsage(f"The input '{name}' takes a {wanted}, and {text} is a {given}.")
        return found
    if not path.is_file():
        raise InvalidUsage(f"{where}: there is no file {text}. A value that begins with @ can be given in a document.")
    content = read_bytes(path)
    if kind.takes_text:
        try:
            return coerce(content.decode(), kind.schema)
        except UnicodeDecodeError as exc:
            raise InvalidUsage(f"{where}: the input takes a text, and {text} is not UTF-8.") from exc
    return parse_document(content, text)


__all__ = ["LocalFile", "Request", "local_files", "read_inputs", "replace_files"]
