"""Profiles, in every form in which clients name them."""

from __future__ import annotations

import pytest

from weaverlite.ogc import profiles
from weaverlite.ogc.links import read_header


@pytest.mark.parametrize(
    "name",
    [
        profiles.RESULTS,
        profiles.RESULTS.replace("https:", "http:"),
        "ogc-results",
        "OGC-Results",
        "[ogc:ogc-results]",
        "[:ogc-results]",
        f" {profiles.RESULTS} ",
    ],
)
def test_a_profile_has_many_names(name):
    assert profiles.find(name) == profiles.RESULTS


@pytest.mark.parametrize(
    "name", ["", "results", "[ogc-results]", "[ogc:nothing]", "https://example.org/ogc-results", "[[:x]]", "\0", "é"]
)
def test_an_unknown_profile_is_none(name):
    assert profiles.find(name) is None


def test_wishes_are_gathered_from_everywhere_and_unknown_ones_left_out():
    found = profiles.wished(
        ["unknown,jobs-list", "[ogc:ogc-results]"],
        f"<{profiles.JOB}>;q=0.5, <urn:none>, <{profiles.PROCESS_LIST}>;q=0",
        f'application/json;profile="{profiles.PROCESS_DESCRIPTION} urn:x", */*',
        "ogc-execute-request",
    )
    assert found == (
        profiles.JOB_LIST,
        profiles.RESULTS,
        profiles.JOB,
        profiles.PROCESS_DESCRIPTION,
        profiles.EXECUTE_REQUEST,
    )


@pytest.mark.parametrize("header", ["", "<", "<>", ",,;", "<" * 9000, "é", "<a b>;q=x", '"', "profile=;" * 2000])
def test_malformed_wishes_are_ignored(header):
    assert profiles.wished([header], header, header, header) == ()


def test_the_profile_of_an_answer_is_a_link():
    (link,) = read_header(profiles.header(profiles.RESULTS))
    assert (link.href, link.rel) == (profiles.RESULTS, "profile")
