"""Executions on a server of OGC API - Processes 1.0, and on ones that answer otherwise than they should."""

from __future__ import annotations

import threading

import pytest

from weaverlite.errors import EngineError, ReferenceRefused, StagingError, TimeLimit
from weaverlite.transfer.egress import Egress
from weaverlite.transfer.exchange import RemoteExchange
from weaverlite.transfer.talk import Talk

from .servers import OldProcesses, serving


@pytest.fixture(scope="module")
def old():
    answers = OldProcesses()
    with serving(answers) as server:
        server.answers = answers
        yield server
        answers.gate.set()


def execute(old, process, *, outputs=None, total=60.0, news=None, **inputs):
    talk = Talk(Egress(allow_private=["127.0.0.1"]), size=10**6, seconds=20)
    exchange = RemoteExchange(talk, servers=(old.base,), poll=0.01, total=total)
    said = news if news is not None else []
    return exchange.execute(
        f"{old.base}/processes/{process}", inputs, outputs, lambda percent, message: None,
        lambda message, level: said.append(message),
    )  # fmt: skip


def test_a_job_is_followed_until_its_results_are_there(old):
    news: list[str] = []
    assert execute(old, "slow", text="a", news=news)["loud"] == "A"
    (asked,) = old.of("POST", "/processes/slow/execution")
    assert asked.body == {"inputs": {"text": "a"}, "response": "document"}
    assert asked.headers["Prefer"] == "respond-async"
    assert news[0].startswith("accepted there as")
    assert news[1:] == ["there: running: is running", "there: successful: is successful"]


@pytest.mark.parametrize("process", ["sync", "raw"])
def test_an_answer_at_once_is_as_good(old, process):
    (value,) = execute(old, process, text="a", outputs={"loud": {}}).values()
    assert value == "A"


def test_results_that_are_links_are_references(old):
    assert execute(old, "links", text="a") == {"loud": {"href": f"{old.base}/files/a.txt", "type": "text/plain"}}


def test_a_server_that_is_busy_for_a_moment_is_asked_again(old):
    assert execute(old, "flaky", text="a")["loud"] == "A"


@pytest.mark.parametrize(
    ("process", "said"),
    [
        ("fail", "is failed: the disk is full there"),
        ("broken", "500: out of order"),
        ("picky", "400: text is too long"),
        ("missing-one", "404: nothing here"),
    ],
)
def test_what_the_server_says_of_a_failure_is_told(old, process, said):
    with pytest.raises(EngineError) as caught:
        execute(old, process, text="a")
    assert said in caught.value.detail


def test_a_status_that_is_no_json_is_not_waited_for_for_ever(old):
    with pytest.raises(EngineError, match="cannot be asked any more: .*not valid JSON"):
        execute(old, "garbage", text="a")


def test_a_job_that_takes_too_long_is_dismissed_there(old):
    times = [0.0]

    def progress(percent, message):
        times[0] += 100

    talk = Talk(Egress(allow_private=["127.0.0.1"]), size=10**6, seconds=20)
    exchange = RemoteExchange(talk, servers=(old.base,), poll=0.01, total=60, clock=lambda: times[0])
    with pytest.raises(TimeLimit, match="remote_time"):
        exchange.execute(f"{old.base}/processes/hang", {}, None, progress, lambda *_: None)
    assert old.answers.dismissed[-1].startswith("hang-")


def test_a_server_that_never_answers_is_given_up(old):
    with pytest.raises(EngineError, match="could not be executed there"):
        execute(old, "silent", text="a", total=1.0)


def test_whatever_interrupts_us_dismisses_the_remote_job(old):
    begun = threading.Event()

    class Interrupted(BaseException):
        pass

    def progress(percent, message):
        begun.set()
        raise Interrupted

    talk = Talk(Egress(allow_private=["127.0.0.1"]), size=10**6, seconds=20)
    exchange = RemoteExchange(talk, servers=(old.base,), poll=0.01, total=60)
    with pytest.raises(Interrupted):
        exchange.execute(f"{old.base}/processes/hang", {}, None, progress, lambda *_: None)
    assert begun.is_set()
    assert old.answers.dismissed[-1].startswith("hang-")


def test_only_allowed_servers_are_asked(old):
    talk = Talk(Egress(allow_private=["127.0.0.1"]), size=10**6, seconds=20)
    for servers in [(), ("http://127.0.0.1:1",), (old.base + "1",), (old.base + "/other",)]:
        exchange = RemoteExchange(talk, servers=servers, poll=0.01, total=60)
        with pytest.raises(ReferenceRefused, match="chaining.servers"):
            exchange.execute(f"{old.base}/processes/sync", {}, None, lambda *_: None, lambda *_: None)


def test_the_egress_policy_holds_for_allowed_servers_too(old):
    exchange = RemoteExchange(Talk(Egress(), size=10**6, seconds=20), servers=(old.base,), poll=0.01, total=60)
    with pytest.raises(ReferenceRefused, match="public Internet"):
        exchange.execute(f"{old.base}/processes/sync", {}, None, lambda *_: None, lambda *_: None)


def test_an_answer_that_is_too_large_is_not_taken(old):
    talk = Talk(Egress(allow_private=["127.0.0.1"]), size=10, seconds=20)
    exchange = RemoteExchange(talk, servers=(old.base,), poll=0.01, total=60)
    with pytest.raises((EngineError, StagingError), match="larger than"):
        exchange.execute(f"{old.base}/processes/sync", {"text": "a" * 50}, None, lambda *_: None, lambda *_: None)
