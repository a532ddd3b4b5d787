"""What a CWL document says of itself, as the description of a process. Nothing is evaluated or imported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from weaverlite.engines.cwl.admission import OPTIONS, SCHEMA, Admitted
from weaverlite.engines.cwl.document import Graph, Item, entries, is_expression, requirements, short, stream_name
from weaverlite.engines.cwl.types import Types, text
from weaverlite.errors import Fault, InvalidPackage
from weaverlite.models.options import Options, Resources
from weaverlite.models.process import Description, InputDescription, OutputDescription
from weaverlite.ogc.measures import unit
from weaverlite.schemas import validate_schema
from weaverlite.schemas.narrowing import narrow
from weaverlite.schemas.options import check_options

_MIB = 2**20
#: How many workflows one inside the other are followed to find what makes an output.
_DEPTH = 8
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}\Z")
#: What a package may say of its inputs beyond CWL's types.
_KEYWORDS = frozenset(
    {
        "enum",
        "examples",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "multipleOf",
        "pattern",
        "title",
        "unit",
    }
)


def describe(admitted: Admitted) -> Description:
    """Return the description of an admitted document.

    :raises InvalidPackage: its options or the schemas it adds to its inputs are not valid.
    """
    main = admitted.original.main
    types = Types(main, admitted.names)
    faults: list[Fault] = []
    inputs = tuple(_inputs(admitted, types, faults))
    options = _options(admitted, faults)
    if faults:
        raise InvalidPackage(faults=faults)
    return Description(
        process_id=main.name if _ID.match(main.name) and main.name != "main" else "",
        version=_first(main.content, "s:version", "s:softwareVersion"),
        title=text(main.content.get("label")),
        description=text(main.content.get("doc")),
        keywords=_keywords(main.content.get("s:keywords")),
        inputs=inputs,
        outputs=tuple(_outputs(admitted, types)),
        needs=_needs(admitted),
        options=options,
        host_commands=admitted.host_commands,
    )


def _inputs(admitted: Admitted, types: Types, faults: list[Fault]) -> Iterator[InputDescription]:
    main = admitted.original.main
    for item in entries(main.content.get("inputs"), f"{main.pointer}/inputs"):
        port = types.port(item.content)
        has_default = item.content.get("default") is not None
        said = _extension(item.content, item.pointer, faults)
        metadata = (unit(str(said.pop("unit"))),) if "unit" in said else ()
        where = f"{item.pointer}/{SCHEMA}"
        narrowed, wrong = narrow(port.schema, said, where, optional=has_default or port.is_optional)
        faults += wrong
        schema = dict(narrowed)
        if has_default and _is_literal(item.content["default"]):
            schema["default"] = item.content["default"]
        yield InputDescription(
            input_id=item.name,
            schema=schema,
            title=text(item.content.get("label")),
            description=text(item.content.get("doc")),
            min_occurs=0 if has_default or port.is_optional else 1,
            max_occurs=None if port.is_list else 1,
            type_name=port.type_name,
            metadata=metadata,
        )


def _outputs(admitted: Admitted, types: Types) -> Iterator[OutputDescription]:
    main = admitted.original.main
    for item in entries(main.content.get("outputs"), f"{main.pointer}/outputs"):
        yield OutputDescription(
            output_id=item.name,
            schema=types.whole(item.content, _file_name(admitted.original, main, item.content)),
            title=text(item.content.get("label")),
            description=text(item.content.get("doc")),
            type_name=types.port(item.content).type_name,
        )


def _file_name(graph: Graph, process: Item, output: Mapping[str, Any]) -> str:
    """Return a name that the file of an output will have, or a pattern of it; empty where only a run can tell.

    That of a workflow's output is the one of the step's tool that makes it.
    """
    for _ in range(_DEPTH):
        if process.content.get("class") == "CommandLineTool":
            stream = output.get("type")
            binding = output.get("outputBinding")
            name = binding.get("glob") if isinstance(binding, Mapping) else None
            if stream in ("stdout", "stderr"):
                name = process.content.get(stream, stream_name(stream))
            return name if isinstance(name, str) and not is_expression(name) else ""
        source = output.get("outputSource")
        step_name, _, output_name = (source if isinstance(source, str) else "").rpartition("#")[2].rpartition("/")
        step = _named(entries(process.content.get("steps"), f"{process.pointer}/steps"), short(step_name))
        target = graph.target(step.content.get("run"), f"{step.pointer}/run") if step else None
        made = _named(entries(target.content.get("outputs"), ""), output_name) if target else None
        if target is None or made is None:
            return ""
        process, output = target, made.content
    return ""


def _named(items: Iterable[Item], name: str) -> Item | None:
    return next((item for item in items if item.name == name), None)


def _extension(content: Mapping[str, Any], pointer: str, faults: list[Fault]) -> dict[str, Any]:
    """Return what an input says about its values in words of JSON Schema, which CWL has none for: ranges, lengths."""
    if SCHEMA not in content:
        return {}
    said, where = content[SCHEMA], f"{pointer}/{SCHEMA}"
    if not isinstance(said, Mapping):
        faults.append(Fault("it must be an object with keywords of JSON Schema, like minimum and maximum", where))
        return {}
    faults += [
        Fault(f"it is not one of {', '.join(sorted(_KEYWORDS))}", f"{where}/{name}")
        for name in said
        if name not in _KEYWORDS
    ]
    if "unit" in said and not (isinstance(said["unit"], str) and said["unit"]):
        faults.append(Fault("it must be the name of a unit, like m or degC", f"{where}/unit"))
    if wrong := validate_schema({name: item for name, item in said.items() if name != "unit"}, where):
        faults += wrong
        return {}
    return dict(said)


def _options(admitted: Admitted, faults: list[Fault]) -> Options:
    if admitted.options is None:
        return Options()
    said = {name: value for name, value in admitted.options.content.items() if name != "class"}
    if found := check_options(said, admitted.options.pointer):
        faults += found
        return Options()
    try:
        return Options.from_json(said)
    except ValueError as error:
        faults.append(Fault(f"{OPTIONS}: {error}", admitted.options.pointer))
        return Options()


def _needs(admitted: Admitted) -> Resources:
    """Return what the hungriest command line asks for, as far as that is written in numbers.

    Steps may run one after the other, so the sum would be too much.
    """
    cores: float | None = None
    memory: int | None = None
    disk: int | None = None
    for holder in (admitted.original.main, *admitted.tools):
        for section in ("hints", "requirements"):
            for item in requirements(holder.content.get(section), ""):
                if admitted.names.plain(item.name) != "ResourceRequirement":
                    continue
                asked = {name: _least(item.content, name) for name in ("cores", "ram", "tmpdir", "outdir")}
                if asked["cores"]:
                    cores = max(cores or 0, asked["cores"])
                if asked["ram"]:
                    memory = max(memory or 0, int(asked["ram"] * _MIB))
                if asked["tmpdir"] or asked["outdir"]:
                    disk = max(disk or 0, int((asked["tmpdir"] + asked["outdir"]) * _MIB))
    return Resources(cores=cores, memory=memory, disk=disk)


def _least(content: Mapping[str, Any], name: str) -> float:
    for member in (f"{name}Min", f"{name}Max"):
        value = content.get(member)
        if value is not None and not is_expression(value):
            return float(value)
    return 0.0


def _is_literal(value: Any) -> bool:
    """Return whether a default can stand in a JSON Schema: it holds no file."""
    if isinstance(value, Mapping):
        return value.get("class") not in ("File", "Directory") and all(_is_literal(item) for item in value.values())
    return all(_is_literal(item) for item in value) if isinstance(value, list) else True


def _first(content: Mapping[str, Any], *names: str) -> str:
    return next((str(content[name]) for name in names if isinstance(content.get(name), str | int | float)), "")


def _keywords(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else ()
    return tuple(str(item).strip() for item in items if str(item).strip())
