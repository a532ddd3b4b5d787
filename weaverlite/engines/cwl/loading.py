"""Turning an admitted document into what the reference runner can execute, once for each package.

Only the document and the schemas that come with the runner are read: the fetcher here knows no network and no disk.
What the runner finds wrong is told with JSON pointers. It wants line numbers; it gets the numbers of the nodes.

This module imports the reference runner: it is loaded inside job processes only.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urljoin

from cwltool.context import LoadingContext
from cwltool.errors import UnsupportedRequirement, WorkflowException
from cwltool.load_tool import default_loader, make_tool, resolve_and_validate_document
from cwltool.process import Process
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from schema_salad.exceptions import SchemaSaladException, ValidationException
from schema_salad.fetcher import Fetcher

from weaverlite.engines.cwl.admission import Admitted
from weaverlite.engines.cwl.tools import construct_tool
from weaverlite.errors import Fault, InvalidPackage
from weaverlite.ogc.pointers import pointer_to

#: What the document is called. It is no place: nothing is ever read there.
URI = "file:///package.cwl"
_SPLIT = re.compile(r"\s*\n\s*")
_PLACE = re.compile(r"(?:file://)?/?package\.cwl(?::\d+:\d+:\s*|#)?")


class SealedFetcher(Fetcher):
    """Serves the schemas of CWL from memory, and nothing else."""

    def __init__(self, cache: Mapping[str, Any], session: Any) -> None:
        self._cache = cache

    def fetch_text(self, url: str, content_types: list[str] | None = None) -> str:
        text = self._cache.get(url)
        if isinstance(text, str):
            return text
        raise ValidationException(f"{url} lies outside the package: nothing is fetched")

    def check_exists(self, url: str) -> bool:
        return url in self._cache

    def urljoin(self, base_url: str, url: str) -> str:
        if url.startswith("_:"):
            return url
        return urljoin(base_url, url)


class Parsed:
    """A package as the runner executes it."""

    def __init__(self, admitted: Admitted, tool: Process) -> None:
        self.admitted = admitted
        self.tool = tool


class ParsedPackages:
    """The packages this process has parsed, by digest; the one unused for longest goes first."""

    def __init__(self, limit: int = 32) -> None:
        self._limit = limit
        self._parsed: OrderedDict[str, Parsed] = OrderedDict()

    def get(self, digest: str) -> Parsed | None:
        if parsed := self._parsed.get(digest):
            self._parsed.move_to_end(digest)
        return parsed

    def put(self, digest: str, parsed: Parsed) -> None:
        self._parsed[digest] = parsed
        while len(self._parsed) > self._limit:
            self._parsed.popitem(last=False)


def parse(admitted: Admitted) -> Parsed:
    """Return the document as the runner executes it.

    :raises InvalidPackage: the runner does not accept it.
    """
    pointers: list[str] = []
    document = _numbered(admitted.document, "", pointers)
    document.setdefault("id", URI)
    loading = LoadingContext({"fetcher_constructor": SealedFetcher, "doc_cache": False})
    loading.construct_tool_object = construct_tool
    loading.disable_js_validation = True
    # File names are the users' own: they reach a command as arguments, never through a shell.
    loading.relax_path_checks = True
    loading.loader = default_loader(SealedFetcher, doc_cache=False)
    loading.loader.idx[URI] = document
    try:
        loading, uri = resolve_and_validate_document(loading, document, URI)
        if "$graph" in admitted.document:
            uri = f"{URI}#{admitted.original.main.name}"
        return Parsed(admitted, make_tool(uri, loading))
    except SchemaSaladException as error:
        raise InvalidPackage(faults=_faults(error, pointers)) from error
    except (WorkflowException, UnsupportedRequirement) as error:
        raise InvalidPackage(faults=[Fault(_words(str(error)))]) from error
    except RecursionError as error:
        raise InvalidPackage("The document is nested too deeply.") from error
    except (AttributeError, KeyError, TypeError, ValueError, AssertionError) as error:
        # The runner trusts documents of a shape its schema lets through: if it trips, the package is at fault.
        raise InvalidPackage(
            f"The reference runner of CWL cannot read the package ({type(error).__name__}: {_words(str(error))})."
        ) from error


def _numbered(value: Any, pointer: str, pointers: list[str]) -> Any:
    """Return JSON as the loader wants it, each node with its index in ``pointers`` as its line."""
    if not isinstance(value, dict | list):
        return value
    line = len(pointers)
    pointers.append(pointer)
    node: Any = CommentedMap() if isinstance(value, dict) else CommentedSeq()
    members: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
    node._yaml_set_line_col(line, 0)
    node.lc.filename = URI
    for key, item in members:
        where = pointer_to(pointer, key)
        at = len(pointers)
        numbered = _numbered(item, where, pointers)
        if len(pointers) == at:
            pointers.append(where)
        if isinstance(value, dict):
            node[key] = numbered
        else:
            node.append(numbered)
        node.lc.add_kv_line_col(key, [at, 0, at, 0])
    return node


def _faults(error: SchemaSaladException, pointers: list[str]) -> list[Fault]:
    found: dict[Fault, None] = {}
    for leaf in error.leaves() or [error]:
        line = leaf.start[0] - 1 if leaf.start else 0
        pointer = pointers[line] if 0 <= line < len(pointers) else ""
        found.setdefault(Fault(_words(leaf.message), pointer))
    return list(found)[:20]


def _words(message: str) -> str:
    """Return a message of the runner on one line, without the places it names: those are the pointer's."""
    return _SPLIT.sub(" ", _PLACE.sub("", message)).strip()[:500] or "it is not valid CWL"
