"""CWL documents with several processes (``$graph``): which one is deployed, and what belongs to it.

Engines run the process named ``#main`` of such a document, so another choice is renamed, and what it does not use is
left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from weaverlite.errors import Fault, InvalidPackage, WorkflowNotFound
from weaverlite.schemas.messages import nearest

_MAIN = "main"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The document that runs the chosen process, and the process's own name: None when it has none.

    ``places`` says where each member of its ``$graph`` stood in the body.
    """

    document: Mapping[str, Any]
    name: str | None
    places: tuple[str, ...] = ()


def choose(
    document: Mapping[str, Any], workflow: str | None, pointer: str, places: Sequence[str] | None = None
) -> Chosen:
    """Return the process that is meant: ``workflow``, else ``#main``, else the first workflow, else the first.

    ``pointer`` is where the document stands in the body, ``places`` where each member of its ``$graph`` does.

    :raises WorkflowNotFound: the document has no process ``workflow``.
    :raises InvalidPackage: its ``$graph`` is not a list of processes with ids.
    """
    graph = document.get("$graph")
    if graph is None:
        name = name_of(document.get("id"))
        if workflow is not None and workflow != name:
            _not_found(workflow, [name] if name else [])
        return Chosen(document, name)
    processes = _processes(graph, pointer + "/$graph")
    if workflow is not None and workflow not in processes:
        _not_found(workflow, list(processes))
    chosen = workflow or _first(processes)
    where = list(places or (f"{pointer}/$graph/{index}" for index in range(len(processes))))
    if chosen == _MAIN and workflow is None:
        return Chosen(document, None, tuple(where))
    used = _used(chosen, processes)
    names = {chosen: _MAIN, **({_MAIN: f"{_MAIN}-of-graph"} if _MAIN in used and chosen != _MAIN else {})}
    kept = [
        {**_renamed(item, names), "id": names.get(name, name)} for name, item in processes.items() if name in used
    ]
    return Chosen(
        {**document, "$graph": kept},
        None if chosen == _MAIN else chosen,
        tuple(place for name, place in zip(processes, where, strict=True) if name in used),
    )


def name_of(process_id: Any) -> str | None:
    """Return the bare name in the ``id`` of a CWL process, which may be a fragment or a URL."""
    if not isinstance(process_id, str):
        return None
    base, _, fragment = process_id.partition("#")
    name = fragment or base.rstrip("/").rpartition("/")[2].removesuffix(".cwl")
    return name or None


def _processes(graph: Any, pointer: str) -> dict[str, Mapping[str, Any]]:
    if not isinstance(graph, list) or not graph:
        raise InvalidPackage(faults=[Fault("must be a list of processes, each with an id", pointer)])
    found = {}
    for index, item in enumerate(graph):
        name = name_of(item.get("id")) if isinstance(item, Mapping) else None
        if name is None:
            raise InvalidPackage(faults=[Fault("needs an id: it is one of several processes", f"{pointer}/{index}/id")])
        if name in found:
            raise InvalidPackage(faults=[Fault(f"has the id {name!r} of another process", f"{pointer}/{index}/id")])
        found[name] = item
    return found


def _not_found(workflow: str, known: list[str]) -> NoReturn:
    why = f"the package has no process {workflow!r}{nearest(workflow, known)}"
    raise WorkflowNotFound(faults=[Fault(why, "w", "query")])


def _first(processes: Mapping[str, Mapping[str, Any]]) -> str:
    if _MAIN in processes:
        return _MAIN
    workflows = (name for name, item in processes.items() if item.get("class") == "Workflow")
    return next(workflows, next(iter(processes)))


def _used(name: str, processes: Mapping[str, Any]) -> set[str]:
    """Return the names of the process and of all that it runs, directly or not."""
    used, todo = set(), [name]
    while todo:
        one = todo.pop()
        if one not in used:
            used.add(one)
            todo.extend(run for run in _runs(processes[one]) if run in processes)
    return used


def _runs(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "run" and isinstance(item, str):
                yield item.rpartition("#")[2]
            else:
                yield from _runs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _runs(item)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return the value with references to processes (``#name``, ``#name/step/port``) renamed."""
    if isinstance(value, Mapping):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if isinstance(value, str) and value.startswith("#"):
        name, slash, rest = value[1:].partition("/")
        return f"#{names[name]}{slash}{rest}" if name in names else value
    return value
