"""Execution units of application packages, to CWL documents.

::

    CWL document                                         as it is
    {"value": unit or its text, "mediaType": …}          qualified; "unit" means "value" too
    {"href": URL, "type": …}                             another part of the same request, or fetched
    {"type": "docker" | "oci", "image": …, …}            a container image, compiled

References are fetched by the stagers that fetch inputs, under the same policy, and nothing that was fetched makes
anything else be fetched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from weaverlite.errors import Fault, InvalidInput, InvalidPackage, InvalidRequest, ReferenceRefused, StagingError
from weaverlite.models.results import LocalFile
from weaverlite.ogc.names import url_name
from weaverlite.ogc.negotiation import essence
from weaverlite.ogc.packages import CWL_TYPES, PLAIN_TYPES
from weaverlite.schemas.messages import kind_of
from weaverlite.services.notations import Notation, is_cwl
from weaverlite.transfer.interfaces import FetchLimits, Reference, Stager

#: Makes a CWL document of a container image, with the description beside it; faults point into both by the pointers.
CompileImage = Callable[[Mapping[str, Any], Mapping[str, Any], str, str], Mapping[str, Any]]

_MOST = 50
_BY_VALUE = '{"value": …, "mediaType": "application/cwl+json"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One CWL document: where it stands in the request, and what the others may call it."""

    document: Mapping[str, Any]
    pointer: str
    names: tuple[str, ...] = ()
    #: Whether it is a container image, made into CWL.
    is_image: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The process description of a package, and where it stands."""

    document: Mapping[str, Any]
    pointer: str


class Units:
    """Reads the execution units of one request; what is wrong is in ``faults``.

    ``seconds`` and ``size`` bound what all references take together.
    """

    def __init__(
        self,
        notation: Notation,
        stagers: Mapping[str, Stager],
        compile_image: CompileImage,
        *,
        owner: str | None,
        seconds: float,
        size: int,
    ) -> None:
        self._notation = notation
        self._stagers = stagers
        self._compile_image = compile_image
        self._owner = owner
        self._seconds, self._size = seconds, size
        self.faults: list[Fault] = []
        #: How many of the faults are that policy forbids a reference.
        self.refused = 0

    def read(self, given: Any, description: Description, pointer: str, parts: Sequence[Unit] = ()) -> list[Unit]:
        """Return the documents of the member ``executionUnit``; ``parts`` are those beside it in the request."""
        if not isinstance(given, list):
            given, places = [given], [pointer]
        else:
            places = [f"{pointer}/{index}" for index in range(len(given))]
            if not 0 < len(given) <= _MOST:
                self.faults.append(Fault(f"is a list of {len(given)} units: send 1 to {_MOST}", pointer))
                return []
        found: list[Unit] = []
        for unit, place in zip(given, places, strict=True):
            try:
                read = self._read(unit, description, place, parts)
            except ReferenceRefused as error:
                self.refused += 1
                self.faults.append(Fault(error.detail, f"{place}/href"))
            except InvalidPackage as error:
                self.faults += error.faults
            else:
                found += [read] if read not in found else []
        return found

    def _read(self, unit: Any, description: Description, pointer: str, parts: Sequence[Unit]) -> Unit:
        if not isinstance(unit, Mapping):
            _refuse(f"is {kind_of(unit)}; expected is a CWL document or {_BY_VALUE}", pointer)
        if is_cwl(unit):
            return Unit(document=unit, pointer=pointer)
        if is_image(unit):
            document = self._compile_image(unit, description.document, pointer, description.pointer)
            return Unit(document=document, pointer=pointer, is_image=True)
        for name in ("value", "unit"):
            if name in unit:
                value = self._value(unit, name, pointer)
                if name in value or "href" in value:
                    _refuse("is a unit around another one: send the inner one", f"{pointer}/{name}")
                inner = self._read(value, description, f"{pointer}/{name}", ())
                return Unit(document=inner.document, pointer=inner.pointer, names=_names(unit), is_image=inner.is_image)
        if "href" in unit:
            return self._reference(unit, pointer, parts)
        _refuse(f"is no execution unit: send CWL, by itself or as {_BY_VALUE}, or a container image", pointer)

    def _value(self, unit: Mapping[str, Any], name: str, pointer: str) -> Mapping[str, Any]:
        bare = _media_type(unit, pointer)
        value = unit[name]
        if isinstance(value, str):
            value = self._parse(value, bare, f"{pointer}/{name}")
        if not isinstance(value, Mapping):
            _refuse(f"is {kind_of(value)}; expected is a CWL document, an object or its text", f"{pointer}/{name}")
        return value

    def _parse(self, text: bytes | str, media_type: str, pointer: str) -> Any:
        try:
            return self._notation.parse(text, media_type)
        except InvalidRequest as error:
            raise InvalidPackage(faults=[Fault(fault.message, pointer) for fault in error.faults]) from error

    # ------------------------------------------------------------ references

    def _reference(self, unit: Mapping[str, Any], pointer: str, parts: Sequence[Unit]) -> Unit:
        href = unit["href"]
        if not isinstance(href, str) or not href:
            _refuse(f"is {kind_of(href)}; expected is a URL", f"{pointer}/href")
        bare = _media_type(unit, pointer)
        for part in parts:
            if href.removeprefix("cid:") in part.names:
                return part
        document = self._parse(self._fetch(href, f"{pointer}/href"), bare, f"{pointer}/href")
        if not isinstance(document, Mapping) or not is_cwl(document):
            _refuse("leads to something that is not a CWL document", f"{pointer}/href")
        name = url_name(href)
        return Unit(document=document, pointer=f"{pointer}/href", names=(href, name) if name else (href,))

    def _fetch(self, href: str, pointer: str) -> bytes:
        reference = Reference(href=href, owner=self._owner)
        stager = self._stagers.get(reference.scheme)
        if stager is None:
            _refuse(f"cannot be fetched here: its scheme is none of {', '.join(sorted(self._stagers))}", pointer)
        if self._seconds <= 0:
            _refuse("comes after others that took too long to fetch", pointer)
        began = time.monotonic()
        try:
            stager.check(reference)
            with TemporaryDirectory(prefix="weaverlite-unit-") as directory:
                limits = FetchLimits(size=self._size, seconds=self._seconds)
                file = stager.fetch(reference, Path(directory), limits)
                if not isinstance(file, LocalFile):
                    _refuse("is a directory; a CWL document is wanted", pointer)
                content = file.path.read_bytes()
        except (StagingError, InvalidInput) as error:
            raise InvalidPackage(faults=[Fault(error.detail, pointer)]) from error
        except OSError as error:
            _refuse(f"cannot be fetched: {error.strerror or error}", pointer)
        finally:
            self._seconds -= time.monotonic() - began
        self._size -= len(content)
        return content


def is_image(unit: Mapping[str, Any]) -> bool:
    """Return whether an execution unit is, or is meant to be, a container image."""
    return "image" in unit or unit.get("type") in ("docker", "oci")


def _media_type(unit: Mapping[str, Any], pointer: str) -> str:
    form = unit.get("format")
    nested = form.get("mediaType") if isinstance(form, Mapping) else None
    said = unit.get("mediaType") or unit.get("type") or nested or "application/cwl"
    bare = essence(said) if isinstance(said, str) else ""
    if bare not in CWL_TYPES | PLAIN_TYPES:
        where = "mediaType" if "mediaType" in unit else "type" if "type" in unit else "format/mediaType"
        _refuse(f"is {kind_of(said)}; execution units are CWL here, application/cwl+json", f"{pointer}/{where}")
    return bare


def _names(unit: Mapping[str, Any]) -> tuple[str, ...]:
    said = (unit.get(name) for name in ("href", "id", "title"))
    return tuple(name for name in said if isinstance(name, str) and name)


def _refuse(message: str, pointer: str) -> NoReturn:
    raise InvalidPackage(faults=[Fault(message, pointer)])
