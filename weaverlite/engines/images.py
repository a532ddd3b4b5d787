"""A container image as a package: the execution unit that names it, made into a CWL document.

The image runs with its own entry point. Its inputs and outputs are those of the process description beside it; how
they reach the command line, and where files come out, the unit's ``bindings`` say. Without any binding an input is a
long option of its name. An output without binding is the file that begins with its id, or, if there is only one output
and that is a file, or none at all, what the container prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weaverlite.engines.docker import is_image_name
from weaverlite.errors import Fault, InvalidPackage
from weaverlite.ogc.pointers import pointer_to

_KINDS = ("docker", "oci")
_DEPLOYMENTS = ("local", "remote", "hpc", "cloud")
_MIB_PER_GB = 1e9 / 2**20
#: Members of ``config``, with the member of ResourceRequirement each becomes and what it is multiplied by.
_RESOURCES = {
    "cpuMin": ("coresMin", 1.0),
    "cpuMax": ("coresMax", 1.0),
    "memoryMin": ("ramMin", _MIB_PER_GB),
    "memoryMax": ("ramMax", _MIB_PER_GB),
    "storageTempMin": ("tmpdirMin", _MIB_PER_GB),
    "storageOutputsMin": ("outdirMin", _MIB_PER_GB),
}
_INPUT_BINDING = ("prefix", "position", "valueFrom", "itemSeparator", "separate", "shellQuote")
_IANA = "https://www.iana.org/assignments/media-types/"
_PRIMITIVES = {"string": "string", "boolean": "boolean", "integer": "long", "number": "double"}


def compile_image(
    unit: Mapping[str, Any],
    description: Mapping[str, Any],
    pointer: str = "",
    described_at: str = "/processDescription",
) -> dict[str, Any]:
    """Return the CWL document of an execution unit that is a container image.

    :raises InvalidPackage: all that is wrong, by pointers that begin with ``pointer`` and ``described_at``.
    """
    return _Image(unit, description, pointer, described_at).document()


class _Image:
    def __init__(
        self, unit: Mapping[str, Any], description: Mapping[str, Any], pointer: str, described_at: str
    ) -> None:
        self._unit, self._description = unit, description
        self._pointer, self._described_at = pointer, described_at
        self._faults: list[Fault] = []
        self._needs_javascript = self._needs_shell = False
        self._stdout: dict[str, str] = {}

    def document(self) -> dict[str, Any]:
        image = self._image()
        inputs = {name: self._input(name, port) for name, port in self._ports("inputs")}
        ports = dict(self._ports("outputs"))
        outputs = {name: self._output(name, port, len(ports) == 1) for name, port in ports.items()}
        self._check_bindings("inputBindings", inputs)
        self._check_bindings("outputBindings", outputs)
        requirements = {"DockerRequirement": {"dockerPull": image}, **self._config()}
        if self._faults:
            raise InvalidPackage(faults=self._faults)
        if self._needs_javascript:
            requirements["InlineJavascriptRequirement"] = {}
        if self._needs_shell:
            requirements["ShellCommandRequirement"] = {}
        return {
            "cwlVersion": "v1.2",
            "class": "CommandLineTool",
            "requirements": requirements,
            "inputs": inputs,
            "outputs": outputs or {"stdout": {"type": "stdout"}},
            **self._stdout,
        }

    def _fault(self, message: str, pointer: str) -> None:
        self._faults.append(Fault(message, f"{self._pointer}{pointer}"))

    # ------------------------------------------------------------ the unit

    def _image(self) -> str:
        kind, deployment = self._unit.get("type", "docker"), self._unit.get("deployment", "local")
        if kind not in _KINDS:
            self._fault(f"is {str(kind)[:40]!r}; an image is docker or oci", "/type")
        if deployment not in _DEPLOYMENTS:
            self._fault(f"is {str(deployment)[:40]!r}; it may be {', '.join(_DEPLOYMENTS)}", "/deployment")
        said = self._unit.get("image")
        image = said.removeprefix("docker://").removeprefix("oci://") if isinstance(said, str) else None
        if not is_image_name(image):
            why = "is missing: name the image" if said is None else f"{str(said)[:80]!r} is not the name of an image"
            self._fault(f"{why}, like debian:12-slim", "/image")
        return image or ""

    def _config(self) -> dict[str, Any]:
        config = self._unit.get("config", {})
        if not isinstance(config, Mapping):
            self._fault("must be an object with members such as cpuMin and memoryMax", "/config")
            return {}
        found: dict[str, Any] = {}
        for name, (member, factor) in _RESOURCES.items():
            if name in config and self._is_amount(config[name], f"/config/{name}"):
                amount = config[name] * factor
                found[member] = amount if factor == 1 else max(1, round(amount))
        requirements: dict[str, Any] = {"ResourceRequirement": found} if found else {}
        if "jobTimeout" in config and self._is_amount(config["jobTimeout"], "/config/jobTimeout"):
            requirements["ToolTimeLimit"] = {"timelimit": max(1, round(config["jobTimeout"]))}
        for least, most in (("cpuMin", "cpuMax"), ("memoryMin", "memoryMax")):
            if not self._faults and least in config and most in config and config[least] > config[most]:
                self._fault(f"is more than {most}", f"/config/{least}")
        return requirements

    def _is_amount(self, value: Any, pointer: str) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 10**9:
            self._fault(f"{str(value)[:40]!r} is not a number above 0", pointer)
            return False
        return True

    def _bindings(self, section: str) -> Mapping[str, Any]:
        bindings = self._unit.get("bindings", {})
        if not isinstance(bindings, Mapping):
            return {}
        found = bindings.get(section, {})
        if isinstance(found, list):
            found = {str(item.get("id", index)): item for index, item in enumerate(found) if isinstance(item, Mapping)}
        return found if isinstance(found, Mapping) else {}

    def _check_bindings(self, section: str, known: Mapping[str, Any]) -> None:
        bindings = self._unit.get("bindings", {})
        if not isinstance(bindings, Mapping):
            if section == "inputBindings":
                self._fault("must be an object with inputBindings and outputBindings", "/bindings")
            return
        if not isinstance(bindings.get(section, {}), Mapping | list):
            self._fault("must be an object: each binding under its id", f"/bindings/{section}")
        for name, binding in self._bindings(section).items():
            where = pointer_to("/bindings", section, name)
            noun = section.removesuffix("Bindings")
            if name not in known:
                self._fault(f"the process description has no {noun} {name[:80]!r}", where)
            elif not isinstance(binding, Mapping):
                self._fault("must be an object", where)

    # ------------------------------------------------------------ inputs and outputs

    def _ports(self, section: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        found = self._description.get(section, {})
        if isinstance(found, list):
            found = {str(item.get("id", index)): item for index, item in enumerate(found) if isinstance(item, Mapping)}
        if not isinstance(found, Mapping):
            self._faults.append(Fault("must be an object: each under its id", f"{self._described_at}/{section}"))
            return
        for name, port in found.items():
            where = pointer_to(self._described_at, section, name)
            if not isinstance(port, Mapping) or not isinstance(port.get("schema"), Mapping):
                self._faults.append(Fault("needs a schema: a container image describes nothing itself", where))
            else:
                yield name, port

    def _input(self, name: str, port: Mapping[str, Any]) -> dict[str, Any]:
        schema = port["schema"]
        kind, is_list = _type_of(schema)
        found = _documentation(port)
        least, most = port.get("minOccurs", 1), port.get("maxOccurs", 1)
        many = is_list or most == "unbounded" or (isinstance(most, int) and most > 1)
        whole: Any = {"type": "array", "items": kind} if many else kind
        is_optional = least == 0 or bool(schema.get("nullable")) or "default" in schema
        found["type"] = ["null", whole] if is_optional else whole
        if "default" in schema and kind not in ("File", "Directory"):
            found["default"] = schema["default"]
        if kind == "File" and (formats := _formats(schema)):
            found["format"] = formats
        binding = self._bindings("inputBindings").get(name)
        if isinstance(binding, Mapping):
            found["inputBinding"] = self._input_binding(name, binding)
        elif not self._bindings("inputBindings"):
            # Nobody says how inputs reach the command: each in its turn, as a long option.
            found["inputBinding"] = {"prefix": f"--{name}"}
        return found

    def _input_binding(self, name: str, binding: Mapping[str, Any]) -> dict[str, Any]:
        where = pointer_to("/bindings/inputBindings", name)
        found = {member: binding[member] for member in _INPUT_BINDING if member in binding}
        position = found.get("position")
        if isinstance(position, str) and position.isdigit():
            found["position"] = int(position)
        kinds: tuple[tuple[str, type | tuple[type, ...]], ...] = (
            ("prefix", str),
            ("position", (int, str)),
            ("valueFrom", str),
            ("itemSeparator", str),
            ("separate", bool),
            ("shellQuote", bool),
        )
        for member, wanted in kinds:
            value = found.get(member)
            if member in found and (not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool)):
                self._fault(f"{str(value)[:40]!r} is of another kind than wanted here", f"{where}/{member}")
        if found.get("shellQuote") is False:
            self._needs_shell = True
        if any(_is_script(found.get(member)) for member in ("valueFrom", "position")):
            self._needs_javascript = True
        return found

    def _output(self, name: str, port: Mapping[str, Any], is_only: bool) -> dict[str, Any]:
        kind, is_list = _type_of(port["schema"])
        found = _documentation(port)
        binding = self._bindings("outputBindings").get(name)
        glob = binding.get("glob") if isinstance(binding, Mapping) else None
        if kind == "File" and len(formats := _formats(port["schema"])) == 1:
            # CWL has one format for an output, or none.
            found["format"] = formats[0]
        if glob is None and is_only and not is_list and kind == "File":
            # Its name suggests no format: that is the description's to say.
            self._stdout = {"stdout": name}
            return {**found, "type": "stdout"}
        if glob is not None and not (isinstance(glob, str) or _is_texts(glob)):
            self._fault("must be a pattern of file names", pointer_to("/bindings/outputBindings", name, "glob"))
        if _is_script(glob):
            self._needs_javascript = True
        output: dict[str, Any] = {"glob": f"{name}*" if glob is None else glob}
        found["type"] = {"type": "array", "items": kind} if is_list else kind
        if kind not in ("File", "Directory"):
            output["loadContents"] = True
            text = "self[0].contents"
            if kind == "string" and not is_list:
                output["outputEval"] = f"$({text})"
            else:
                self._needs_javascript = True
                output["outputEval"] = f"$(JSON.parse({text}))"
        return {**found, "outputBinding": output}


def _type_of(schema: Mapping[str, Any]) -> tuple[Any, bool]:
    """Return the CWL type of one value, and whether the schema is that of a list of them."""
    for branches in ("oneOf", "anyOf", "allOf"):
        forms = [form for form in schema.get(branches, ()) if isinstance(form, Mapping)]
        if forms:
            types = [_type_of(form) for form in forms]
            # A value that may be a file is one: text and objects are written into it.
            return next((found for found in types if found[0] in ("File", "Directory")), types[0])
    if schema.get("contentMediaType") == "inode/directory":
        return "Directory", False
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), None)
    if kind == "array":
        items = schema.get("items")
        return (_type_of(items)[0] if isinstance(items, Mapping) else "string"), True
    if {"contentMediaType", "contentEncoding"} & schema.keys() or schema.get("format") in ("byte", "binary"):
        return "File", False
    values = schema.get("enum")
    if isinstance(values, list) and values and all(isinstance(value, str) for value in values):
        return {"type": "enum", "symbols": list(dict.fromkeys(values))}, False
    return _PRIMITIVES.get(str(kind), "File"), False


def _formats(schema: Mapping[str, Any]) -> list[str]:
    """Return the formats of a file by its schema; none when one of its forms says none."""
    forms = [form for name in ("oneOf", "anyOf") for form in schema.get(name, ()) if isinstance(form, Mapping)]
    if schema.get("type") == "array" and isinstance(schema.get("items"), Mapping):
        return _formats(schema["items"])
    types = [str(form.get("contentMediaType", "")).partition(";")[0].strip() for form in forms or [schema]]
    return [_IANA + name for name in dict.fromkeys(types)] if all(types) else []


def _documentation(port: Mapping[str, Any]) -> dict[str, Any]:
    names = {"title": "label", "description": "doc"}
    return {name: port[said] for said, name in names.items() if isinstance(port.get(said), str)}


def _is_script(value: Any) -> bool:
    return isinstance(value, str) and ("$(" in value or "${" in value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
