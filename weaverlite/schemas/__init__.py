"""JSON Schema documents of every JSON body, and validation against them and against the schemas of processes.

Documents are named without folder or suffix and refer to each other by ``$ref: name.yaml``, always to a whole document.
Nothing is ever fetched. Importing this package is cheap: PyYAML and jsonschema are loaded when they are first needed.
"""

from __future__ import annotations

from typing import Any

from weaverlite.errors import Fault
from weaverlite.schemas.documents import load, names

__all__ = ["load", "names", "validate", "validate_schema", "validate_value"]


def validate(name: str, value: Any, pointer: str = "") -> list[Fault]:
    """Return what is wrong with ``value`` as a document of this name; ``pointer`` is where it stands in the body."""
    return validate_value(load(name), value, pointer)


def validate_value(schema: Any, value: Any, pointer: str = "") -> list[Fault]:
    """Return what is wrong with ``value`` by a JSON Schema (2020-12, with the words of OpenAPI 3.0 understood)."""
    from weaverlite.schemas import validation  # Here for the start-up: jsonschema takes 60 ms.

    return validation.faults(schema, value, pointer)


def validate_schema(schema: Any, pointer: str = "") -> list[Fault]:
    """Return why ``schema`` cannot be used: it is no JSON Schema, points elsewhere, or could take for ever."""
    from weaverlite.schemas import checking  # Here for the start-up: jsonschema takes 60 ms.

    return checking.faults(schema, pointer)
