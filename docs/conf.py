"""Configuration of Sphinx. The lists of settings and of errors are written from the code, so they cannot differ."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

import weaverlite
from weaverlite import errors
from weaverlite.ogc.exceptions import BLANK
from weaverlite.settings import entries

project = "WeaverLite"
author = "The WeaverLite founders"
copyright = f"2026, {author}"
release = version = weaverlite.__version__

extensions = ["sphinx.ext.autodoc", "sphinx_click"]
exclude_patterns = ["_build", "_generated"]
html_theme = "furo"
html_title = f"WeaverLite {release}"
autodoc_member_order = "bysource"
autodoc_typehints = "description"


def write_settings(app: Sphinx) -> None:
    """Write ``_generated/settings.rst``: every setting with its variable, default and meaning, by section."""
    lines: list[str] = []
    section = None
    for entry in entries():
        if entry.section != section:
            section = entry.section
            lines += ["", section, "-" * len(section), ""]
        lines += [
            f"``{entry.key}``",
            f"    {_plain(entry.meaning)}",
            "",
            f"    Default: ``{entry.default}``. Variable: ``{entry.variable}``."
            if entry.default
            else f"    Default: empty. Variable: ``{entry.variable}``.",
            "",
        ]
    _write(app, "settings.rst", lines)


def _plain(text: str) -> str:
    """Return text in which no sign means anything to docutils."""
    return re.sub(r"([\\*_`|])", r"\\\1", text)


#: Errors that are never an answer: where they go instead.
_ELSEWHERE = {
    errors.StaleRevision: "Nobody sees it: a lost compare-and-set, after which one looks again.",
    errors.ConfigurationError: "Ends the command that reads the settings.",
    errors.ExecutionError: "The reason of a failed job, with its ``reason``:",
}


def write_errors(app: Sphinx) -> None:
    """Write ``_generated/errors.rst``: the tree of errors with status and type, and what each says by itself."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 30 8 30 40", ""]
    lines += _row("Error", "Status", "Type", "Says")
    for error, depth in _tree(errors.WeaverLiteError, 0):
        said = inspect.cleandoc(error.__doc__ or "").partition("\n")[0]
        name = "· " * depth + error.__name__
        if any(issubclass(error, kind) for kind in _ELSEWHERE):
            reason = f"``{error.reason}``" if issubclass(error, errors.ExecutionError) and depth > 1 else ""
            lines += _row(name, "–", reason, f"{said} {_ELSEWHERE.get(error, '')}".strip())
        else:
            kind = BLANK if error.type == BLANK else error.type.replace("http://www.opengis.net/def/exceptions/", "…/")
            lines += _row(name, str(error.status), kind, said)
    _write(app, "errors.rst", lines)


def _tree(error: type[errors.WeaverLiteError], depth: int) -> Iterator[tuple[type[errors.WeaverLiteError], int]]:
    for kind in error.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind, depth
            yield from _tree(kind, depth + 1)


def _row(first: str, *others: str) -> list[str]:
    return [f"   * - {first}", *(f"     - {text}".rstrip() for text in others)]


def _write(app: Sphinx, name: str, lines: list[str]) -> None:
    target = Path(app.srcdir) / "_generated" / name
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", write_settings)
    app.connect("builder-inited", write_errors)
