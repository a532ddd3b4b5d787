"""Validation of values, with validators kept by the digest of their schema.

The dialect is JSON Schema 2020-12, read with the words of OpenAPI 3.0 that process descriptions still use
(``nullable``, boolean ``exclusiveMinimum``). Three keywords are our own, because their usual form may take for ever on
hostile input: ``pattern``, ``patternProperties`` (see :mod:`weaverlite.schemas.patterns`) and ``uniqueItems``.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from threading import Lock
from typing import Any

import referencing
import referencing.exceptions
import referencing.jsonschema
from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.protocols import Validator

from weaverlite.errors import Fault
from weaverlite.schemas.documents import load, names
from weaverlite.schemas.formats import CHECKER
from weaverlite.schemas.messages import explain
from weaverlite.schemas.patterns import PatternRefused, TooHard, compile_pattern

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
    try:
        found = (fault for error in validator(schema).iter_errors(value) for fault in explain(error, pointer))
        # A list may be wrong a million times.
        return list(dict.fromkeys(islice(found, _ENOUGH)))
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
    found = {name: _translate_member(name, item) for name, item in schema.items()}
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


# ---------------------------------------------------------------- keywords of our own


def _pattern(_: Validator, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str):
        try:
            if not compile_pattern(pattern).search(instance):
                yield ValidationError(f"does not match the pattern {pattern!r}")
        except TooHard as error:
            yield ValidationError(str(error))


def _pattern_properties(
    self: Any, patterns: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if isinstance(instance, Mapping):
        for pattern, subschema in patterns.items():
            for name, item in instance.items():
                if _matches(pattern, name):
                    yield from self.descend(item, subschema, path=name, schema_path=pattern)


def _additional_properties(
    self: Any, additional: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, Mapping):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, item in instance.items():
        if name in known or any(_matches(pattern, name) for pattern in patterns):
            continue
        if additional is False:
            yield ValidationError("is not known", path=(name,), validator_value=sorted(known))
        elif additional is not True:
            yield from self.descend(item, additional, path=name)


def _unique_items(_: Validator, unique: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if unique is True and isinstance(instance, list):
        seen = set()
        for index, item in enumerate(instance):
            text = json.dumps(_plain(item), sort_keys=True)
            if text in seen:
                yield ValidationError("is in the list before: each item may occur once", path=(index,))
                return
            seen.add(text)


def _matches(pattern: str, name: str) -> bool:
    try:
        return compile_pattern(pattern).search(name)
    except TooHard:
        return False


def _plain(value: Any) -> Any:
    """Return ``value`` with 1.0 as 1, which are equal in JSON Schema."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@cache
def _retrieve(uri: str) -> referencing.Resource[Any]:
    name = uri.removeprefix(BASE).removesuffix(".yaml")
    if not uri.startswith(BASE) or name not in names():
        raise referencing.exceptions.NoSuchResource(uri)
    return referencing.jsonschema.DRAFT202012.create_resource(translate(load(name)))


_extend: Any = validators.extend
_Validator: Any = _extend(
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    },
)
# The stubs do not know the fields of this attrs class.
_new_registry: Any = referencing.Registry
_registry: referencing.Registry[Any] = _new_registry(retrieve=_retrieve)
_validators: OrderedDict[bytes, Validator] = OrderedDict()
_lock = Lock()
