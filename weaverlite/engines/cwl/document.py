"""Reading a CWL document as plain JSON: its list and map forms, its processes, and the names of requirement classes.

Nothing is evaluated, fetched or imported here; every item comes with the JSON pointer it stands at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from weaverlite.ogc.pointers import pointer_to

#: What extensions of the reference runner and of this service are called, whatever prefix a document gives them.
_PREFIXES = {
    "http://commonwl.org/cwltool#": "cwltool:",
    "https://w3id.org/cwl/cwl#": "",
    "https://weaverlite.org/cwl#": "weaverlite:",
    "cwl:": "",
}


def short(identifier: str) -> str:
    """Return the last part of an id: ``x`` of ``#main/step/x``."""
    return identifier.rpartition("#")[2].rpartition("/")[2]


def stream_name(stream: str) -> str:
    """Return the name of the file of a captured ``stdout`` or ``stderr`` that the document gives none."""
    return f"{stream}.txt"


def is_expression(value: object) -> bool:
    """Return whether a text is evaluated when the process runs."""
    return isinstance(value, str) and ("$(" in value or "${" in value)


@dataclass(frozen=True, slots=True)
class Item:
    """One member of a section that may be a list or a map: where it stands, its id or class, its content."""

    pointer: str
    name: str
    content: Mapping[str, Any]


def entries(section: object, pointer: str) -> Iterator[Item]:
    """Yield the members of ``inputs``, ``outputs`` or ``steps``.

    A member of the map form that is no object is its type. Members that are of no form at all are left out: the
    validation by schema tells of them.
    """
    if isinstance(section, Mapping):
        for name, content in section.items():
            content = content if isinstance(content, Mapping) else {"type": content}
            yield Item(pointer_to(pointer, name), short(str(name)), content)
    elif isinstance(section, list):
        for index, content in enumerate(section):
            if isinstance(content, Mapping) and isinstance(content.get("id"), str):
                yield Item(f"{pointer}/{index}", short(content["id"]), content)


def requirements(section: object, pointer: str) -> Iterator[Item]:
    """Yield the members of ``requirements`` or ``hints``; the name is the class as it is written."""
    if isinstance(section, Mapping):
        for name, content in section.items():
            yield Item(pointer_to(pointer, name), str(name), content if isinstance(content, Mapping) else {})
    elif isinstance(section, list):
        for index, content in enumerate(section):
            if isinstance(content, Mapping) and isinstance(content.get("class"), str):
                yield Item(f"{pointer}/{index}", content["class"], content)


class ClassNames:
    """The names of requirement classes, with the document's own prefixes undone."""

    def __init__(self, namespaces: object) -> None:
        self._namespaces = {
            f"{prefix}:": uri
            for prefix, uri in (namespaces.items() if isinstance(namespaces, Mapping) else ())
            if isinstance(uri, str)
        }

    def expanded(self, name: str) -> str:
        """Return a name with the prefix that the document gives a namespace written out."""
        for prefix, uri in self._namespaces.items():
            if name.startswith(prefix):
                return uri + name[len(prefix) :]
        return name

    def plain(self, name: str) -> str:
        """Return ``DockerRequirement``, ``cwltool:TimeLimit`` or ``weaverlite:Options`` of any spelling of these."""
        name = self.expanded(name)
        for uri, prefix in _PREFIXES.items():
            if name.startswith(uri):
                return prefix + name[len(uri) :]
        return name


@dataclass(frozen=True, slots=True)
class Graph:
    """The processes of a document: the one that runs, and those that others name in ``run``."""

    main: Item
    others: Mapping[str, Item]

    def target(self, run: object, pointer: str) -> Item | None:
        """Return the process that a step's ``run`` means, or None when it is not in this document."""
        if isinstance(run, Mapping):
            return Item(pointer, short(str(run.get("id", ""))), run)
        if isinstance(run, str) and run.startswith("#"):
            return self.others.get(run[1:])
        return None


def graph_of(document: Mapping[str, Any]) -> Graph | None:
    """Return the processes of a document, or None if it does not say which of them runs."""
    if "$graph" not in document:
        main = Item("", short(str(document.get("id", ""))), document)
        return Graph(main, {main.name: main} if main.name else {})
    listed = document["$graph"]
    if not isinstance(listed, list):
        return None
    others = {}
    for index, process in enumerate(listed):
        if isinstance(process, Mapping) and isinstance(process.get("id"), str):
            name = process["id"].rpartition("#")[2]
            others[name] = Item(f"/$graph/{index}", name, process)
    if "main" in others:
        return Graph(others["main"], others)
    return Graph(next(iter(others.values())), others) if len(others) == len(listed) == 1 else None
