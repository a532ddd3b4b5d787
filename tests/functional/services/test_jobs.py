"""The life of a job through the use cases, over a real store and queue."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.functional.services.conftest import OFFER, finish, start
from weaverlite.errors import (
    IllegalTransition,
    InvalidInput,
    InvalidRequest,
    JobRemoved,
    NoSuchJob,
    NoSuchOutput,
    NoSuchProcess,
    Overloaded,
    QueueError,
    ReferenceRefused,
    Refused,
)
from weaverlite.models.job import JobEvent
from weaverlite.models.options import Options, Resources, Timeouts
from weaverlite.models.process import Process
from weaverlite.models.queries import EventQuery, JobQuery
from weaverlite.ogc.status import StatusCode
from weaverlite.runtime import Runtime
from weaverlite.services.jobs import ExecuteRequest, Jobs, parse_execute
from weaverlite.settings import LimitsSettings

HELLO = ExecuteRequest(inputs={"text": "hello"})
ALL = EventQuery()


def messages(events):
    return [event.message for event in events or ()]


# ---------------------------------------------------------------- submission


def test_an_accepted_job_is_stored_with_its_inputs_and_history(jobs, store):
    job = jobs.submit("stats", HELLO, "ann")
    assert job.status is StatusCode.ACCEPTED
    assert store.jobs.get(job.job_id) == job
    assert jobs.inputs(job.job_id, "ann") == {"text": "hello", "depth": 3}
    assert messages(jobs.events(job.job_id, "ann", ALL)) == ["accepted"]


def test_needs_of_a_job_are_those_of_process_and_request(jobs):
    reference = {"href": "data:text/csv,a", "type": "text/csv"}
    request = ExecuteRequest(
        inputs={"text": "x", "table": reference}, options=Options(resources=Resources(memory=5000, disk=7))
    )
    needs = jobs.submit("stats", request, None).needs
    assert (needs.engine, needs.schemes, needs.publisher) == ("cwl", {"data"}, "local")
    assert (needs.cores, needs.memory, needs.disk) == (2, 5000, 7)


def test_everything_wrong_with_a_request_is_told_at_once(jobs, store):
    request = parse_execute(
        {
            "inputs": {"txet": 1, "depth": "deep", "table": {"href": "gopher://e.org/"}},
            "outputs": {"tabel": {}},
            "options": {"nmae": 1},
        }
    )
    with pytest.raises(InvalidInput) as caught:
        jobs.submit("stats", request, None)
    assert {fault.pointer for fault in caught.value.faults} == {
        "/inputs/txet",
        "/inputs/text",
        "/inputs/depth",
        "/inputs/table/href",
        "/outputs/tabel",
        "/options/nmae",
    }
    assert store.jobs.find(JobQuery()).items == ()


def test_the_error_is_named_by_what_is_wrong(jobs):
    with pytest.raises(NoSuchOutput, match="is 'table' meant"):
        jobs.submit("stats", ExecuteRequest(inputs={"text": "a"}, outputs={"tabel": {}}), None)
    with pytest.raises(InvalidRequest, match="no publisher 's3'"):
        jobs.submit("stats", ExecuteRequest(inputs={"text": "a"}, options=Options(publisher="s3")), None)
    with pytest.raises(ReferenceRefused, match="allow_private"):
        jobs.submit("stats", ExecuteRequest(inputs={"text": {"href": "http://127.0.0.1/a"}}), None)
    with pytest.raises(NoSuchProcess):
        jobs.submit("stat", HELLO, None)


def test_outputs_are_only_offered_in_their_own_format(jobs):
    wanted = {"table": {"format": {"mediaType": "text/csv"}}, "count": {"format": {"mediaType": "text/plain"}}}
    assert jobs.submit("stats", ExecuteRequest(inputs={"text": "a"}, outputs=wanted), None).requested_outputs == wanted
    wanted = {"table": {"format": {"mediaType": "image/png"}}}
    with pytest.raises(InvalidRequest) as caught:
        jobs.submit("stats", ExecuteRequest(inputs={"text": "a"}, outputs=wanted), None)
    assert caught.value.faults[0].pointer == "/outputs/table/format/mediaType"


def test_asking_for_no_outputs_is_allowed(jobs):
    assert jobs.submit("stats", ExecuteRequest(inputs={"text": "a"}, outputs={}), None).requested_outputs == {}


def test_limits_of_the_operator_clamp_what_is_asked_for(store, queue, stagers, publisher, process):
    limits = LimitsSettings(
        queue_time=timedelta(minutes=5),
        execution_time=timedelta(hours=1),
        attempts=2,
        memory=4000,
        disk=500,
        keep=timedelta(days=1),
    )
    jobs = Jobs(store, queue, stagers, publisher, limits)
    asked = Options(
        timeouts=Timeouts(queue=timedelta(hours=1), execution=timedelta(seconds=30)),
        attempts=9,
        idempotent=True,
        resources=Resources(memory=10**9, disk=10**9),
        keep=timedelta(days=9),
    )
    job = jobs.submit("stats", ExecuteRequest(inputs={"text": "a"}, options=asked), None)
    assert job.options.timeouts == Timeouts(queue=timedelta(minutes=5), execution=timedelta(seconds=30))
    assert job.queue_deadline == job.created_at + timedelta(minutes=5)
    assert (job.options.resources, job.needs.memory) == (Resources(memory=4000, disk=500), 4000)
    assert (job.max_attempts, job.options.keep) == (2, timedelta(days=1))
    plain = jobs.submit("stats", HELLO, None)
    assert plain.options.timeouts == Timeouts(queue=timedelta(minutes=5), execution=timedelta(hours=1))
    assert (plain.max_attempts, plain.options.keep) == (1, timedelta(days=1))


def test_more_attempts_need_a_job_that_may_be_repeated(jobs):
    with pytest.raises(InvalidRequest, match="idempotent"):
        jobs.submit("stats", ExecuteRequest(inputs={"text": "a"}, options=Options(attempts=2)), None)
    again = ExecuteRequest(inputs={"text": "a"}, options=Options(attempts=2, idempotent=True))
    assert jobs.submit("stats", again, None).max_attempts == 2


def test_a_time_limit_of_nothing_is_refused(jobs):
    options = Options(timeouts=Timeouts(execution=timedelta(0)))
    with pytest.raises(InvalidRequest) as caught:
        jobs.submit("stats", ExecuteRequest(inputs={"text": "a"}, options=options), None)
    assert caught.value.faults[0].pointer == "/options/timeouts/execution"


def described(store, process: Process, *, job_control_options=(), **description) -> str:
    """Add a variant of the process and return its id."""
    variant = replace(
        process,
        process_id="variant",
        description=replace(process.description, **description),
        job_control_options=job_control_options or process.job_control_options,
    )
    store.processes.add(variant)
    return "variant"


def test_defaults_of_the_package_stand_behind_the_request(jobs, store, process):
    own = Options(name="own", priority=7, labels={"a": "1", "b": "1"})
    variant = described(store, process, options=own)
    request = ExecuteRequest(inputs={"text": "a"}, options=Options(name="mine", labels={"b": "2"}))
    job = jobs.submit(variant, request, None)
    assert (job.options.name, job.priority, job.options.labels) == ("mine", 7, {"a": "1", "b": "2"})


def test_a_process_that_knows_one_mode_is_run_in_it(jobs, store, process):
    variant = described(store, process, job_control_options=("async-execute",))
    assert jobs.submit(variant, ExecuteRequest(inputs={"text": "a"}, mode="sync"), None).mode == "async"
    assert jobs.submit("stats", ExecuteRequest(inputs={"text": "a"}, mode="sync"), None).mode == "sync"


def test_host_commands_are_refused_where_they_are_not_allowed(store, queue, stagers, publisher, process):
    variant = described(store, process, host_commands=True)
    jobs = Jobs(store, queue, stagers, publisher, LimitsSettings(), host_commands=False)
    with pytest.raises(Refused, match="weaverlite.worker.host_commands"):
        jobs.submit(variant, HELLO, None)
    assert jobs.submit("stats", HELLO, None)


def test_a_bell_that_cannot_be_rung_loses_nothing(store, stagers, publisher, process, caplog):
    class Broken:
        def put(self, job_id, priority=0):
            raise QueueError("The broker is away.")

    jobs = Jobs(store, Broken(), stagers, publisher, LimitsSettings())
    job = jobs.submit("stats", HELLO, None)
    assert store.jobs.get(job.job_id).status is StatusCode.ACCEPTED
    assert "The broker is away." in caplog.text


# ---------------------------------------------------------------- questions


def test_a_job_exists_for_its_owner_only(jobs):
    job = jobs.submit("stats", HELLO, "ann")
    for question in (
        lambda: jobs.get(job.job_id, "bob"),
        lambda: jobs.get(job.job_id, None),
        lambda: jobs.inputs(job.job_id, "bob"),
        lambda: jobs.events(job.job_id, "bob", ALL),
        lambda: jobs.wait(job.job_id, "bob", 1),
        lambda: jobs.follow(job.job_id, "bob", ALL, threading.Event()),
        lambda: jobs.dismiss(job.job_id, "bob"),
    ):
        with pytest.raises(NoSuchJob):
            question()
    assert jobs.find(JobQuery(), "bob").items == ()
    assert jobs.find(JobQuery(), None).items == ()
    assert [found.job_id for found in jobs.find(JobQuery(), "ann").items] == [job.job_id]


def test_jobs_are_found_by_the_beginning_of_their_id_and_by_process(jobs, store):
    job = jobs.submit("stats", HELLO, None)
    jobs.submit("stats", HELLO, None)
    assert [found.job_id for found in jobs.find(JobQuery(id_prefix=job.job_id[:8]), None).items] == [job.job_id]
    store.processes.remove("stats")
    assert len(jobs.find(JobQuery(process_ids=frozenset({"stats"})), None).items) == 2
    with pytest.raises(NoSuchProcess):
        jobs.find(JobQuery(process_ids=frozenset({"nope"})), None)


# ---------------------------------------------------------------- waiting


def test_a_wait_returns_as_soon_as_the_job_has_ended(jobs, store, publisher, tmp_path):
    job = jobs.submit("stats", HELLO, None)
    running = start(store, job)
    timer = threading.Timer(0.2, finish, (store, publisher, running, tmp_path / "work"))
    timer.start()
    before = time.monotonic()
    assert jobs.wait(job.job_id, None, 20).status is StatusCode.SUCCESSFUL
    assert time.monotonic() - before < 10
    timer.join()
    assert jobs.wait(job.job_id, None, 20).status is StatusCode.SUCCESSFUL


def test_a_wait_ends_with_its_time(jobs):
    job = jobs.submit("stats", HELLO, None)
    assert jobs.wait(job.job_id, None, 0.1).status is StatusCode.ACCEPTED
    assert jobs.wait(job.job_id, None, 0).status is StatusCode.ACCEPTED


def test_an_end_in_another_process_is_seen_too(jobs, settings, publisher, tmp_path):
    job = jobs.submit("stats", HELLO, None)
    runtime = Runtime.from_settings(settings)
    other = runtime.store
    try:
        timer = threading.Timer(0.1, lambda: finish(other, publisher, start(other, job), tmp_path / "work"))
        timer.start()
        assert jobs.wait(job.job_id, None, 20).is_terminal
        timer.join()
    finally:
        runtime.close()


def test_waits_beyond_the_allowed_number_return_at_once(jobs):
    job = jobs.submit("stats", HELLO, None)
    held = [jobs.follow(job.job_id, None, ALL, threading.Event()) for _ in range(2)]
    assert jobs.wait(job.job_id, None, 60).status is StatusCode.ACCEPTED
    with pytest.raises(Overloaded):
        jobs.follow(job.job_id, None, ALL, threading.Event())
    # Letting go of a follower frees its place, even if nothing was read from it.
    held.pop().close()
    jobs.follow(job.job_id, None, ALL, threading.Event()).close()
    held.pop().close()


def test_closing_ends_every_wait(jobs):
    job = jobs.submit("stats", HELLO, None)
    threading.Timer(0.1, jobs.close).start()
    assert jobs.wait(job.job_id, None, 60).status is StatusCode.ACCEPTED
    assert [batch for batch in jobs.follow(job.job_id, None, ALL, threading.Event()) if batch] == []


# ---------------------------------------------------------------- following


def say(store, job, topic, *lines):
    now = datetime.now(UTC)
    store.events.append(
        [JobEvent(job_id=job.job_id, attempt=job.attempt, at=now, topic=topic, message=line) for line in lines]
    )


def test_followers_see_every_event_once_and_end_with_the_job(jobs, store, publisher, tmp_path):
    job = jobs.submit("stats", HELLO, None)

    def run():
        running = start(store, job)
        for number in range(20):
            say(store, running, "stdout", f"line {number}")
        done = finish(store, publisher, running, tmp_path / "work")
        # The last word comes after the state, as a worker writes it.
        time.sleep(0.1)
        say(store, done, "status", "successful")

    worker = threading.Timer(0.1, run)
    worker.start()
    batches = list(jobs.follow(job.job_id, None, EventQuery(limit=7), threading.Event()))
    worker.join()
    found = [event for batch in batches for event in batch or ()]
    assert messages(found) == ["accepted", *(f"line {number}" for number in range(20)), "successful"]
    assert [event.seq for event in found] == sorted({event.seq for event in found})


def test_a_follower_of_an_ended_job_reads_its_tail_and_ends(jobs, store, publisher, tmp_path):
    job = jobs.submit("stats", HELLO, None)
    running = start(store, job)
    say(store, running, "stdout", *map(str, range(50)))
    done = finish(store, publisher, running, tmp_path / "work")
    say(store, done, "status", "successful")
    query = EventQuery(topics=frozenset({"stdout"}), tail=3)
    found = [batch for batch in jobs.follow(job.job_id, None, query, threading.Event()) if batch]
    assert [messages(batch) for batch in found] == [["47", "48", "49"]]


def test_a_follower_without_news_says_so_and_ends_when_told(jobs):
    job = jobs.submit("stats", HELLO, None)
    stop = threading.Event()
    seen = []
    for batch in jobs.follow(job.job_id, None, ALL, stop):
        seen.append(batch)
        if batch is None:
            stop.set()
    assert messages(seen[0]) == ["accepted"]
    assert seen[1:] == [None]


def test_a_follower_ends_when_its_job_is_removed(jobs, store):
    job = jobs.submit("stats", HELLO, None)
    follower = jobs.follow(job.job_id, None, ALL, threading.Event())
    assert messages(next(follower)) == ["accepted"]
    jobs.dismiss(job.job_id, None)
    jobs.dismiss(job.job_id, None)
    assert [batch for batch in follower if batch] == []


# ---------------------------------------------------------------- dismissal


def test_a_job_that_waits_is_dismissed_at_once(jobs, store):
    job = jobs.submit("stats", HELLO, None)
    assert jobs.dismiss(job.job_id, None).status is StatusCode.DISMISSED
    assert store.jobs.get(job.job_id).status is StatusCode.DISMISSED
    assert messages(jobs.events(job.job_id, None, ALL)) == ["accepted", "dismissed"]


def test_a_running_job_is_stopped_by_its_worker(jobs, store):
    job = jobs.submit("stats", HELLO, None)
    start(store, job)

    def worker():
        while not store.jobs.beat(job.job_id, 1, datetime.now(UTC)).dismissal_asked_at:
            time.sleep(0.02)
        store.jobs.save(store.jobs.get(job.job_id).dismiss(datetime.now(UTC)))

    thread = threading.Thread(target=worker)
    thread.start()
    assert jobs.dismiss(job.job_id, None).status is StatusCode.DISMISSED
    thread.join()


def test_an_ended_job_is_removed_with_its_files(jobs, store, publisher, tmp_path):
    job = jobs.submit("stats", HELLO, None)
    finish(store, publisher, start(store, job), tmp_path / "work")
    assert list(publisher.find()) == [job.job_id]
    assert jobs.dismiss(job.job_id, None).status is StatusCode.DISMISSED
    assert list(publisher.find()) == []
    with pytest.raises(JobRemoved):
        jobs.get(job.job_id, None)
    with pytest.raises(JobRemoved):
        jobs.dismiss(job.job_id, None)


def test_a_dismissal_that_loses_against_a_worker_decides_again(jobs, store):
    """Workers and dismissals race for each job; whoever wins, the job is dismissed and nothing is written twice."""
    accepted = [jobs.submit("stats", HELLO, None) for _ in range(20)]

    def worker():
        for job in accepted:
            if won := store.jobs.claim(OFFER, datetime.now(UTC), job.job_id):
                while not store.jobs.get(won.job_id).dismissal_asked_at:
                    time.sleep(0.005)
                store.jobs.save(store.jobs.get(won.job_id).dismiss(datetime.now(UTC)))

    thread = threading.Thread(target=worker)
    thread.start()
    ended = [jobs.dismiss(job.job_id, None) for job in accepted]
    thread.join()
    assert {job.status for job in ended} == {StatusCode.DISMISSED}


def test_a_job_that_ends_although_it_was_asked_to_stop_keeps_what_it_left(jobs, store, publisher, tmp_path):
    job = jobs.submit("stats", HELLO, None)
    start(store, job)

    def worker():
        while not store.jobs.beat(job.job_id, 1, datetime.now(UTC)).dismissal_asked_at:
            time.sleep(0.02)
        finish(store, publisher, store.jobs.get(job.job_id), tmp_path / "work")

    thread = threading.Thread(target=worker)
    thread.start()
    with pytest.raises(IllegalTransition, match="once more"):
        jobs.dismiss(job.job_id, None)
    thread.join()
    assert list(publisher.find()) == [job.job_id]
    assert jobs.get(job.job_id, None).status is StatusCode.SUCCESSFUL
    assert jobs.dismiss(job.job_id, None).status is StatusCode.DISMISSED
    assert list(publisher.find()) == []


def test_several_dismissals_are_told_one_by_one(jobs, store):
    waiting, running = (jobs.submit("stats", HELLO, None) for _ in range(2))
    start(store, running)
    foreign = jobs.submit("stats", HELLO, "bob")

    def worker():
        while not store.jobs.beat(running.job_id, 1, datetime.now(UTC)).dismissal_asked_at:
            time.sleep(0.02)
        store.jobs.save(store.jobs.get(running.job_id).dismiss(datetime.now(UTC)))

    thread = threading.Thread(target=worker)
    thread.start()
    found = jobs.dismiss_all([waiting.job_id, foreign.job_id, running.job_id], None)
    thread.join()
    assert [item.job_id for item in found] == [waiting.job_id, foreign.job_id, running.job_id]
    assert [getattr(item.outcome, "status", None) for item in found] == [
        StatusCode.DISMISSED,
        404,
        StatusCode.DISMISSED,
    ]
    assert store.jobs.get(foreign.job_id).status is StatusCode.ACCEPTED
