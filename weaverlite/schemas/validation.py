"""Validation of values, with validators kept by the digest of their schema.

The dialect is JSON Schema 2020-12, read with the words of OpenAPI 3.0 that process descriptions still use
(``nullable``, boolean ``exclusiveMinimum``). Some keywords are our own (:mod:`weaverlite.schemas.keywords`), and the
steps of a validation are counted (:mod:`weaverlite.schemas.effort`): hostile schemas and values end in a fault.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from itertools import islice
from threading import Lock
from typing import Any

import referencing
import referencing.exceptions
import referencing.jsonschema
from jsonschema import Draft202012Validator, validators
from jsonschema.protocols import Validator

from weaverlite.errors import Fault
from weaverlite.schemas import effort
from weaverlite.schemas.documents import load, names
from weaverlite.schemas.formats import CHECKER
from weaverlite.schemas.keywords import OWN
from weaverlite.schemas.messages import explain
from weaverlite.schemas.patterns import PatternRefused

#: Where our documents are, as far as references are concerned. Nothing is ever asked there.
BASE = "weaverlite:///schemas/"
#: Places of the documents of the standard: references to them mean ours of the same name.
_OGC = ("http://schemas.opengis.net/ogcapi/processes/", "https://schemas.opengis.net/ogcapi/processes/")
_KEPT = 1000
_ENOUGH = 100

#: Schemas below these keywords describe the same value or a part of it; below other keywords there is only data.
ONE = frozenset(
    {"additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then",
     "unevaluatedItems", "unevaluatedProperties"}
)  # fmt: skip
MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
NAMED = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})


def faults(schema: Any, value: Any, pointer: str = "") -> list[Fault]:
    """See :func:`weaverlite.schemas.validate_value`."""
    found: dict[Fault, None] = {}
    try:
        with effort.bounded(value):
            explained = (fault for error in validator(schema).iter_errors(value) for fault in explain(error, pointer))
            # A list may be wrong a million times.
            found.update(dict.fromkeys(islice(explained, _ENOUGH)))
        return list(found)
    except effort.TooManySteps:
        return [Fault("takes too many steps to be checked against its schema", pointer)]
    except RecursionError:
        return [Fault("is nested too deeply to be checked", pointer)]
    except (referencing.exceptions.Unresolvable, referencing.exceptions.NoSuchResource) as error:
        return [Fault(f"cannot be checked: its schema refers to {error.ref!r}, which is not there", pointer)]
    except PatternRefused as error:
        return [Fault(f"cannot be checked: {error}", pointer)]


def validator(schema: Any) -> Validator:
    """Return the validator of a schema, a new one or that of an equal schema."""
    text = json.dumps(schema, sort_keys=True, separators=(",", ":"))
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    with _lock:
        if found := _validators.get(digest):
            _validators.move_to_end(digest)
            return found
    made: Validator = _Validator(translate(schema), registry=_registry, format_checker=CHECKER)
    with _lock:
        _validators[digest] = made
        while len(_validators) > _KEPT:
            _validators.popitem(last=False)
    return made


def translate(schema: Any) -> Any:
    """Return ``schema`` with the words of OpenAPI 3.0 in those of JSON Schema 2020-12."""
    if not isinstance(schema, Mapping):
        return schema
    # A dialect named inside would bring back the usual forms of our own keywords.
    found = {name: _translate_member(name, item) for name, item in schema.items() if name != "$schema"}
    if isinstance(found.get("contentSchema"), str):
        # The URI of a schema in another language (18-062r2 has such examples): nothing is fetched.
        del found["contentSchema"]
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(exclusive), bool):
            if found.pop(exclusive) and bound in found:
                found[exclusive] = found.pop(bound)
    if found.pop("nullable", False) is True:
        return {"anyOf": [found, {"type": "null"}]}
    if isinstance(found.get("$ref"), str):
        found["$ref"] = resolve(found["$ref"])
    return found


def resolve(reference: str) -> str:
    """Return the reference as the registry knows it."""
    document = reference
    if reference.startswith(_OGC):
        document = reference.rpartition("/")[2]
    name = document.removesuffix(".yaml")
    return f"{BASE}{name}.yaml" if document.endswith(".yaml") and name in names() else reference


def _translate_member(name: str, item: Any) -> Any:
    if name in ONE:
        return translate(item)
    if name in MANY and isinstance(item, list):
        return [translate(part) for part in item]
    if name in NAMED and isinstance(item, Mapping):
        return {key: translate(part) for key, part in item.items()}
    return item


@cache
def _retrieve(uri: str) -> referencing.Resource[Any]:
    name = uri.removeprefix(BASE).removesuffix(".yaml")
    if not uri.startswith(BASE) or name not in names():
        raise referencing.exceptions.NoSuchResource(uri)
    return referencing.jsonschema.DRAFT202012.create_resource(translate(load(name)))


_create: Any = validators.create
_Validator: Any = _create(
    meta_schema=Draft202012Validator.META_SCHEMA,
    validators={**Draft202012Validator.VALIDATORS, **OWN},
    type_checker=Draft202012Validator.TYPE_CHECKER,
    id_of=Draft202012Validator.ID_OF,
    # Called whenever a schema is applied to a part of a value.
    applicable_validators=effort.keywords,
)
# The stubs do not know the fields of this attrs class.
_new_registry: Any = referencing.Registry
_registry: referencing.Registry[Any] = _new_registry(retrieve=_retrieve)
_validators: OrderedDict[bytes, Validator] = OrderedDict()
_lock = Lock()
