"""The table of conformance classes."""

from __future__ import annotations

from weaverlite.ogc.conformance import CLASSES, met


def test_no_class_stands_twice():
    assert len({item.uri for item in CLASSES}) == len(CLASSES)


def test_nothing_is_met_without_features():
    assert met(()) == ()


def test_a_feature_brings_its_classes_and_no_others():
    found = met({"dismiss"})
    assert {item.feature for item in found} == {"dismiss"}
    assert [item.uri.rsplit("/", 4)[1] for item in found] == ["ogcapi-processes-1", "ogcapi-processes-1"]
