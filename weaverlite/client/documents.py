"""JSON and YAML documents of the user's disk.

YAML is read by the core schema of YAML 1.2, as CWL reads it: ``2012-01-01``, ``yes`` and ``1:30`` are texts, ``1e3`` is
a number. PyYAML alone follows YAML 1.1 and would turn the first three into something that JSON has no word for.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from weaverlite.client.errors import InvalidUsage

#: Largest document that is read; more is data and belongs into a file input.
SIZE_LIMIT = 64 * 1024 * 1024


def read_document(source: str | Path) -> Any:
    """Return the document of a JSON or YAML file; ``-`` is the standard input.

    :raises InvalidUsage: there is no such file, or it is neither.
    """
    if str(source) == "-":
        return parse_document(sys.stdin.buffer.read(SIZE_LIMIT + 1), "the standard input")
    return parse_document(read_bytes(source), str(source))


def read_bytes(source: str | Path) -> bytes:
    """Return the content of a file that holds a document.

    :raises InvalidUsage: it cannot be read.
    """
    try:
        with open(source, "rb") as stream:
            return stream.read(SIZE_LIMIT + 1)
    except OSError as exc:
        raise InvalidUsage(f"{source} cannot be read: {exc.strerror or exc}.") from exc


def parse_document(content: bytes, name: str) -> Any:
    """Return the document in ``content``.

    :param name: what messages call it.
    :raises InvalidUsage: it is neither JSON nor YAML.
    """
    if len(content) > SIZE_LIMIT:
        raise InvalidUsage(f"{name} is larger than {SIZE_LIMIT >> 20} MiB: pass data as files.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidUsage(f"{name} is not UTF-8 text: byte {exc.start} cannot be read.") from exc
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except _NotANumber as exc:
        raise InvalidUsage(f"{name}: {exc}") from exc
    except RecursionError as exc:
        raise InvalidUsage(f"{name} is nested too deep.") from exc
    except ValueError as exc:
        if name.endswith(".json"):
            raise InvalidUsage(f"{name} is not JSON: {exc}.") from exc
    return _parse_yaml(text, name)


class _NotANumber(ValueError):
    """JSON has no word for this number."""


def _refuse_constant(word: str) -> Any:
    raise _NotANumber(f"{word} is not a number that JSON can carry.")


def _parse_yaml(text: str, name: str) -> Any:
    # Imported here: most commands read no YAML.
    import yaml

    try:
        return yaml.load(text, Loader=_yaml_loader())
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InvalidUsage(f"{name} is neither JSON nor YAML: {exc.problem or exc.context}{where}.") from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise InvalidUsage(f"{name} is neither JSON nor YAML: {exc}.") from exc
    except RecursionError as exc:
        raise InvalidUsage(f"{name} is nested too deep.") from exc


@functools.cache
def _yaml_loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Safe loader with the core schema of YAML 1.2; refuses a key that stands twice."""

        yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
            self.flatten_mapping(node)
            mapping: dict[Hashable, Any] = {}
            for key_node, value_node in node.value:
                key = self.construct_object(key_node, deep=True)
                # A key is a text in JSON, whatever it looks like in YAML.
                key = key if isinstance(key, str) else key_node.value
                if not isinstance(key, str) or key in mapping:
                    problem = "a key stands twice" if isinstance(key, str) else "a key must be a text"
                    raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
                mapping[key] = self.construct_object(value_node, deep=deep)
            return mapping

    def construct_map(loader: Loader, node: yaml.MappingNode) -> dict[Hashable, Any]:
        return loader.construct_mapping(node, deep=True)

    def construct_int(loader: Loader, node: yaml.ScalarNode) -> int:
        text = loader.construct_scalar(node)
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))

    def construct_float(loader: Loader, node: yaml.ScalarNode) -> float:
        text = loader.construct_scalar(node).lower()
        if text.endswith((".inf", ".nan")):
            raise _NotANumber(f"{text} is not a number that JSON can carry")
        return float(text)

    tags = {
        "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
        "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
        "float": (
            r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
            list("-+0123456789."),
        ),
        "merge": (r"<<", ["<"]),
    }
    for tag, (pattern, first) in tags.items():
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), first)
    Loader.add_constructor("tag:yaml.org,2002:int", construct_int)
    Loader.add_constructor("tag:yaml.org,2002:float", construct_float)
    Loader.add_constructor("tag:yaml.org,2002:map", construct_map)
    return Loader


__all__ = ["parse_document", "read_bytes", "read_document"]
