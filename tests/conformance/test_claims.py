"""What ``/conformance`` says against what the tests of this run say: nothing more, and nothing less."""

from __future__ import annotations

import re

import pytest

from tests.conformance import report
from tests.conformance.asserts import body, document
from tests.conformance.gaps import GAPS
from tests.conformance.marks import keys_of, name_for
from tests.conformance.service import Service
from weaverlite.ogc.requirements import REQUIREMENTS

CLASSES = tuple(dict.fromkeys(requirement.class_uri for requirement in REQUIREMENTS))
pytestmark = pytest.mark.outcome


def state_of(request: pytest.FixtureRequest, uri: str) -> list[report.Proof]:
    """Return what this run knows of a class; skip where it did not run all its tests."""
    found = report.by_class(request.config.stash[report.RUN].proofs())[uri]
    if not request.config.stash[report.RUN].is_whole:
        pytest.skip("only a part of tests/conformance runs: what it says of a class would not be true")
    return found


@pytest.mark.parametrize("uri", CLASSES, ids=lambda uri: uri.partition("/spec/ogcapi-")[2].replace("/conf/", "-"))
def test_claim(service: Service, request: pytest.FixtureRequest, uri: str) -> None:
    """A class is claimed if and only if all that it demands has passed."""
    claimed = document(service.get("/conformance"), "conformance")["conformsTo"]
    found = state_of(request, uri)
    broken = [proof.requirement.id for proof in found if proof.status != report.PASSED]
    if uri in claimed:
        assert report.is_met(found), f"{uri} is claimed, but {broken} did not pass"
    else:
        assert not report.is_met(found), f"{uri} is met but not claimed"


def test_gaps_are_gaps(service: Service, request: pytest.FixtureRequest) -> None:
    """What is said not to be met is not met."""
    assert body(service.get("/conformance"))["conformsTo"]
    run = request.config.stash[report.RUN]
    if not run.is_whole:
        pytest.skip("only a part of tests/conformance runs")
    states = {proof.requirement.key: proof.status for proof in run.proofs()}
    assert GAPS.keys() <= states.keys(), sorted(GAPS.keys() - states.keys())
    closed = [key for key in GAPS if states[key] == report.PASSED]
    assert not closed, f"take these out of tests/conformance/gaps.py: {closed}"


def test_nothing_else_is_claimed(service: Service) -> None:
    claimed = body(service.get("/conformance"))["conformsTo"]
    assert claimed
    assert not set(claimed) - set(CLASSES), "a class that no test knows is claimed"


def test_every_requirement_has_a_test(service: Service, request: pytest.FixtureRequest) -> None:
    """``/conformance?category=req`` names what is met; each has a test of this suite."""
    run = request.config.stash[report.RUN]
    if not run.is_whole:
        pytest.skip("only a part of tests/conformance runs")
    named = body(service.get("/conformance?category=req"))["conformsTo"]
    assert named
    tested = {proof.requirement.uri for proof in run.proofs() if proof.cases}
    assert not set(named) - tested


def test_tests_name_requirements_that_there_are(service: Service, request: pytest.FixtureRequest) -> None:
    assert body(service.get("/conformance"))["conformsTo"]
    known = {requirement.key for requirement in REQUIREMENTS}
    for item in request.session.items:
        if not report.is_ours(item):
            continue
        keys = keys_of(item)
        assert set(keys) <= known, f"{item.nodeid}: {sorted(set(keys) - known)}"
        function = report.function_of(item.nodeid).partition("__")[0]
        if keys:
            names = {name_for(key) for key in keys}
            assert function in names, f"{function} is to be named after one of {sorted(names)}"
        else:
            assert not re.match("test_req_", function), f"{function} is not marked"


def test_the_page_in_the_docs_is_that_of_this_run(service: Service, request: pytest.FixtureRequest) -> None:
    """``make conformance`` writes docs/conformance.rst; it is to be committed with what changes it."""
    assert body(service.get("/conformance"))["conformsTo"]
    run = request.config.stash[report.RUN]
    if not run.is_whole:
        pytest.skip("only a part of tests/conformance runs")
    written = report.PAGE.read_text(encoding="utf-8") if report.PAGE.exists() else ""
    if request.config.getoption("--write-conformance"):
        report.PAGE.write_text(run.page(), encoding="utf-8")
        return
    assert written == run.page(), "docs/conformance.rst is stale: run 'make conformance'"
