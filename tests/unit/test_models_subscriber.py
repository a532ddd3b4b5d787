from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from weaverlite.errors import IllegalTransition
from weaverlite.models.codec import from_json, to_json
from weaverlite.models.job import Job
from weaverlite.models.subscriber import Subscriber
from weaverlite.ogc.status import StatusCode

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PROBLEM = {"type": "about:blank", "detail": "it broke"}
ALL = Subscriber(success_uri="http://a/s", in_progress_uri="http://a/p", failed_uri="http://a/f")


def accepted(subscriber: Subscriber | None = ALL) -> Job:
    job = Job(job_id="1", process_id="p", process_revision=1, created_at=AT, subscriber=subscriber, max_attempts=2)
    return job.accept(AT)


def owed(job: Job) -> list[str]:
    return [str(item.status) for item in job.deliveries]


def test_accepted_job_owes_nothing() -> None:
    assert accepted().deliveries == () and accepted().callback_at is None


def test_job_without_subscriber_never_owes() -> None:
    job = accepted(None).start("w", AT).succeed(AT)
    assert job.deliveries == () and job.callback_at is None


def test_start_and_end_are_owed_as_they_come() -> None:
    running = accepted().start("w", AT)
    assert owed(running) == ["running"] and running.callback_at == AT
    assert owed(running.succeed(AT + MINUTE)) == ["successful"], "that it runs is no news any more"


@pytest.mark.parametrize("end", ["failed", "dismissed"])
def test_bad_ends_are_owed_to_the_uri_of_failures(end: str) -> None:
    running = accepted(Subscriber(failed_uri="http://a/f")).start("w", AT)
    job = running.fail(PROBLEM, AT) if end == "failed" else running.dismiss(AT)
    assert owed(job) == [end]
    assert ALL.uri(job.status) == "http://a/f"


def test_only_uris_that_were_given_are_owed_a_call() -> None:
    assert owed(accepted(Subscriber(success_uri="http://a/s")).start("w", AT).dismiss(AT)) == []


def test_second_attempt_is_not_told() -> None:
    running = accepted().start("w", AT)
    told = running.hold_delivery(AT, AT + MINUTE)
    told = told.settle_delivery(told.deliveries[0], None)
    assert owed(told.retry(AT, "lost").start("w", AT)) == []


def test_held_delivery_is_nobody_elses_until_its_time_is_over() -> None:
    held = accepted().start("w", AT).hold_delivery(AT, AT + MINUTE)
    assert held.callback_at == AT + MINUTE
    with pytest.raises(IllegalTransition):
        held.hold_delivery(AT, AT + MINUTE)
    assert held.hold_delivery(AT + MINUTE, AT + 2 * MINUTE).callback_at == AT + 2 * MINUTE


def test_end_waits_for_the_call_that_is_on_its_way() -> None:
    held = accepted().start("w", AT).hold_delivery(AT, AT + MINUTE)
    ended = held.succeed(AT)
    assert owed(ended) == ["running", "successful"] and ended.callback_at == AT + MINUTE
    settled = ended.settle_delivery(held.deliveries[0], None)
    assert owed(settled) == ["successful"] and settled.callback_at == AT


def test_start_that_could_not_be_told_is_dropped_once_the_job_has_ended() -> None:
    held = accepted().start("w", AT).hold_delivery(AT, AT + MINUTE)
    settled = held.succeed(AT).settle_delivery(held.deliveries[0], AT + 5 * MINUTE)
    assert owed(settled) == ["successful"]


def test_missed_call_is_put_off_and_counted() -> None:
    held = accepted().start("w", AT).succeed(AT).hold_delivery(AT, AT + MINUTE)
    missed = held.settle_delivery(held.deliveries[0], AT + 5 * MINUTE)
    assert missed.callback_at == AT + 5 * MINUTE
    assert (missed.deliveries[0].tries, missed.deliveries[0].is_held) == (1, False)


def test_delivery_that_somebody_else_took_over_is_not_settled() -> None:
    held = accepted().start("w", AT).succeed(AT).hold_delivery(AT, AT + MINUTE)
    taken = held.hold_delivery(AT + MINUTE, AT + 3 * MINUTE)
    with pytest.raises(IllegalTransition):
        taken.settle_delivery(held.deliveries[0], None)


def test_every_change_is_a_revision() -> None:
    job = accepted().start("w", AT).succeed(AT)
    held = job.hold_delivery(AT, AT + MINUTE)
    assert held.revision == job.revision + 1
    assert held.settle_delivery(held.deliveries[0], None).revision == job.revision + 2


def test_outbox_survives_the_store() -> None:
    job = accepted(replace(ALL, service_url="http://me")).start("w", AT).hold_delivery(AT, AT + MINUTE)
    assert from_json(Job, to_json(job)) == job


def test_request_and_model_say_the_same() -> None:
    document = {"successUri": "http://a/s", "failedUri": "http://a/f"}
    assert Subscriber.from_json(document).to_json() == document
    assert ALL.uri(StatusCode.ACCEPTED) is None
