"""Requirements and the classes they stand in."""

from __future__ import annotations

from collections import Counter

from weaverlite.ogc import conformance
from weaverlite.ogc.requirements import REQUIREMENTS, of_class


def test_each_requirement_has_a_key_of_its_own():
    assert max(Counter(item.key for item in REQUIREMENTS).values()) == 1


def test_each_class_has_requirements_and_each_requirement_a_class():
    classes = {item.uri for item in conformance.CLASSES}
    assert {item.class_uri for item in REQUIREMENTS} == classes
    assert all(of_class(uri) for uri in classes)


def test_a_class_is_listed_once():
    assert len({item.uri for item in conformance.CLASSES}) == len(conformance.CLASSES)


def test_requirements_have_the_ids_of_the_standard():
    (found,) = (item for item in REQUIREMENTS if item.key == "processes-1/2.0/core/landingpage-op")
    assert found.id == "/req/core/landingpage-op"
    assert found.uri.endswith("/spec/ogcapi-processes-1/2.0/req/core/landingpage-op")
    (advice,) = (item for item in REQUIREMENTS if item.key == "processes-1/2.0/core/head")
    assert advice.id == "/rec/core/head"


def test_only_what_is_met_is_listed():
    listed = set(conformance.uris({"html"}, "conf"))
    assert listed and all(uri.endswith("/html") for uri in listed)
    assert all("/req/html/" in uri for uri in conformance.uris({"html"}, "req"))
    assert list(conformance.uris(set(), "all")) == []
