"""Processes that go with the last of their jobs."""

from __future__ import annotations

import pytest

from weaverlite.errors import NoSuchProcess
from weaverlite.models.job import Job
from weaverlite.services.hidden import forget_hidden, hidden, is_hidden, new_hidden_id
from weaverlite.stores.interfaces import Store
from weaverlite.testing.nouns import accepted, after, process


def removed(store: Store, job: Job) -> None:
    store.jobs.save(job.dismiss(after(1)))
    store.jobs.delete(job.job_id, after(2))
    forget_hidden(store, job)


def test_a_hidden_process_stays_for_its_other_jobs_and_goes_with_the_last(store: Store) -> None:
    process_id = new_hidden_id()
    store.processes.add(hidden(process(process_id)), is_hidden=True)
    assert is_hidden(store.processes.get(process_id, 1))
    jobs = [accepted(number, process_id=process_id, owner=owner) for number, owner in enumerate(("ada", None))]
    for job in jobs:
        store.jobs.add(job, {})
    removed(store, jobs[0])
    assert store.processes.get(process_id, 1)
    removed(store, jobs[1])
    with pytest.raises(NoSuchProcess):
        store.processes.get(process_id, 1)
    forget_hidden(store, jobs[1])


def test_a_deployed_process_stays_whatever_it_is_called(store: Store) -> None:
    for process_id in ("echo", new_hidden_id()):
        store.processes.add(process(process_id))
        job = accepted(process_id=process_id)
        store.jobs.add(job, {})
        removed(store, job)
        assert store.processes.get(process_id)
