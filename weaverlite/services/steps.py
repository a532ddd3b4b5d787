"""Steps of CWL workflows that name deployed processes: each is looked up, and its package becomes part of the workflow.

::

    steps:
      first: {run: sort, …}                               the latest revision, when the workflow is deployed
      second: {run: "sort:1.0.0", …}                      this version
      third: {run: "https://here/processes/sort", …}      the same, as clients find it

What a step runs is settled when the workflow is deployed: a later revision of the process changes nothing for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from weaverlite.errors import Fault, InvalidPackage, InvalidRequest, NoSuchProcess
from weaverlite.models.package import CWL_MEDIA_TYPE, Package
from weaverlite.models.process import Process
from weaverlite.ogc.pointers import pointer_to

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*(?::[A-Za-z0-9_.+\-]+)?\Z")
_SUBWORKFLOWS = "SubworkflowFeatureRequirement"
#: Members of a document that belong to the whole and not to one of its processes.
_OF_DOCUMENTS = ("cwlVersion", "id", "$namespaces", "$schemas", "$base")
#: Members whose text may be a reference to a part of the document.
_REFERRING = frozenset({"id", "source", "outputSource", "run", "scatter", "type", "items"})


@dataclass(frozen=True, slots=True)
class Bound:
    """A package whose steps are all in it, and which revisions they are: ``(step, process:version)``."""

    package: Package
    steps: tuple[tuple[str, str], ...] = ()


def bind_steps(package: Package, find: Callable[[str], Process], urls: tuple[str, ...] = ()) -> Bound:
    """Return the package with the packages of deployed processes in place of their names.

    ``find`` returns the process of a name, ``urls`` are those under which this service is found.

    :raises InvalidPackage: a step names a process that is not there, or one that cannot be part of a workflow.
    """
    document = package.document
    if package.media_type != CWL_MEDIA_TYPE or not isinstance(document, Mapping):
        return Bound(package)
    if not any(True for _ in _named(document)):
        return Bound(package)
    binding = _Binding(document, find, urls)
    bound = binding.whole()
    if binding.faults:
        raise InvalidPackage(faults=binding.faults)
    if not binding.steps:
        return Bound(package)
    return Bound(Package.of(package.media_type, bound), tuple(binding.steps))


def _named(value: Any) -> Iterator[str]:
    """Yield what steps run that is not written in the document, at any depth."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name == "run" and isinstance(item, str) and not item.startswith("#"):
                yield item
            else:
                yield from _named(item)
    elif isinstance(value, list):
        for item in value:
            yield from _named(item)


@dataclass(slots=True)
class _Binding:
    """Binds the steps of one document, and remembers what is wrong."""

    document: Mapping[str, Any]
    find: Callable[[str], Process]
    urls: tuple[str, ...]
    faults: list[Fault] = field(default_factory=list)
    steps: list[tuple[str, str]] = field(default_factory=list)
    namespaces: dict[str, Any] = field(default_factory=dict)

    def whole(self) -> Mapping[str, Any]:
        self.namespaces.update(self.document.get("$namespaces") or {})
        graph = self.document.get("$graph")
        if isinstance(graph, list):
            parts = [self._process(item, pointer_to("/$graph", index)) for index, item in enumerate(graph)]
            bound: dict[str, Any] = {**self.document, "$graph": parts}
        else:
            bound = dict(self._process(self.document, ""))
        return {**bound, "$namespaces": self.namespaces} if self.namespaces else bound

    def _process(self, process: Any, pointer: str) -> Any:
        """Return a process with the steps it has bound; whatever is no workflow stays as it is."""
        if not isinstance(process, Mapping) or process.get("class") != "Workflow":
            return process
        steps = process.get("steps")
        where = pointer_to(pointer, "steps")
        if isinstance(steps, Mapping):
            named = {name: self._step(step, str(name), pointer_to(where, name)) for name, step in steps.items()}
            return self._with_feature({**process, "steps": named}, list(named.values()))
        if isinstance(steps, list):
            listed = [
                self._step(step, str(step.get("id", index)) if isinstance(step, Mapping) else "", f"{where}/{index}")
                for index, step in enumerate(steps)
            ]
            return self._with_feature({**process, "steps": listed}, listed)
        return process

    def _step(self, step: Any, name: str, pointer: str) -> Any:
        if not isinstance(step, Mapping):
            return step
        run, where = step.get("run"), pointer_to(pointer, "run")
        if isinstance(run, Mapping):
            return {**step, "run": self._process(run, where)}
        process_name = self._name_of(run) if isinstance(run, str) else ""
        if not process_name:
            return step
        try:
            process = self.find(process_name)
        except (NoSuchProcess, InvalidRequest):
            why = "it must be a process written here, '#id' of one in this document, or a process that is deployed here"
            self.faults.append(Fault(f"{why}: {str(run)[:80]!r} is neither", where))
            return step
        if why := self._unfit(process):
            self.faults.append(Fault(f"it runs the process {process_name!r}, which {why}", where))
            return step
        self.steps.append((name.rpartition("#")[2], f"{process.process_id}:{process.version}"))
        document = process.package.document
        self.namespaces.update(document.get("$namespaces") or {})
        return {**step, "run": {key: item for key, item in document.items() if key not in _OF_DOCUMENTS}}

    def _name_of(self, run: str) -> str:
        """Return the name of the deployed process that ``run`` means, empty when it means none."""
        if run.startswith("#") or run.endswith((".cwl", ".json", ".yml", ".yaml")):
            return ""
        graph = self.document.get("$graph")
        if isinstance(graph, list) and any(isinstance(item, Mapping) and item.get("id") == run for item in graph):
            return ""
        for root in (*self.urls, ""):
            if run.startswith(f"{root}/processes/"):
                run = unquote(run.removeprefix(f"{root}/processes/").rstrip("/"))
                break
        return run if _NAME.match(run) else ""

    def _unfit(self, process: Process) -> str:
        """Return why a process cannot be part of this workflow, empty when it can."""
        document = process.package.document
        if process.package.media_type != CWL_MEDIA_TYPE or not isinstance(document, Mapping):
            return "is not made of CWL: give its result to the workflow, as a nested process in an input"
        if "$graph" in document:
            return "is made of several processes ('$graph'): deploy the one that is meant by itself"
        mine, its = self.document.get("cwlVersion"), document.get("cwlVersion")
        if mine != its:
            return f"is written in CWL {its}, and this workflow in {mine}: write both in one version"
        known = document.get("$namespaces") or {}
        if clash := next((name for name in known if self.namespaces.get(name, known[name]) != known[name]), None):
            return f"means something else by the prefix {clash!r}: rename one of the two"
        if _refers_to_itself(document):
            return "refers to its own parts by '#': write these references as plain names"
        return ""

    @staticmethod
    def _with_feature(workflow: dict[str, Any], steps: list[Any]) -> dict[str, Any]:
        """Return the workflow with the requirement that a workflow as a step needs."""
        runs = [step.get("run") for step in steps if isinstance(step, Mapping)]
        if not any(isinstance(run, Mapping) and run.get("class") == "Workflow" for run in runs):
            return workflow
        had = workflow.get("requirements") or []
        if isinstance(had, Mapping):
            return {**workflow, "requirements": {**had, _SUBWORKFLOWS: had.get(_SUBWORKFLOWS, {})}}
        if any(isinstance(item, Mapping) and item.get("class") == _SUBWORKFLOWS for item in had):
            return workflow
        return {**workflow, "requirements": [*had, {"class": _SUBWORKFLOWS}]}


def _refers_to_itself(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_refers_to_itself(item) for name, item in value.items() if name in _REFERRING or not _is_text(item))
    if isinstance(value, list):
        return any(_refers_to_itself(item) for item in value)
    return _is_text(value) and value.startswith("#")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
