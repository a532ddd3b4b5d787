"""Bodies of executions: parsed, with everything that is wrong kept for the submission."""

from __future__ import annotations

import pytest

from weaverlite.errors import InvalidRequest
from weaverlite.models.options import Options
from weaverlite.services.requests import ExecuteRequest, parse_execute


def test_a_whole_request_is_parsed():
    request = parse_execute(
        {
            "process": "https://e.org/processes/p",
            "mode": "sync",
            "inputs": {"a": 1},
            "outputs": {"o": {"transmissionMode": "value"}},
            "response": "document",
            "options": {"name": "n", "priority": 3},
        },
        "sync",
    )
    assert request == ExecuteRequest(
        inputs={"a": 1},
        outputs={"o": {"transmissionMode": "value"}},
        mode="sync",
        response="document",
        options=Options(name="n", priority=3),
    )


def test_an_empty_request_asks_for_all_outputs():
    assert parse_execute({}) == ExecuteRequest()
    assert parse_execute({"outputs": {}}).outputs == {}


@pytest.mark.parametrize("body", [None, [], "a", 3])
def test_a_body_that_is_no_object_is_refused(body):
    with pytest.raises(InvalidRequest, match="expected is an object"):
        parse_execute(body)


def test_everything_wrong_is_kept():
    request = parse_execute(
        {
            "inputs": [1],
            "outputs": {"o": {"transmissionMode": "valu"}},
            "response": "Raw",
            "subscriber": {"successUri": "mailto:me@e.org"},
            "options": {"nmae": "x", "count": 2},
        }
    )
    assert {fault.pointer for fault in request.faults} == {
        "/inputs",
        "/outputs/o/transmissionMode",
        "/response",
        "/subscriber/successUri",
        "/options/nmae",
        "/options/count",
    }
    assert request.inputs == {} and request.options == Options()


def test_options_that_are_no_object_are_a_fault():
    for options in (None, [], 3):
        assert [fault.pointer for fault in parse_execute({"options": options}).faults] == ["/options"]
