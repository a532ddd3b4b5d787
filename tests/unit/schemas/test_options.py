"""Options: every wrong word is told, and what this release cannot do is refused by name."""

from __future__ import annotations

import pytest

from weaverlite.models.options import Options
from weaverlite.schemas.options import check_options


def test_every_option_of_this_release_is_accepted_and_parsed():
    document = {
        "name": "monthly run",
        "labels": {"project": "alps", "team/name": "x"},
        "priority": 5,
        "timeouts": {"queue": "1h", "execution": 90, "total": "1h30m"},
        "attempts": 3,
        "idempotent": True,
        "reuse": False,
        "publisher": "local",
        "network": {"mode": "none"},
        "resources": {"cores": 0.5, "memory": "2GiB", "disk": 1000, "gpus": 0},
        "count": 1,
        "keep": "2d",
    }
    assert check_options(document) == []
    options = Options.from_json(document)
    assert options.timeouts.execution is not None and options.timeouts.execution.total_seconds() == 90
    assert options.resources.memory == 2 * 1024**3


@pytest.mark.parametrize(
    ("document", "pointer", "words"),
    [
        ({"lables": {}}, "/options/lables", "is 'labels' meant?"),
        ({"timeouts": {"exec": 1}}, "/options/timeouts/exec", "is 'execution' meant?"),
        ({"timeouts": {"queue": "5 minutes"}}, "/options/timeouts/queue", "write it like"),
        ({"resources": {"memory": "lots"}}, "/options/resources/memory", "write it like"),
        ({"keep": -1}, "/options/keep", "not a duration"),
        ({"priority": 1000}, "/options/priority", "maximum 100"),
        ({"attempts": 0}, "/options/attempts", "minimum 1"),
        ({"labels": {"a b": "x"}}, "/options/labels", "pattern"),
        ({"labels": {"a": 1}}, "/options/labels/a", "expected is a string"),
        ([], "/options", "expected is an object"),
        ({"selector": {"gpu": "yes"}}, "/options/selector", "not supported"),
        ({"reuse": True}, "/options/reuse", "not supported"),
        ({"network": {"mode": "full"}}, "/options/network", "not supported"),
        ({"network": {"domains": ["example.org"]}}, "/options/network", "not supported"),
        ({"count": 2}, "/options/count", "not supported"),
        ({"target": "all"}, "/options/target", "not supported"),
        ({"resources": {"gpus": 1}}, "/options/resources/gpus", "not supported"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(document, pointer, words):
    found = check_options(document)
    assert [fault.pointer for fault in found] == [pointer]
    assert words in found[0].message


def test_all_faults_of_options_are_told_at_once():
    found = check_options({"nmae": "x", "count": 3, "priority": "high"}, "/hints/0")
    assert {fault.pointer for fault in found} == {"/hints/0/nmae", "/hints/0/count", "/hints/0/priority"}
