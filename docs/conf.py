"""Configuration of Sphinx. The page of settings is written from the settings themselves, so it cannot differ."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

import weaverlite
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
            f"    {entry.meaning}",
            "",
            f"    Default: ``{entry.default}``. Variable: ``{entry.variable}``."
            if entry.default
            else f"    Default: empty. Variable: ``{entry.variable}``.",
            "",
        ]
    target = Path(app.srcdir) / "_generated" / "settings.rst"
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(lines), encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", write_settings)
