"""What every store must do with idempotency keys, with jobs that are edited, and with callbacks that are due: see
:mod:`weaverlite.testing.stores`."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from weaverlite.errors import JobRemoved, NoSuchJob, StaleRevision
from weaverlite.models.job import Job
from weaverlite.models.options import Needs, Options
from weaverlite.models.queries import JobQuery, KeyUse
from weaverlite.ogc.status import StatusCode
from weaverlite.stores.interfaces import Store
from weaverlite.testing.nouns import OFFER, accepted, after


def keyed(key: str = "once", owner: str | None = "ada", digest: str = "d1", **members: Any) -> Job:
    return accepted(owner=owner, idempotency_key=key, request_digest=digest, **members)


def created(**members: Any) -> Job:
    """Return a job that waits to be started by its owner, not stored."""
    return replace(accepted(**members), status=StatusCode.CREATED, accepted_at=None, revision=0)


class KeyContract:
    def test_key_tells_the_job_and_what_was_asked_for(self, store: Store) -> None:
        job = keyed()
        store.jobs.add(job, {})
        assert store.jobs.keyed("ada", "once") == KeyUse(job_id=job.job_id, digest="d1")
        assert store.jobs.get(job.job_id) == job

    @pytest.mark.parametrize("owner", [None, "", "=", "ada", "né\ud800"], ids=["nobody", "empty", "sign", "ada", "odd"])
    def test_key_is_one_of_its_owner(self, store: Store, owner: str | None) -> None:
        store.jobs.add(keyed(owner="bob"), {})
        assert store.jobs.keyed(owner, "once") is None
        job = keyed(owner=owner)
        store.jobs.add(job, {})
        found = store.jobs.keyed(owner, "once")
        assert found and found.job_id == job.job_id

    def test_unused_key_tells_nothing(self, store: Store) -> None:
        store.jobs.add(accepted(owner="ada"), {})
        assert store.jobs.keyed("ada", "once\ud800") is None

    def test_jobs_without_a_key_do_not_meet(self, store: Store) -> None:
        for _ in range(3):
            store.jobs.add(accepted(owner="ada"), {})
        assert store.jobs.count(JobQuery()) == {"accepted": 3}

    def test_taken_key_is_refused_and_nothing_is_stored(self, store: Store) -> None:
        first, second = keyed(), keyed(labels={"a": "b"})
        store.jobs.add(first, {"x": 1})
        with pytest.raises(StaleRevision):
            store.jobs.add(second, {"x": 2})
        with pytest.raises(NoSuchJob):
            store.jobs.get(second.job_id)
        assert store.jobs.find(JobQuery(tags=frozenset({("a", "b")}))).items == ()
        assert store.jobs.inputs(first.job_id) == {"x": 1}

    def test_key_outlives_its_job(self, store: Store) -> None:
        job = keyed()
        store.jobs.add(job, {})
        store.jobs.save(job.dismiss(after(1)))
        store.jobs.delete(job.job_id, after(2))
        assert store.jobs.keyed("ada", "once") == KeyUse(job_id=job.job_id, digest="d1")
        with pytest.raises(StaleRevision):
            store.jobs.add(keyed(), {})
        with pytest.raises(JobRemoved):
            store.jobs.get(job.job_id)

    def test_of_many_jobs_of_one_key_one_is_stored(self, store: Store) -> None:
        start = threading.Barrier(8)

        def add(number: int) -> str | None:
            job = keyed(digest=str(number))
            start.wait()
            try:
                store.jobs.add(job, {"number": number})
            except StaleRevision:
                return None
            return job.job_id

        with ThreadPoolExecutor(8) as threads:
            stored = [job_id for job_id in threads.map(add, range(8)) if job_id]
        assert len(stored) == 1
        found = store.jobs.keyed("ada", "once")
        assert found and found.job_id == stored[0]
        assert store.jobs.inputs(stored[0]) == {"number": int(found.digest)}
        assert store.jobs.count(JobQuery()) == {"accepted": 1}


class EditContract:
    def test_definition_comes_back_as_it_was(self, store: Store) -> None:
        job, other = created(), created()
        definition = {"process": "echo", "odd": {"$a.b": [None, "\ud800"]}}
        store.jobs.add(job, {"x": 1}, definition)
        store.jobs.add(other, {})
        assert store.jobs.definition(job.job_id) == definition
        assert store.jobs.definition(other.job_id) is None
        with pytest.raises(NoSuchJob):
            store.jobs.definition("nothing")

    def test_created_job_is_won_by_nobody(self, store: Store) -> None:
        job = created()
        store.jobs.add(job, {})
        assert store.jobs.claim(OFFER, after(1)) is None
        assert store.jobs.claim(OFFER, after(1), job.job_id) is None

    def test_edit_takes_the_place_of_what_was_there(self, store: Store) -> None:
        job = created(labels={"team": "sea", "old": "1"})
        store.jobs.add(job, {"x": 1}, {"n": 1})
        edited = replace(
            job,
            revision=1,
            priority=5,
            process_id="plot",
            needs=Needs(engine="instant", cores=2),
            options=Options(labels={"team": "ice", "new": "2"}),
        )
        store.jobs.save(edited, inputs={"x": 2}, definition={"n": 2})
        assert store.jobs.get(job.job_id) == edited
        assert store.jobs.inputs(job.job_id) == {"x": 2}
        assert store.jobs.definition(job.job_id) == {"n": 2}
        for label, is_there in ((("team", "sea"), False), (("old", "1"), False), (("team", "ice"), True)):
            found = store.jobs.find(JobQuery(tags=frozenset({label}), process_ids=frozenset({"plot"})))
            assert bool(found.items) is is_there, label
        store.jobs.save(edited.accept(after(2)))
        assert store.jobs.claim(replace(OFFER, cores=1), after(3)) is None
        assert store.jobs.claim(OFFER, after(3)) is not None

    def test_edit_of_one_part_leaves_the_other(self, store: Store) -> None:
        job = created()
        store.jobs.add(job, {"x": 1}, {"n": 1})
        store.jobs.save(replace(job, revision=1), inputs={"x": 2})
        store.jobs.save(replace(job, revision=2), definition={"n": 2})
        store.jobs.save(replace(job, revision=2).accept(after(1)))
        assert (store.jobs.inputs(job.job_id), store.jobs.definition(job.job_id)) == ({"x": 2}, {"n": 2})

    def test_lost_edit_writes_nothing(self, store: Store) -> None:
        job = created(labels={"a": "1"})
        store.jobs.add(job, {"x": 1}, {"n": 1})
        started = job.accept(after(1))
        store.jobs.save(started)
        with pytest.raises(StaleRevision):
            store.jobs.save(replace(job, revision=1, options=Options()), inputs={"x": 2}, definition={"n": 2})
        assert store.jobs.get(job.job_id) == started
        assert (store.jobs.inputs(job.job_id), store.jobs.definition(job.job_id)) == ({"x": 1}, {"n": 1})
        assert store.jobs.find(JobQuery(tags=frozenset({("a", "1")}))).items == (started,)

    def test_held_job_is_won_once_it_is_let_go(self, store: Store) -> None:
        job = accepted(needs=Needs(engine="instant", held=True))
        store.jobs.add(job, {})
        assert store.jobs.claim(OFFER, after(1)) is None
        store.jobs.save(replace(job, revision=job.revision + 1, needs=Needs(engine="instant")))
        assert store.jobs.claim(OFFER, after(2)) is not None

    def test_callbacks_that_are_due_are_found(self, store: Store) -> None:
        jobs = [accepted(number, callback_at=after(10 * number) if number else None) for number in range(4)]
        for job in jobs:
            store.jobs.add(job, {})

        def due(seconds: float) -> set[str]:
            return {job.job_id for job in store.jobs.find(JobQuery(callback_before=after(seconds))).items}

        assert due(5) == set()
        assert due(20) == {jobs[1].job_id, jobs[2].job_id}
        told = replace(jobs[1], revision=jobs[1].revision + 1, callback_at=None)
        store.jobs.save(told)
        store.jobs.save(replace(jobs[0].dismiss(after(5)), callback_at=after(5)))
        assert due(20) == {jobs[0].job_id, jobs[2].job_id}
        assert store.jobs.get(jobs[1].job_id) == told
