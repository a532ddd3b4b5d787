"""What a CWL package may contain, decided on its JSON before the reference runner sees it.

A package is one document: whatever it names lies inside it. References to files and other documents, images that are
built or loaded, and requirements nobody here knows are refused, each with the place it stands at. Resources must be
numbers that make sense. Nothing is evaluated, fetched or imported.
"""

from __future__ import annotations

import copy
import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weaverlite.engines.cwl.document import (
    ClassNames,
    Graph,
    Item,
    entries,
    graph_of,
    is_expression,
    requirements,
    short,
    stream_name,
)
from weaverlite.engines.docker import is_image_name
from weaverlite.errors import Fault, InvalidPackage
from weaverlite.ogc.pointers import pointer_to

VERSIONS = ("v1.0", "v1.1", "v1.2")

#: What may be required.
REQUIREMENTS = frozenset(
    {
        "DockerRequirement",
        "EnvVarRequirement",
        "InitialWorkDirRequirement",
        "InlineJavascriptRequirement",
        "InplaceUpdateRequirement",
        "LoadListingRequirement",
        "MultipleInputFeatureRequirement",
        "NetworkAccess",
        "ResourceRequirement",
        "ScatterFeatureRequirement",
        "SchemaDefRequirement",
        "ShellCommandRequirement",
        "StepInputExpressionRequirement",
        "SubworkflowFeatureRequirement",
        "ToolTimeLimit",
        "WorkReuse",
    }
)
#: Extensions of the reference runner that are obeyed. Its schema takes them as hints only, so they are moved there.
EXTENSIONS = frozenset(
    {
        "cwltool:CUDARequirement",
        "cwltool:InplaceUpdateRequirement",
        "cwltool:LoadListingRequirement",
        "cwltool:NetworkAccess",
        "cwltool:ShmSize",
        "cwltool:TimeLimit",
        "cwltool:WorkReuse",
    }
)
OPTIONS = "weaverlite:Options"
SCHEMA = "weaverlite:schema"
_CWLTOOL = "http://commonwl.org/cwltool#"

_RESOURCES = {"cores": 1024.0, "ram": 2.0**24, "tmpdir": 2.0**30, "outdir": 2.0**30}
_OUTPUT_DIRECTORY = re.compile(r"(?:/[A-Za-z0-9._-]+)+/?\Z")
#: Steps after all references are followed: two workflows that run each other's successor twice make 2**n of them.
_STEPS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A document that may be run.

    ``document`` is a copy for the reference runner, without what is ours; ``original`` is what was deployed. ``tools``
    are the command lines it runs. ``network`` says whether one of them asks for it in words.
    """

    document: dict[str, Any]
    original: Graph
    names: ClassNames
    version: str
    options: Item | None
    tools: tuple[Item, ...]
    #: Whether a command line runs with no container in effect.
    host_commands: bool
    network: bool


def admit(document: Any) -> Admitted:
    """Return the document as admitted.

    :raises InvalidPackage: it may not be run; one fault for each reason found.
    """
    if not isinstance(document, dict):
        raise InvalidPackage(faults=[Fault("a CWL document is an object", "")])
    try:
        return _Admission(document).result()
    except RecursionError as error:
        raise InvalidPackage("The document is nested too deeply.") from error


class _Admission:
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._faults: list[Fault] = []
        self._names = ClassNames(document.get("$namespaces"))
        self._options: Item | None = None
        self._tools: dict[str, Item] = {}
        self._host_commands = False
        self._network = False
        #: Steps below each process that was walked, and the processes being walked: a second visit is a circle.
        self._sizes: dict[tuple[str, bool], int] = {}
        self._walking: list[str] = []

    def result(self) -> Admitted:
        self._root()
        self._directives(self._document, "")
        graph = graph_of(self._document)
        if graph is None:
            self._fault("/$graph", "it must be a list of processes, each with an id, one of them '#main'")
            raise InvalidPackage(faults=self._faults)
        self._graph = graph
        self._process(graph.main, contained=False)
        if self._faults:
            # A tool that several steps run is looked at for each of them.
            raise InvalidPackage(faults=dict.fromkeys(self._faults))
        return Admitted(
            document=self._cleaned(),
            original=graph,
            names=self._names,
            version=self._document["cwlVersion"],
            options=self._options,
            tools=tuple(self._tools.values()),
            host_commands=self._host_commands,
            network=self._network,
        )

    def _fault(self, pointer: str, message: str) -> None:
        self._faults.append(Fault(message, pointer))

    # ------------------------------------------------------------ the document as a whole

    def _root(self) -> None:
        version = self._document.get("cwlVersion")
        if version not in VERSIONS:
            said = "it is missing" if version is None else f"{str(version)[:40]!r} is not supported"
            self._fault("/cwlVersion", f"{said}: one of {', '.join(VERSIONS)} is")
        if "cwl:tool" in self._document:
            self._fault("/cwl:tool", "a package is a CWL document, not the inputs of one")
        for prefix, uri in _members(self._document.get("$namespaces")):
            if not isinstance(uri, str):
                self._fault(pointer_to("/$namespaces", prefix), "it must be the URI of a namespace")

    def _directives(self, value: Any, pointer: str) -> None:
        """Find what the loader of CWL would replace or fetch, wherever it stands, and every reference to a file."""
        if isinstance(value, list):
            for index, item in enumerate(value):
                self._directives(item, f"{pointer}/{index}")
        elif isinstance(value, dict):
            for key, item in value.items():
                where = pointer_to(pointer, key)
                if key in ("$import", "$include", "$mixin"):
                    self._fault(where, f"{key} is not allowed: a package is one document, put the content here")
                elif key in ("$schemas", "$base"):
                    self._fault(where, f"{key} is not allowed: nothing outside the document is read")
                elif key in ("$graph", "$namespaces") and pointer:
                    self._fault(where, f"{key} may stand at the top of the document only")
                self._directives(item, where)
            if value.get("class") in ("File", "Directory"):
                self._file(value, pointer)

    def _file(self, value: Mapping[str, Any], pointer: str) -> None:
        for member in ("location", "path"):
            place = value.get(member)
            if place is not None and not is_expression(place):
                self._fault(
                    f"{pointer}/{member}",
                    "a package cannot name files of the node or of the network: make it an input, or give 'contents'",
                )
        name = value.get("basename")
        if isinstance(name, str) and ("/" in name or "\0" in name or name in ("", ".", "..")):
            self._fault(f"{pointer}/basename", "it must be the name of a file, without directories")

    # ------------------------------------------------------------ processes

    def _process(self, process: Item, *, contained: bool) -> int:
        """Check a process and what it runs; return how many steps that is. ``contained``: by what is around it."""
        kind = process.content.get("class")
        if kind == "CommandLineTool":
            self._tools[process.pointer] = process
        elif kind not in ("ExpressionTool", "Workflow"):
            known = "CommandLineTool, ExpressionTool or Workflow"
            said = f"{str(kind)[:60]!r} cannot be run" if kind else "it is missing"
            self._fault(f"{process.pointer}/class", f"{said}: it must be {known}")
            return 1
        inside = self._requirements(process) or contained
        if kind == "CommandLineTool" and not inside:
            self._host_commands = True
        for section in ("inputs", "outputs", *(("steps",) if kind == "Workflow" else ())):
            self._section(process.content.get(section), f"{process.pointer}/{section}")
        if kind != "Workflow":
            return 1
        key = (process.pointer, inside)
        if key not in self._sizes:
            self._walking.append(process.pointer)
            self._sizes[key] = self._workflow(process, contained=inside)
            self._walking.pop()
        return self._sizes[key]

    def _section(self, section: Any, pointer: str) -> None:
        if section is None:
            self._fault(pointer, "it is missing: write [] if there are none")
        for index, item in enumerate(section if isinstance(section, list) else ()):
            if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
                self._fault(f"{pointer}/{index}", "it must be an object with an id")

    def _workflow(self, workflow: Item, *, contained: bool) -> int:
        size = 1
        for step in entries(workflow.content.get("steps"), f"{workflow.pointer}/steps"):
            inside = self._requirements(step) or contained
            run, where = step.content.get("run"), f"{step.pointer}/run"
            target = self._graph.target(run, where)
            if target is None:
                self._fault(
                    where,
                    "it must be a process written here, or '#id' of one in this document: "
                    f"{str(run)[:80]!r} is neither",
                )
            elif target.pointer in self._walking:
                self._fault(where, f"the workflow runs itself: {run}")
            else:
                size += self._process(target, contained=inside)
        if size > _STEPS:
            message = f"there are more than {_STEPS} steps, those of subworkflows counted"
            self._fault(f"{workflow.pointer}/steps", message)
        return min(size, _STEPS + 1)

    # ------------------------------------------------------------ requirements

    def _requirements(self, holder: Item) -> bool:
        """Check requirements and hints of a process or a step; return whether they put it into a container."""
        contained = False
        for section in ("requirements", "hints"):
            pointer = f"{holder.pointer}/{section}"
            listed = holder.content.get(section)
            for index, item in enumerate(listed if isinstance(listed, list) else ()):
                if not isinstance(item, Mapping) or not isinstance(item.get("class"), str):
                    self._fault(f"{pointer}/{index}", "it must be an object with a class")
            for item in requirements(listed, pointer):
                name = self._names.plain(item.name)
                if section == "requirements" and name not in REQUIREMENTS | EXTENSIONS:
                    self._unknown(item, name)
                elif name == OPTIONS:
                    self._take_options(holder, item)
                elif name == "DockerRequirement":
                    contained = True
                    self._image(item)
                elif name == "ResourceRequirement":
                    self._resources(item)
                elif name in ("NetworkAccess", "cwltool:NetworkAccess"):
                    self._network = self._network or item.content.get("networkAccess") is not False
        return contained

    def _unknown(self, item: Item, name: str) -> None:
        where = item.pointer if item.content.get("class") is None else f"{item.pointer}/class"
        if name == OPTIONS:
            self._fault(where, f"{OPTIONS} belongs under hints: other runners may ignore it")
            return
        near = difflib.get_close_matches(name, sorted(REQUIREMENTS | EXTENSIONS), 1)
        hint = f": did you mean {near[0]}?" if near else "; what can be done without may stand under hints"
        self._fault(where, f"the requirement {name[:80]!r} is not supported{hint}")

    def _take_options(self, holder: Item, item: Item) -> None:
        if holder.pointer != self._graph.main.pointer:
            self._fault(item.pointer, f"{OPTIONS} are those of the whole package: they stand in the main process only")
        else:
            self._options = item

    def _image(self, item: Item) -> None:
        for member in ("dockerFile", "dockerLoad", "dockerImport"):
            if member in item.content:
                self._fault(
                    f"{item.pointer}/{member}",
                    f"{member} is not allowed: images are not built or loaded here, name one with dockerPull",
                )
        for member in ("dockerPull", "dockerImageId"):
            if member in item.content and not is_image_name(item.content[member]):
                said = str(item.content[member])[:80]
                self._fault(f"{item.pointer}/{member}", f"{said!r} is not the name of an image, like debian:12-slim")
        if not {"dockerPull", "dockerImageId"} & item.content.keys():
            self._fault(item.pointer, "it names no image: give dockerPull")
        place = item.content.get("dockerOutputDirectory")
        if place is not None and not (
            isinstance(place, str) and _OUTPUT_DIRECTORY.match(place) and ".." not in place.split("/")
        ):
            self._fault(
                f"{item.pointer}/dockerOutputDirectory",
                "it must be an absolute path of letters, digits, '.', '_' and '-'",
            )

    def _resources(self, item: Item) -> None:
        for name, most in _RESOURCES.items():
            found = {}
            for member in (f"{name}Min", f"{name}Max"):
                value = item.content.get(member)
                if value is None or is_expression(value):
                    continue
                if isinstance(value, bool) or not isinstance(value, int | float) or not _sane(value, most):
                    said = str(value)[:40]
                    self._fault(f"{item.pointer}/{member}", f"{said!r} is not a number above 0 and up to {most:.0f}")
                else:
                    found[member] = value
            if len(found) == 2 and found[f"{name}Min"] > found[f"{name}Max"]:
                self._fault(f"{item.pointer}/{name}Min", f"it is more than {name}Max")

    # ------------------------------------------------------------ the copy for the runner

    def _cleaned(self) -> dict[str, Any]:
        document = copy.deepcopy(self._document)
        if isinstance(document.get("id"), str):
            document["id"] = short(document["id"]) or "main"
        for process in document.get("$graph", [document]):
            self._clean(process)
        return document

    def _clean(self, holder: dict[str, Any]) -> None:
        """Take what is ours out of a process or a step, and out of all below it."""
        self._settle(holder)
        for key in [key for key in holder if key.startswith("weaverlite:")]:
            del holder[key]
        if holder.get("class") == "CommandLineTool":
            # Without a name of its own a captured stream would be called by a hash.
            for output in entries(holder.get("outputs"), ""):
                if (stream := output.content.get("type")) in ("stdout", "stderr"):
                    holder.setdefault(stream, stream_name(stream))
        for section in ("inputs", "outputs"):
            for port in _objects(holder.get(section)):
                for key in [key for key in port if key.startswith("weaverlite:")]:
                    del port[key]
        for step in _objects(holder.get("steps")):
            self._clean(step)
        if isinstance(holder.get("run"), dict):
            self._clean(holder["run"])

    def _settle(self, holder: dict[str, Any]) -> None:
        """Keep the hints that are obeyed, and put the runner's extensions among them under their full names."""
        kept: dict[str, list[dict[str, Any]]] = {"requirements": [], "hints": []}
        for section in kept:
            for item in requirements(holder.get(section), ""):
                name = self._names.plain(item.name)
                if name in EXTENSIONS:
                    kept["hints"].append({**item.content, "class": _CWLTOOL + name.partition(":")[2]})
                elif name in REQUIREMENTS:
                    kept[section].append({**item.content, "class": name})
        for section, items in kept.items():
            if items or holder.get(section):
                holder[section] = items


def _objects(section: Any) -> list[dict[str, Any]]:
    """Return the members that are objects, of a section in list or map form."""
    members = section.values() if isinstance(section, dict) else section if isinstance(section, list) else ()
    return [member for member in members if isinstance(member, dict)]


def _members(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, Mapping) else []


def _sane(value: float, most: float) -> bool:
    return math.isfinite(value) and 0 < value <= most
