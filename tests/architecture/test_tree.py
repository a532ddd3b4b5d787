"""The tree stays small, complete and free of what only this copy of it knows."""

from __future__ import annotations

import configparser
import io
import re
import tokenize
from pathlib import Path

import yaml

import weaverlite
from tests.architecture.tree import PACKAGE, ROOT, files, modules, name_of, texts
from weaverlite.settings import entries, ini_text

LONGEST = 420

SUPPRESSION = re.compile(r"(type:\s*ignore(\[[^\]]*\])?|noqa(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)?|pragma:\s*no cover)")


def test_modules_stay_short() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    longest = max(lengths, key=lambda name: lengths[name])
    assert lengths[longest] <= LONGEST, f"{longest} has {lengths[longest]} lines: it holds more than one noun"


def test_each_suppression_gives_its_reason() -> None:
    bare = []
    for path in files():
        if path.suffix != ".py":
            continue
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
            if token.type == tokenize.COMMENT and (match := SUPPRESSION.search(token.string)):
                reason = token.string[match.end() :].strip(" #-–:;,.")
                if len(reason.split()) < 2:
                    bare.append(f"{path.relative_to(ROOT)}:{token.start[0]} {token.string}")
    assert not bare, "say on the line why a check is wrong here:\n" + "\n".join(bare)


def test_nothing_names_the_machine_it_was_written_on() -> None:
    places = {f"{place}/" for place in (ROOT, Path.home()) if len(place.parts) > 1}
    found = [str(path.relative_to(ROOT)) for path, text in texts() if any(place in text for place in places)]
    assert not found, f"paths of this machine stand in {found}"


def test_the_code_knows_no_test_suite() -> None:
    suites = re.compile(r"cwltest|conformance_tests|ets-ogcapi|cite-?teamengine", re.IGNORECASE)
    found = [name_of(path) for path in modules() if suites.search(path.read_text(encoding="utf-8"))]
    assert not found, f"what works only for a test suite does not work: {found}"


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
    found = [str(path.relative_to(ROOT)) for path, text in texts() if later.search(text)]
    assert not found


def test_every_package_is_installed_with_its_data() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    for path in modules():
        assert (path.parent / "__init__.py").exists(), f"{path.parent} is no package: it would not be installed"
    patterns = config["options.package_data"]["weaverlite"].split()
    installed = {path for pattern in patterns for path in PACKAGE.glob(pattern)}
    data = {path for path in files() if PACKAGE in path.parents and path.suffix != ".py"}
    assert not data - installed, "add these to options.package_data in setup.cfg"


def test_the_changes_begin_with_this_version() -> None:
    text = (ROOT / "CHANGES.rst").read_text(encoding="utf-8")
    titles = re.findall(r"^(.+)\n-+\n", text, re.MULTILINE)
    assert titles[0] == f"Unreleased ({weaverlite.__version__})" or titles[0].startswith(f"{weaverlite.__version__} ")


def test_the_config_file_lists_every_setting_as_it_is() -> None:
    assert (ROOT / "config" / "weaverlite.ini").read_text(encoding="utf-8") == ini_text()
    for entry in entries():
        assert entry.meaning.strip(), f"{entry.key} is not explained"


def test_the_distributed_config_file_names_only_settings() -> None:
    keys = {entry.key for entry in entries()}
    text = (ROOT / "config" / "weaverlite-distributed.ini").read_text(encoding="utf-8")
    named = re.findall(r"^(weaverlite\.[a-z_.]+)\s*=", text, re.MULTILINE)
    assert named
    assert not set(named) - keys


def test_the_compose_file_names_only_settings_and_has_two_of_each() -> None:
    document = yaml.safe_load((ROOT / "docker" / "compose.yml").read_text(encoding="utf-8"))
    services = document["services"]
    assert {"front1", "front2", "worker1", "worker2", "redis", "mongo"} <= services.keys()
    assert services["mongo"]["image"] == "mongo:7"
    named = {name for service in services.values() for name in service.get("environment", {})}
    assert named
    assert not named - {entry.variable for entry in entries()}
