"""What every store must find, and in which order: see :mod:`weaverlite.testing.stores`."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from weaverlite.errors import InvalidRequest
from weaverlite.models.job import Job
from weaverlite.models.queries import JobQuery
from weaverlite.ogc.status import StatusCode
from weaverlite.stores.interfaces import Store
from weaverlite.testing.nouns import accepted, after

#: Every filter, alone and with others.
QUERIES: dict[str, JobQuery] = {
    "all": JobQuery(),
    "owner": JobQuery(any_owner=False, owner="ada"),
    "nobody": JobQuery(any_owner=False),
    "unknown owner": JobQuery(any_owner=False, owner="eve\ud800"),
    "process": JobQuery(process_ids=frozenset({"echo"})),
    "processes": JobQuery(process_ids=frozenset({"echo", "plot", "unknown"})),
    "many processes": JobQuery(process_ids=frozenset({"echo", *(f"p{number}" for number in range(100))})),
    "status": JobQuery(statuses=frozenset({StatusCode.RUNNING})),
    "statuses": JobQuery(statuses=frozenset({StatusCode.ACCEPTED, StatusCode.FAILED, StatusCode.SUCCESSFUL})),
    "every status": JobQuery(statuses=frozenset(StatusCode)),
    "from": JobQuery(created_from=after(20)),
    "until": JobQuery(created_until=after(20)),
    "from and until": JobQuery(created_from=after(10), created_until=after(30)),
    "one moment": JobQuery(created_from=after(20), created_until=after(20)),
    "no time": JobQuery(created_from=after(30), created_until=after(10)),
    "tag": JobQuery(tags=frozenset({("team", "sea")})),
    "two tags": JobQuery(tags=frozenset({("team", "sea"), ("é=\ud800", "a=b")})),
    "unknown tag": JobQuery(tags=frozenset({("team", "moon")})),
    "tag of another name": JobQuery(tags=frozenset({("é", "\ud800=a=b")})),
    "accepted before": JobQuery(accepted_before=after(20)),
    "silent since": JobQuery(silent_since=after(70)),
    "expired": JobQuery(expired_at=after(3600 + 105)),
    "owner and status": JobQuery(any_owner=False, owner="ada", statuses=frozenset({StatusCode.FAILED})),
    "owner and statuses": JobQuery(
        any_owner=False, owner="ada", statuses=frozenset({StatusCode.FAILED, StatusCode.RUNNING})
    ),
    "owner and process": JobQuery(any_owner=False, owner="bob", process_ids=frozenset({"plot"})),
    "nobody, processes and statuses": JobQuery(
        any_owner=False,
        process_ids=frozenset({"plot", "echo"}),
        statuses=frozenset({StatusCode.ACCEPTED, StatusCode.SUCCESSFUL}),
    ),
    "many processes and statuses": JobQuery(
        process_ids=frozenset({"echo", *(f"p{number}" for number in range(30))}),
        statuses=frozenset({StatusCode.ACCEPTED, StatusCode.SUCCESSFUL}),
    ),
    "owner, time and status": JobQuery(
        any_owner=False,
        owner="bob",
        created_from=after(5),
        created_until=after(50),
        statuses=frozenset({StatusCode.ACCEPTED}),
    ),
    "tag, owner, process and status": JobQuery(
        tags=frozenset({("team", "sea")}),
        any_owner=False,
        owner="ada",
        process_ids=frozenset({"echo", "plot"}),
        statuses=frozenset({StatusCode.RUNNING, StatusCode.SUCCESSFUL}),
    ),
    "tag and silence": JobQuery(tags=frozenset({("team", "sea")}), silent_since=after(80)),
    "tag and time": JobQuery(tags=frozenset({("team", "sea")}), created_from=after(15)),
    "process and silence": JobQuery(process_ids=frozenset({"echo"}), silent_since=after(80)),
    "status against accepted before": JobQuery(
        statuses=frozenset({StatusCode.RUNNING}), accepted_before=after(1000)
    ),
    "expired of one owner": JobQuery(expired_at=after(10**6), any_owner=False, owner="ada"),
    "expired with a tag": JobQuery(expired_at=after(10**6), tags=frozenset({("team", "sea")})),
}
#: Those that no job fits.
NOTHING = {
    "unknown owner",
    "no time",
    "unknown tag",
    "tag of another name",
    "status against accepted before",
    "unknown prefix",
}


def population() -> list[Job]:
    """Return jobs of every kind, four at each moment, in every status, not stored."""
    # Always the same ones: a filter that fails does so each time.
    chance = random.Random(20260301)
    jobs = []
    for number in range(64):
        labels = {}
        if chance.random() < 0.6:
            labels["team"] = chance.choice(["sea", "ice"])
        if chance.random() < 0.4:
            labels["é=\ud800"] = "a=b"
        job = accepted(
            5 * (number // 4),
            job_id=f"{chance.getrandbits(64):016x}",
            owner=chance.choice([None, "ada", "bob"]),
            process_id=chance.choice(["echo", "plot", "p7"]),
            labels=labels,
        )
        kept = replace(job.options, keep=timedelta(hours=1)) if chance.random() < 0.7 else job.options
        jobs.append(replace(job, options=kept))
    return jobs


def fits(query: JobQuery, job: Job) -> bool:
    """Say in plain words what a query asks."""
    return (
        (query.any_owner or job.owner == query.owner)
        and job.job_id.startswith(query.id_prefix)
        and (not query.process_ids or job.process_id in query.process_ids)
        and (not query.statuses or job.status in query.statuses)
        and (query.created_from is None or job.created_at >= query.created_from)
        and (query.created_until is None or job.created_at <= query.created_until)
        and query.tags <= set(job.options.labels.items())
        and (
            query.accepted_before is None
            or (job.status is StatusCode.ACCEPTED and job.created_at < query.accepted_before)
        )
        and (
            query.silent_since is None
            or (job.status is StatusCode.RUNNING and job.beat_at is not None and job.beat_at < query.silent_since)
        )
        and (query.expired_at is None or (job.expires_at is not None and job.expires_at <= query.expired_at))
    )


def walk(store: Store, query: JobQuery) -> list[Job]:
    """Return the jobs of all pages."""
    found: list[Job] = []
    while True:
        page = store.jobs.find(query)
        assert len(page.items) <= query.limit
        found += page.items
        if page.next_cursor is None:
            return found
        assert len(page.items) == query.limit, "only the last page is short"
        query = replace(query, cursor=page.next_cursor)


def newest_first(jobs: list[Job]) -> list[Job]:
    return sorted(jobs, key=lambda job: (job.created_at, job.job_id), reverse=True)


class QueryContract:
    @pytest.fixture
    def stored(self, store: Store) -> list[Job]:
        """The population as stored: some run, some have ended."""
        jobs = population()
        for number, job in enumerate(jobs):
            store.jobs.add(job, {})
            if number % 5 in (1, 2, 3):
                job = job.start("worker-1", after(60 + number))
                store.jobs.save(job)
            if number % 5 == 2:
                job = job.succeed(after(90 + number))
                store.jobs.save(job)
            if number % 5 == 3:
                job = job.fail({"detail": "broken"}, after(90 + number))
                store.jobs.save(job)
            if number % 5 == 4:
                job = job.dismiss(after(90 + number))
                store.jobs.save(job)
            jobs[number] = job
        return jobs

    def test_every_filter_finds_and_counts_what_it_says(self, store: Store, stored: list[Job]) -> None:
        prefixed = {
            f"prefix {stored[number].job_id[:length]}": JobQuery(id_prefix=stored[number].job_id[:length])
            for number, length in ((0, 16), (1, 6), (2, 1))
        }
        prefixed["unknown prefix"] = JobQuery(id_prefix="zz\ud800")
        prefixed["prefix, tag and status"] = JobQuery(
            id_prefix=stored[3].job_id[:1], tags=frozenset({("team", "sea")}), statuses=frozenset({StatusCode.FAILED})
        )
        for name, query in {**QUERIES, **prefixed}.items():
            expected = [job for job in stored if fits(query, job)]
            assert bool(expected) is (name not in NOTHING), f"{name}: what finds nothing shows nothing"
            for limit in (3, 1000):
                found = walk(store, replace(query, limit=limit))
                assert [job.job_id for job in found] == [job.job_id for job in newest_first(expected)], name
                assert found == newest_first(expected), name
            counted: dict[str, int] = {}
            for job in expected:
                counted[str(job.status)] = counted.get(str(job.status), 0) + 1
            assert store.jobs.count(replace(query, limit=1)) == counted, name

    def test_empty_store_has_one_empty_page(self, store: Store) -> None:
        page = store.jobs.find(JobQuery())
        assert page.items == () and page.next_cursor is None
        assert store.jobs.count(JobQuery()) == {}

    def test_page_that_just_holds_all_is_the_last(self, store: Store) -> None:
        for seconds in range(3):
            store.jobs.add(accepted(seconds), {})
        assert store.jobs.find(JobQuery(limit=3)).next_cursor is None
        assert store.jobs.find(JobQuery(limit=2)).next_cursor is not None

    def test_odd_limits_do_no_harm(self, store: Store) -> None:
        store.jobs.add(accepted(), {})
        assert store.jobs.find(JobQuery(limit=0)).items == ()
        assert store.jobs.find(JobQuery(limit=-1)).items == ()
        assert len(store.jobs.find(JobQuery(limit=10**30)).items) == 1

    @pytest.mark.parametrize(
        "query",
        [JobQuery(limit=4), JobQuery(limit=4, statuses=frozenset({StatusCode.ACCEPTED, StatusCode.RUNNING}))],
        ids=["all", "two statuses"],
    )
    def test_paging_is_stable_while_jobs_are_added(self, store: Store, query: JobQuery) -> None:
        first = [accepted(seconds // 2) for seconds in range(20)]
        for job in first:
            store.jobs.add(job, {})
        seen: list[str] = []
        number = 0
        while True:
            page = store.jobs.find(query)
            seen += [job.job_id for job in page.items]
            # New ones before, amid and after what was read.
            for seconds in (1000 + number, 5, -1000 - number):
                store.jobs.add(accepted(seconds), {})
            number += 1
            if page.next_cursor is None or number > 60:
                break
            query = replace(query, cursor=page.next_cursor)
        assert len(seen) == len(set(seen))
        assert {job.job_id for job in first} <= set(seen)

    @pytest.mark.parametrize("cursor", ["", "x", "AAAA", "W10", "WyJhIl0", "WzEsMl0", "é", "W" * 10_000])
    def test_broken_cursor_is_an_invalid_request(self, store: Store, cursor: str) -> None:
        with pytest.raises(InvalidRequest):
            store.jobs.find(JobQuery(cursor=cursor))

    def test_cursor_of_a_removed_job_goes_on_behind_it(self, store: Store) -> None:
        jobs = [accepted(seconds) for seconds in range(4)]
        for job in jobs:
            store.jobs.add(job, {})
        page = store.jobs.find(JobQuery(limit=2))
        store.jobs.save(jobs[2].dismiss(after(9)))
        store.jobs.delete(jobs[2].job_id, after(9))
        following = store.jobs.find(JobQuery(limit=2, cursor=page.next_cursor))
        assert [job.job_id for job in following.items] == [jobs[1].job_id, jobs[0].job_id]

    def test_found_job_is_the_one_that_get_returns(self, store: Store, stored: list[Job]) -> None:
        for job in store.jobs.find(JobQuery(limit=1000)).items:
            assert store.jobs.get(job.job_id) == job
        running = [job for job in stored if job.status is StatusCode.RUNNING]
        beaten = store.jobs.beat(running[0].job_id, 1, after(500), 33, "third")
        query = JobQuery(statuses=frozenset({StatusCode.RUNNING}), id_prefix=beaten.job_id)
        assert store.jobs.find(query).items == (beaten,)
