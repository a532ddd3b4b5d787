"""Two descriptions of one value made one: what the package takes, and what somebody else says of it.

The rule is that the second may say less than the first allows, never more: what comes out is taken by both. Words
(titles, examples) replace, bounds and choices narrow, and what cannot be true together is a fault that says where.
``docs/descriptions.rst`` has the table of these rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaverlite.errors import Fault
from weaverlite.ogc.negotiation import is_text
from weaverlite.ogc.pointers import pointer_to
from weaverlite.ogc.values import media_type_fits
from weaverlite.schemas import validate_value
from weaverlite.schemas.forms import media_types, takes

_KINDS = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
#: Bounds of sizes, and whether the larger one is the narrower.
_SIZES = {"minLength": True, "minItems": True, "minProperties": True,
          "maxLength": False, "maxItems": False, "maxProperties": False}  # fmt: skip
_CROSSING = (("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties"))
_RANGE = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
#: Widths of numbers: the range says what fits, these words only repeat it.
_WIDTHS = frozenset({"float", "double", "int32", "int64"})
#: What both may say; the value has to fit both.
_BOTH = ("allOf", "oneOf", "anyOf", "not", "if", "then", "else", "pattern", "multipleOf", "contains")
_FORMAT = frozenset({"contentMediaType", "contentEncoding", "contentSchema"})


def narrow(
    own: Mapping[str, Any], details: Mapping[str, Any], pointer: str, *, optional: bool = False
) -> tuple[Mapping[str, Any], list[Fault]]:
    """Return the schema ``own`` with the details, and why they cannot be had. ``pointer`` is where they stand.

    ``optional`` is whether the value may be left out, which is what some mean by ``nullable``.
    """
    faults: list[Fault] = []
    return _Narrowing(faults, optional).of(own, details, pointer), faults


class _Narrowing:
    def __init__(self, faults: list[Fault], optional: bool) -> None:
        self._faults = faults
        self._optional = optional

    def _fault(self, message: str, pointer: str, *names: str | int) -> None:
        self._faults.append(Fault(message, pointer_to(pointer, *names)))

    def of(self, own: Mapping[str, Any], details: Mapping[str, Any], pointer: str) -> dict[str, Any]:
        said = {name: item for name, item in details.items() if name not in ("nullable", "$schema")}
        if details.get("nullable") is True and not takes(own, "null") and not self._optional:
            self._fault("is true, but the package needs a value", pointer, "nullable")
        before = len(self._faults)
        found = self._types(own, said, pointer)
        if len(self._faults) > before:
            # Whatever else is said is said of another kind of value.
            return dict(own)
        own = found
        found = {**own, **said}
        if media_types(said) or _FORMAT & said.keys():
            found = self._formats(own, said, found, pointer)
        self._range(own, said, found, pointer)
        self._sizes(own, said, found, pointer)
        self._choices(own, said, pointer)
        self._parts(own, said, found, pointer)
        self._words(own, said, found, pointer)
        if "default" in said and not self._faults:
            self._default(found, said["default"], pointer)
        return found

    # ------------------------------------------------------------ types

    def _types(self, own: Mapping[str, Any], said: dict[str, Any], pointer: str) -> dict[str, Any]:
        """Return ``own`` with the alternatives that the type leaves; takes the type out of ``said`` where they tell."""
        wanted = _types_of(said)
        if not wanted:
            return dict(own)
        branches = own.get("anyOf")
        if "type" not in own and isinstance(branches, list):
            left = [item for item in branches if isinstance(item, Mapping) and _fits(wanted, _types_of(item))]
            kinds = set().union(*(_types_of(item) for item in branches if isinstance(item, Mapping)))
            if left and _fits_all(wanted, kinds):
                kept = {name: item for name, item in own.items() if name != "anyOf"}
                if len(left) == 1:
                    return {**kept, **left[0]}
                del said["type"]
                return {**kept, "anyOf": left}
            self._contradiction(said["type"], kinds, pointer)
            return dict(own)
        kinds = _types_of(own)
        if kinds and not _fits_all(wanted, kinds):
            self._contradiction(said["type"], kinds, pointer)
        return dict(own)

    def _contradiction(self, said: Any, kinds: set[str], pointer: str) -> None:
        taken = " or ".join(repr(kind) for kind in sorted(kinds))
        self._fault(f"is {said!r}, but the package takes {taken}", pointer, "type")

    # ------------------------------------------------------------ formats of content

    def _formats(
        self, own: Mapping[str, Any], said: Mapping[str, Any], found: dict[str, Any], pointer: str
    ) -> dict[str, Any]:
        declared = [item for item in media_types(own) if item != "application/octet-stream"]
        keyword = next((name for name in ("oneOf", "anyOf") if media_types({name: said.get(name) or []})), "")
        branches = said[keyword] if keyword else [said]
        made = []
        for index, branch in enumerate(branches):
            place = pointer_to(pointer, keyword, index) if keyword else pointer
            for media_type in media_types(branch):
                if declared and not any(media_type_fits(media_type, item) for item in declared):
                    why = f"is {media_type!r}, but the package takes {', '.join(declared)}"
                    self._fault(why, place, "contentMediaType")
            made.append(_with_encoding(branch, own) if isinstance(branch, Mapping) else branch)
        if not keyword:
            rest = {name: item for name, item in found.items() if name != "oneOf" or not media_types(said)}
            return {**rest, **{name: item for name, item in made[0].items() if name in _FORMAT}}
        rest = {name: item for name, item in found.items() if name not in _FORMAT | {"oneOf", "anyOf"}}
        if all(isinstance(item, Mapping) and "type" in item for item in made):
            rest.pop("type", None)
        return {**rest, "oneOf": made}

    # ------------------------------------------------------------ bounds

    def _range(
        self, own: Mapping[str, Any], said: Mapping[str, Any], found: dict[str, Any], pointer: str
    ) -> None:
        if not any(name in said for name in _RANGE):
            return
        for bound, exclusive, sign in (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)):
            mine, theirs = _limit(own, bound, exclusive, sign), _limit(said, bound, exclusive, sign)
            if mine and theirs and theirs < mine:
                place = bound if isinstance(said.get(bound), int | float) else exclusive
                reach = "down to" if sign > 0 else "up to"
                why = f"is {said[place]}, but the package takes {reach} {sign * mine[0]} only"
                self._fault(why, pointer, place)
            elif theirs:
                # The narrower bound takes the place of the package's, in the words it was written in.
                for name in (bound, exclusive):
                    found.pop(name, None)
                    if name in said:
                        found[name] = said[name]
        low, high = (_limit(found, "minimum", "exclusiveMinimum", 1), _limit(found, "maximum", "exclusiveMaximum", -1))
        if low and high and (low[0] > -high[0] or (low[0] == -high[0] and (low[1] or high[1]))):
            name = next(name for name in _RANGE if name in said)
            self._fault(f"leaves no number: from {low[0]} to {-high[0]}", pointer, name)

    def _sizes(self, own: Mapping[str, Any], said: Mapping[str, Any], found: dict[str, Any], pointer: str) -> None:
        for name, is_lower in _SIZES.items():
            if name not in own or name not in said or own[name] == said[name]:
                continue
            if (said[name] > own[name]) is not is_lower:
                self._fault(f"is {said[name]}, but the package has {own[name]}", pointer, name)
        for least, most in _CROSSING:
            if (least in said or most in said) and found.get(least, 0) > found.get(most, float("inf")):
                name = least if least in said else most
                self._fault(f"leaves nothing: from {found[least]} to {found[most]}", pointer, name)

    # ------------------------------------------------------------ choices, parts, words

    def _choices(self, own: Mapping[str, Any], said: Mapping[str, Any], pointer: str) -> None:
        choices: list[tuple[tuple[str | int, ...], Any]]
        choices = [(("enum", index), item) for index, item in enumerate(said.get("enum") or ())]
        if "const" in said:
            choices.append((("const",), said["const"]))
        if said.get("enum") == []:
            self._fault("is empty: no value would be left", pointer, "enum")
        for path, item in choices:
            for fault in validate_value(own, item)[:1]:
                self._fault(f"is not taken by the package: it {fault.message}", pointer, *path)

    def _parts(self, own: Mapping[str, Any], said: Mapping[str, Any], found: dict[str, Any], pointer: str) -> None:
        """Narrow what is inside: items of lists, members of objects."""
        if isinstance(own.get("items"), Mapping) and isinstance(said.get("items"), Mapping):
            found["items"] = self.of(own["items"], said["items"], pointer_to(pointer, "items"))
        mine, theirs = own.get("properties"), said.get("properties")
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            members = dict(mine)
            for name, item in theirs.items():
                place = pointer_to(pointer, "properties", name)
                if name not in mine and own.get("additionalProperties") is not True:
                    self._fault(f"is no member of the package's object: it has {', '.join(mine)}", place)
                elif isinstance(item, Mapping) and isinstance(mine.get(name, {}), Mapping):
                    members[name] = self.of(mine.get(name, {}), item, place)
            found["properties"] = members
        if "required" in own and "required" in said:
            found["required"] = list(dict.fromkeys([*own["required"], *said["required"]]))
        if "$defs" in own and "$defs" in said:
            found["$defs"] = {**own["$defs"], **said["$defs"]}

    def _words(self, own: Mapping[str, Any], said: Mapping[str, Any], found: dict[str, Any], pointer: str) -> None:
        mine, theirs = own.get("format"), said.get("format")
        if mine and theirs and mine != theirs and not {mine, theirs} <= _WIDTHS:
            self._fault(f"is {theirs!r}, but the package takes {mine!r}", pointer, "format")
        both = [name for name in _BOTH if name in own and name in said and own[name] != said[name]]
        if media_types(said):
            both = [name for name in both if name != "oneOf"]
        extra = []
        for name in both:
            if name == "allOf":
                found["allOf"] = [*own["allOf"], *said["allOf"]]
            else:
                found[name] = own[name]
                extra.append({name: said[name]})
        if extra:
            found["allOf"] = [*found.get("allOf", []), *extra]

    def _default(self, found: Mapping[str, Any], default: Any, pointer: str) -> None:
        # Of an input that takes several values it may be a list of them.
        several = isinstance(default, list) and not takes(found, "array")
        for item in default if several else [default]:
            for fault in validate_value(found, item)[:1]:
                self._fault(f"does not fit its own schema: it {fault.message}", pointer, "default")


def _types_of(schema: Mapping[str, Any]) -> set[str]:
    kinds = schema.get("type")
    names = [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else []
    return {name for name in names if name in _KINDS and name != "null"}


def _fits(wanted: set[str], kinds: set[str]) -> bool:
    """Whether a value of a wanted type may be one of these."""
    return bool(wanted & kinds) or ("integer" in wanted and "number" in kinds) or not kinds


def _fits_all(wanted: set[str], kinds: set[str]) -> bool:
    return all(_fits({kind}, kinds) for kind in wanted)


def _limit(schema: Mapping[str, Any], bound: str, exclusive: str, sign: int) -> tuple[float, bool] | None:
    """Return the bound of a range and whether it is excluded, such that the larger pair is the narrower."""
    found = []
    inclusive, excluded = schema.get(bound), schema.get(exclusive)
    if isinstance(inclusive, int | float) and not isinstance(inclusive, bool):
        found.append((sign * inclusive, excluded is True))
    if isinstance(excluded, int | float) and not isinstance(excluded, bool):
        found.append((sign * excluded, True))
    return max(found, default=None)


def _with_encoding(branch: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of one format, with the encoding that its media type needs where none is said."""
    made = dict(branch)
    media_type = made.get("contentMediaType")
    if not isinstance(media_type, str):
        return made
    if own.get("type", "string") == "string":
        made.setdefault("type", "string")
    if "contentEncoding" not in made and made.get("type") == "string" and not is_text(media_type):
        made["contentEncoding"] = "binary"
    return made
