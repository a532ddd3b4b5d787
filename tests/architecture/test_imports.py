"""Modules import downwards, never in a circle, and say truly what they offer."""

from __future__ import annotations

import ast
import graphlib
import importlib
import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import grimp
import pytest

from tests.architecture.tree import PACKAGE, ROOT, modules, name_of


def test_imports_keep_the_contracts() -> None:
    command = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [command, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contracts_have_no_exceptions() -> None:
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert "ignore_imports" not in text
    assert "unmatched_ignore_imports_alerting" not in text


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("weaverlite", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_the_vocabulary_of_ogc_stands_in_one_place() -> None:
    allowed = (PACKAGE / "ogc", PACKAGE / "schemas")
    found = [
        name_of(path)
        for path in modules()
        if not any(place in path.parents for place in allowed) and "opengis.net" in path.read_text(encoding="utf-8")
    ]
    assert not found, f"URIs of the OGC belong into weaverlite.ogc, not into {found}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_names_a_module_offers_exist(path: Path) -> None:
    if "__all__" not in path.read_text(encoding="utf-8"):
        return
    if name_of(path).endswith("__main__"):
        pytest.fail("a module that is run offers nothing")
    module = importlib.import_module(name_of(path))
    names = list(module.__all__)
    assert sorted(set(names)) == sorted(names), "a name stands twice"
    assert not [name for name in names if not hasattr(module, name)]
    assert not [name for name in names if name.startswith("_")]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if tree.body:
        assert ast.get_docstring(tree), "the module has no docstring"


def test_entry_points_lead_to_something() -> None:
    for entry in distribution("weaverlite").entry_points:
        assert entry.load() is not None, entry
