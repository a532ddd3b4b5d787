"""Families of jobs over a real store, whoever dies in between: nobody runs jobs here, tests say what became of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from weaverlite.errors import EngineError
from weaverlite.models.job import Job
from weaverlite.models.nested import nested_in
from weaverlite.models.options import Offer
from weaverlite.models.package import CWL_MEDIA_TYPE, Package
from weaverlite.models.process import Description, InputDescription, OutputDescription, Process
from weaverlite.ogc.status import StatusCode
from weaverlite.runtime import Runtime
from weaverlite.services.jobs import ExecuteRequest, Jobs

OFFER = Offer(
    worker="w",
    engines=frozenset({"cwl"}),
    schemes=frozenset({"data"}),
    publishers=frozenset({"local"}),
    cores=8,
    memory=10**12,
    disk=10**15,
)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def runtime(settings):
    runtime = Runtime.from_settings(settings)
    runtime.store.migrate()
    runtime.store.processes.add(
        Process(
            process_id="stats",
            revision=1,
            package=Package.of(CWL_MEDIA_TYPE, {"cwlVersion": "v1.2"}),
            engine="cwl",
            description=Description(
                inputs=(InputDescription(input_id="text", schema={"type": "string"}, max_occurs=None),),
                outputs=(OutputDescription(output_id="all", schema={"type": "string"}),),
            ),
            created_at=datetime(2024, 1, 1, tzinfo=UTC),
        )
    )
    yield runtime
    runtime.close()


@pytest.fixture
def jobs(runtime) -> Jobs:
    return runtime.jobs


def nested(*texts):
    return {"process": "stats", "inputs": {"text": list(texts)}}


def claimed(store, job_id: str) -> Job | None:
    return store.jobs.claim(OFFER, now(), job_id)


def end(runtime, job_id: str, *, told: bool = True, failed: bool = False) -> None:
    """Run a job; say so unless its worker died right after it was recorded."""
    job = claimed(runtime.store, job_id)
    assert job is not None
    ended = job.fail(EngineError("no luck").problem(), now()) if failed else job.succeed(now())
    runtime.store.jobs.save(ended)
    if told:
        runtime.jobs.nesting.ended(ended)


def children(runtime, job: Job) -> list[str]:
    return [item.job_id(job.job_id) for item in nested_in(runtime.store.jobs.inputs(job.job_id))]


def status(runtime, job_id: str) -> StatusCode:
    return runtime.store.jobs.get(job_id).status


def test_a_held_job_is_claimed_by_nobody_until_its_children_have_ended(runtime, jobs):
    parent = jobs.submit("stats", ExecuteRequest(inputs={"text": [nested("a"), nested("b"), "c"]}), "ann")
    first, second = children(runtime, parent)
    assert runtime.store.jobs.get(first).parent_id == parent.job_id
    assert runtime.store.jobs.get(first).owner == "ann"
    assert claimed(runtime.store, parent.job_id) is None
    end(runtime, first)
    assert claimed(runtime.store, parent.job_id) is None
    end(runtime, second)
    won = runtime.store.jobs.claim(OFFER, now())
    assert won is not None
    assert won.job_id == parent.job_id


def test_children_that_were_never_made_are_made_by_the_reaper(runtime, jobs):
    # As if the service had been killed between the parent and its children.
    parent, inputs = jobs.check("stats", ExecuteRequest(inputs={"text": [nested(nested("a"))]}), None)
    runtime.store.jobs.add(parent, inputs)
    runtime.reaper.sweep(now() + timedelta(seconds=1))
    (child,) = children(runtime, parent)
    (grandchild,) = children(runtime, runtime.store.jobs.get(child))
    assert status(runtime, grandchild) is StatusCode.ACCEPTED
    # Once more changes nothing.
    runtime.reaper.sweep(now() + timedelta(seconds=1))
    end(runtime, grandchild)
    end(runtime, child)
    assert claimed(runtime.store, parent.job_id) is not None


def test_a_parent_whose_childs_end_nobody_told_is_released_by_the_reaper(runtime, jobs):
    parent = jobs.submit("stats", ExecuteRequest(inputs={"text": nested("a")}), None)
    (child,) = children(runtime, parent)
    end(runtime, child, told=False)
    assert claimed(runtime.store, parent.job_id) is None
    runtime.reaper.sweep(now() + timedelta(seconds=1))
    assert claimed(runtime.store, parent.job_id) is not None


def test_a_failure_goes_up_and_down(runtime, jobs):
    parent = jobs.submit("stats", ExecuteRequest(inputs={"text": [nested(nested("a")), nested("b")]}), None)
    first, second = children(runtime, parent)
    (grandchild,) = children(runtime, runtime.store.jobs.get(first))
    end(runtime, grandchild, failed=True)
    assert status(runtime, first) is StatusCode.FAILED
    failed = runtime.store.jobs.get(parent.job_id)
    assert failed.status is StatusCode.FAILED
    assert failed.message == "/inputs/text/0/inputs/text/0: the nested process failed: no luck"
    assert status(runtime, second) is StatusCode.DISMISSED


def test_children_of_a_dead_parent_are_dismissed_by_the_reaper(runtime, jobs):
    parent = jobs.submit("stats", ExecuteRequest(inputs={"text": [nested("a"), nested("b")]}), None)
    first, second = children(runtime, parent)
    assert claimed(runtime.store, first) is not None
    # As if the service had been killed right after it had recorded the dismissal.
    runtime.store.jobs.save(runtime.store.jobs.get(parent.job_id).dismiss(now()))
    runtime.reaper.sweep(now() + timedelta(seconds=1))
    assert runtime.store.jobs.get(first).dismissal_asked_at is not None
    assert status(runtime, second) is StatusCode.DISMISSED


def test_a_child_that_was_removed_fails_its_parent(runtime, jobs):
    parent = jobs.submit("stats", ExecuteRequest(inputs={"text": [nested("a"), nested("b")]}), None)
    first, second = children(runtime, parent)
    end(runtime, first)
    jobs.dismiss(first, None)
    end(runtime, second)
    assert runtime.store.jobs.get(parent.job_id).message.endswith(f"its job {first} was removed")


def test_a_run_again_makes_children_of_its_own(runtime, jobs):
    parent = jobs.submit("stats", ExecuteRequest(inputs={"text": nested("a")}), None)
    again = jobs.submit("stats", ExecuteRequest(inputs=runtime.store.jobs.inputs(parent.job_id)), None)
    assert runtime.store.jobs.inputs(again.job_id) == runtime.store.jobs.inputs(parent.job_id)
    assert children(runtime, again) != children(runtime, parent)
    assert status(runtime, children(runtime, again)[0]) is StatusCode.ACCEPTED
