"""Several CWL documents that name each other, packed into one (``$graph``).

A document is named in ``run`` by its file name, its Content-ID (``cid:``) or the URL it came from, a process in it by
the fragment. What names nothing of the bundle stays as it is: whether it can be run is for others to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weaverlite.errors import Fault, InvalidPackage
from weaverlite.services.graphs import name_of
from weaverlite.services.units import Unit

_MAIN = "main"
#: Members whose text may refer to another part of a document.
_REFERRING = frozenset({"id", "items", "name", "outputSource", "run", "scatter", "source", "type"})


@dataclass(frozen=True, slots=True)
class Packed:
    """One document, where each of its processes came from, and which of them may be meant to run.

    That is one in ``roots``, unless several are equally good. ``nameless`` are names made here, as nobody gave one.
    """

    document: Mapping[str, Any]
    places: tuple[str, ...]
    roots: tuple[str, ...]
    nameless: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Member:
    """A process of a document, with its name there and its name in the graph."""

    content: Mapping[str, Any]
    pointer: str
    local: str | None
    name: str


class _Document:
    """A document of the bundle: its processes, by the names they have in it."""

    def __init__(self, unit: Unit, taken: dict[str, int], number: int, faults: list[Fault]) -> None:
        self.unit = unit
        self.stem = next((stem for name in unit.names if (stem := name_of(name))), None)
        self.is_graph = "$graph" in unit.document
        self.members: list[_Member] = []
        self.named: dict[str, _Member] = {}
        for content, pointer in self._listed(faults):
            local = name_of(content.get("id"))
            if local is None and self.is_graph:
                faults.append(Fault("needs an id: it is one of several processes", f"{pointer}/id"))
                continue
            wanted = (self.stem if local == _MAIN else local) or self.stem or local or f"process-{number + 1}"
            if local in self.named:
                faults.append(Fault(f"has the id {local!r} of another process", f"{pointer}/id"))
                continue
            member = _Member(content, pointer, local, _free(wanted, taken))
            self.members.append(member)
            if local is not None:
                self.named[local] = member

    def _listed(self, faults: list[Fault]) -> Iterable[tuple[Mapping[str, Any], str]]:
        document, pointer = self.unit.document, self.unit.pointer
        if not self.is_graph:
            yield document, pointer
            return
        graph = document["$graph"]
        if not isinstance(graph, list) or not graph:
            faults.append(Fault("must be a list of processes, each with an id", f"{pointer}/$graph"))
            return
        for index, item in enumerate(graph):
            if isinstance(item, Mapping):
                yield item, f"{pointer}/$graph/{index}"
            else:
                faults.append(Fault("must be a process, an object with an id", f"{pointer}/$graph/{index}"))

    def main(self) -> _Member | None:
        """Return the process that is meant where the document is named without a fragment."""
        if _MAIN in self.named:
            return self.named[_MAIN]
        workflows = (member for member in self.members if member.content.get("class") == "Workflow")
        return next(workflows, next(iter(self.members), None))


def pack(units: Sequence[Unit], start: Unit | None = None) -> Packed:
    """Return the units as one document; ``start`` is the one that runs, if the request says so.

    :raises InvalidPackage: they cannot be one document; all faults at once.
    """
    faults: list[Fault] = []
    taken: dict[str, int] = {}
    documents = [_Document(unit, taken, number, faults) for number, unit in enumerate(units)]
    head = {"cwlVersion": _version(units, faults), **_namespaces(units, faults)}
    by_name = _by_name(documents, faults)
    if faults:
        raise InvalidPackage(faults=faults)
    members = [(document, member) for document in documents for member in document.members]
    run: set[str] = set()
    graph = [_Rewriting(document, member, by_name, run).process() for document, member in members]
    return Packed(
        document={**head, "$graph": graph},
        places=tuple(member.pointer for _, member in members),
        roots=_roots([document for document in documents if document.unit is start] or documents, run),
        nameless=frozenset(member.name for document, member in members if not (member.local or document.stem)),
    )


def _free(wanted: str, taken: dict[str, int]) -> str:
    """Return the name, with a number if it is taken; ``taken`` has the last number of each."""
    name = wanted
    while name in taken:
        taken[wanted] += 1
        name = f"{wanted}-{taken[wanted]}"
    taken[name] = 1
    return name


def _version(units: Sequence[Unit], faults: list[Fault]) -> Any:
    first = units[0].document.get("cwlVersion")
    for unit in units:
        said = unit.document.get("cwlVersion")
        if said is None:
            faults.append(Fault("is missing", f"{unit.pointer}/cwlVersion"))
        elif said != first and first is not None:
            why = f"is {str(said)[:20]!r}, but {str(first)[:20]!r} in the first one: a deployment has one version"
            faults.append(Fault(why, f"{unit.pointer}/cwlVersion"))
    return first


def _namespaces(units: Sequence[Unit], faults: list[Fault]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for unit in units:
        said = unit.document.get("$namespaces")
        for prefix, uri in said.items() if isinstance(said, Mapping) else ():
            if found.setdefault(prefix, uri) != uri:
                faults.append(Fault("is another URI in another document", f"{unit.pointer}/$namespaces/{prefix}"))
    return {"$namespaces": found} if found else {}


def _by_name(documents: Sequence[_Document], faults: list[Fault]) -> dict[str, _Document]:
    found: dict[str, _Document] = {}
    for document in documents:
        for name in document.unit.names:
            if found.setdefault(_bare(name), document) is not document:
                faults.append(Fault(f"has the name {name[:100]!r} of another document", document.unit.pointer))
    for document in documents:
        # Without its directory a name will do as well, unless it is one of another document.
        for name in document.unit.names:
            found.setdefault(_bare(name).rpartition("/")[2], document)
    return found


def _bare(name: str) -> str:
    return name.removeprefix("cid:").removeprefix("./")


def _roots(documents: Sequence[_Document], run: set[str]) -> tuple[str, ...]:
    """Return the processes that nobody runs; the workflows alone, if there are some."""
    mains = [main for document in documents if (main := document.main())]
    tops = [member for member in mains if member.name not in run] or mains[:1]
    flows = [member for member in tops if member.content.get("class") == "Workflow"]
    return tuple(member.name for member in flows or tops)


class _Rewriting:
    """Writes a process with its references as they are in the graph; the names it runs go into ``run``."""

    def __init__(
        self, document: _Document, member: _Member, by_name: Mapping[str, _Document], run: set[str]
    ) -> None:
        self._document, self._member, self._by_name, self._run = document, member, by_name, run

    def process(self) -> dict[str, Any]:
        content = {
            name: self._value(name, item)
            for name, item in self._member.content.items()
            if name not in ("id", "cwlVersion", "$namespaces", "$graph")
        }
        return {"id": self._member.name, **content}

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            # In the short form of a step's inputs each member is a source.
            return {name: self._value("source" if key == "in" else name, item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._value(key, item) for item in value]
        if not isinstance(value, str):
            return value
        if key == "run":
            return self._target(value)
        return self._reference(value) if key in _REFERRING and value.startswith("#") else value

    def _target(self, text: str) -> str:
        base, _, fragment = text.partition("#")
        document = self._by_name.get(_bare(base)) if base else self._document
        if document is None:
            return text
        member = document.named.get(fragment) if fragment else document.main()
        if member is None:
            return text
        self._run.add(member.name)
        return f"#{member.name}"

    def _reference(self, text: str) -> str:
        first, slash, rest = text[1:].partition("/")
        member = self._document.named.get(first)
        if member is not None:
            return f"#{member.name}{slash}{rest}"
        # In a document of one process a fragment may leave out its name.
        return text if self._document.is_graph else f"#{self._member.name}/{text[1:]}"
