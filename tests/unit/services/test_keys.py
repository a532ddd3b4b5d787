"""Idempotency keys: what counts as the same request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weaverlite.errors import KeyReused
from weaverlite.models.options import Options
from weaverlite.models.queries import KeyUse
from weaverlite.models.subscriber import Subscriber
from weaverlite.services.keys import check_use, digest_of, digest_of_definition
from weaverlite.services.requests import ExecuteRequest

REQUEST = ExecuteRequest(inputs={"a": 1, "b": [{"c": None, "d": "é\ud800"}]}, outputs={"x": {}})


def test_the_order_of_members_does_not_matter():
    turned = replace(REQUEST, inputs={"b": [{"d": "é\ud800", "c": None}], "a": 1})
    assert digest_of("echo", REQUEST) == digest_of("echo", turned)


def test_how_it_is_answered_does_not_matter():
    assert digest_of("echo", REQUEST) == digest_of("echo", replace(REQUEST, mode="sync", returns="minimal"))


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, inputs={"a": 1}),
        replace(REQUEST, inputs={**REQUEST.inputs, "a": 1.5}),
        replace(REQUEST, outputs=None),
        replace(REQUEST, outputs={}),
        replace(REQUEST, response="raw"),
        replace(REQUEST, options=Options(priority=1)),
        replace(REQUEST, options=Options(labels={"a": ""})),
        replace(REQUEST, subscriber=Subscriber(success_uri="https://a.example/")),
    ],
    ids=["inputs", "value", "all outputs", "no outputs", "response", "priority", "tag", "subscriber"],
)
def test_what_it_asks_for_matters(other):
    assert digest_of("echo", other) != digest_of("echo", REQUEST)


def test_the_process_matters():
    assert digest_of("echo", REQUEST) != digest_of("plot", REQUEST)


def test_another_request_is_refused_with_the_job():
    check_use(KeyUse(job_id="j1", digest="d"), "d")
    with pytest.raises(KeyReused, match="j1"):
        check_use(KeyUse(job_id="j1", digest="d"), "e")


def test_a_definition_is_the_same_if_its_document_and_its_start_are():
    document = {"process": "echo", "inputs": {"a": 1, "b": 2}}
    digest = digest_of_definition(document, starts=False)
    assert digest == digest_of_definition({"inputs": {"b": 2, "a": 1}, "process": "echo"}, starts=False)
    assert digest != digest_of_definition(document, starts=True)
    assert digest != digest_of_definition({**document, "title": "T"}, starts=False)
