"""How every store must page and sort, and tell how long jobs take: see :mod:`weaverlite.testing.stores`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from weaverlite.errors import InvalidRequest
from weaverlite.models.job import Job
from weaverlite.models.queries import SORTS, JobQuery, ProcessQuery
from weaverlite.ogc.status import StatusCode
from weaverlite.stores.interfaces import Store
from weaverlite.testing import store_queries
from weaverlite.testing.nouns import START, accepted, after, process

#: Jobs of one owner, as everybody asks who sorts.
MINE = JobQuery(any_owner=False, owner="ada", at=after(1000))

#: What may stand before the order of creation.
FIRST_KEYS: dict[str, Callable[[Job], object]] = {
    "created": lambda job: job.created_at,
    "started": lambda job: job.started_at or after(-(10**6)),
    "finished": lambda job: job.finished_at or after(-(10**6)),
    "process": lambda job: job.process_id,
    "status": lambda job: str(job.status),
}
#: Filters that every order must serve.
SELECTIONS: dict[str, JobQuery] = {
    "all of one owner": MINE,
    "nobody": replace(MINE, owner=None),
    "a status": replace(MINE, statuses=frozenset({StatusCode.SUCCESSFUL})),
    "statuses": replace(MINE, statuses=frozenset({StatusCode.FAILED, StatusCode.RUNNING})),
    "processes": replace(MINE, process_ids=frozenset({"echo", "plot"})),
    "process and status": replace(
        MINE, process_ids=frozenset({"echo"}), statuses=frozenset({StatusCode.ACCEPTED, StatusCode.SUCCESSFUL})
    ),
    "times": replace(MINE, created_from=after(10), created_until=after(40)),
    "long": replace(MINE, min_seconds=50),
    "short": replace(MINE, max_seconds=20.5),
    "between": replace(MINE, min_seconds=10, max_seconds=30),
    "long and running": replace(MINE, min_seconds=900, statuses=frozenset({StatusCode.RUNNING})),
    "of a time and a process": replace(MINE, min_seconds=0, process_ids=frozenset({"plot"})),
}
#: Those that only the order of creation serves.
ELSEWISE: dict[str, JobQuery] = {
    "of anyone": JobQuery(min_seconds=10, max_seconds=30, at=after(1000)),
    "with a tag": replace(MINE, tags=frozenset({("team", "sea")}), max_seconds=30),
    "of a tag": replace(MINE, tags=frozenset({("team", "sea")})),
    "of a beginning": replace(MINE, id_prefix="5"),
}


def order_of(query: JobQuery) -> Callable[[Job], tuple[object, ...]]:
    first = FIRST_KEYS[query.sort]
    if query.sort in ("process", "status"):
        return lambda job: (first(job), job.created_at, job.job_id)
    return lambda job: (first(job), job.job_id)


def seconds(job: Job) -> float | None:
    if job.status is StatusCode.RUNNING and job.started_at:
        return (after(1000) - job.started_at).total_seconds()
    if job.is_terminal and job.started_at and job.finished_at:
        return (job.finished_at - job.started_at).total_seconds()
    return None


def fits(query: JobQuery, job: Job) -> bool:
    """Say in plain words what a query asks, of durations too."""
    took = seconds(job)
    return (
        store_queries.fits(query, job)
        and (query.min_seconds is None or (took is not None and took >= query.min_seconds))
        and (query.max_seconds is None or (took is not None and took <= query.max_seconds))
    )


def population() -> list[Job]:
    """Return jobs of every status, owner and process, two created at each moment, not stored."""
    jobs = []
    for number in range(60):
        jobs.append(
            accepted(
                number // 2,
                job_id=f"{(number * 7919) % 1000:03d}-{number}",
                owner=(None, "ada", "ada", "ada")[number % 4],
                process_id=("echo", "plot", "p7")[number % 3],
                labels={"team": "sea"} if number % 5 else {},
                max_attempts=2,
            )
        )
    return jobs


def grown(job: Job, number: int) -> list[Job]:
    """Return what becomes of a job, save by save."""
    way: list[Job] = []
    if number % 6 == 0:
        return way
    if number % 6 == 1:
        return [job.dismiss(after(90 + number))]
    # Some at the same moment.
    started = job.start("worker-1", after(60 + number // 4))
    way.append(started)
    if number % 6 == 2:
        way.append(started.succeed(after(70 + number // 4 + number)))
    elif number % 6 == 3:
        way.append(started.fail({"detail": "broken"}, after(80)))
    elif number % 12 == 4:
        way.append(started.retry(after(85), "worker-lost"))
    return way


class PageContract:
    @pytest.fixture
    def kept(self, store: Store) -> list[Job]:
        jobs = population()
        for number, job in enumerate(jobs):
            store.jobs.add(job, {})
            for then in grown(job, number):
                store.jobs.save(then)
                jobs[number] = then
        return jobs

    # To store the population takes longer than to ask for it: the orders are asked for one after the other.

    def test_every_order_shows_what_fits_forward_and_backward(self, store: Store, kept: list[Job]) -> None:
        elsewise = [(f"created, {name}", "created", selection) for name, selection in ELSEWISE.items()]
        orders = [(f"{sort}, {name}", sort, item) for sort in SORTS for name, item in SELECTIONS.items()]
        for name, sort, selection in (*orders, *elsewise):
            for is_descending in (True, False):
                query = replace(selection, sort=sort, descending=is_descending, limit=4)
                expected = sorted(
                    (job for job in kept if fits(query, job)), key=order_of(query), reverse=is_descending
                )
                assert expected, f"{name}: what finds nothing shows nothing"
                pages = [store.jobs.find(query)]
                while (cursor := pages[-1].next_cursor) is not None:
                    pages.append(store.jobs.find(replace(query, cursor=cursor)))
                shown = [job for page in pages for job in page.items]
                assert [job.job_id for job in shown] == [job.job_id for job in expected], name
                assert shown == expected, name
                assert pages[0].prev_cursor is None
                # And all the way back.
                for before, page in zip(reversed(pages[:-1]), reversed(pages[1:]), strict=True):
                    assert page.prev_cursor is not None
                    back = store.jobs.find(replace(query, cursor=page.prev_cursor))
                    assert back.items == before.items, name
                    assert (back.prev_cursor is None) is (before is pages[0])
                    assert back.next_cursor == before.next_cursor, name
                assert sum(store.jobs.count(query).values()) == len(expected), name

    def test_page_of_a_number_begins_there(self, store: Store, kept: list[Job]) -> None:
        for sort in SORTS:
            query = replace(MINE, sort=sort, limit=1000)
            everything = store.jobs.find(query).items
            page = store.jobs.find(replace(query, limit=5, offset=10))
            assert page.items == everything[10:15], sort
            assert page.next_cursor and page.prev_cursor
            assert store.jobs.find(replace(query, limit=5, cursor=page.next_cursor)).items == everything[15:20], sort
            assert store.jobs.find(replace(query, limit=5, cursor=page.prev_cursor)).items == everything[5:10], sort
            beyond = store.jobs.find(replace(query, limit=5, offset=10**30))
            assert (beyond.items, beyond.next_cursor, beyond.prev_cursor) == ((), None, None), sort
        several = JobQuery(statuses=frozenset({StatusCode.ACCEPTED, StatusCode.RUNNING}), limit=1000)
        everything = store.jobs.find(several).items
        assert store.jobs.find(replace(several, limit=3, offset=4)).items == everything[4:7]

    @pytest.mark.parametrize("name", ["of anyone", "of a tag", "of a beginning"])
    @pytest.mark.parametrize("sort", ["started", "status"])
    def test_order_that_no_index_has_is_refused(self, store: Store, name: str, sort: str) -> None:
        with pytest.raises(InvalidRequest, match="sort"):
            store.jobs.find(replace(ELSEWISE[name], sort=sort))

    def test_order_that_is_none_is_refused(self, store: Store) -> None:
        with pytest.raises(InvalidRequest, match="started"):
            store.jobs.find(replace(MINE, sort="colour"))

    def test_cursor_of_another_order_is_refused(self, store: Store, kept: list[Job]) -> None:
        cursor = store.jobs.find(replace(MINE, limit=2)).next_cursor
        for query in (replace(MINE, descending=False), replace(MINE, sort="started"), replace(MINE, sort="process")):
            with pytest.raises(InvalidRequest, match="cursor"):
                store.jobs.find(replace(query, cursor=cursor))

    def test_page_before_one_whose_first_job_is_gone(self, store: Store) -> None:
        jobs = [accepted(number) for number in range(6)]
        for job in jobs:
            store.jobs.add(job, {})
        first = store.jobs.find(JobQuery(limit=2))
        second = store.jobs.find(JobQuery(limit=2, cursor=first.next_cursor))
        store.jobs.save(jobs[3].dismiss(after(9)))
        store.jobs.delete(jobs[3].job_id, after(9))
        assert store.jobs.find(JobQuery(limit=2, cursor=second.prev_cursor)).items == first.items

    def test_odd_durations_do_no_harm(self, store: Store, kept: list[Job]) -> None:
        for bound in (-1.0, 1e300, float("inf")):
            longest = store.jobs.find(replace(MINE, max_seconds=bound, limit=1000)).items
            shortest = store.jobs.find(replace(MINE, min_seconds=bound, limit=1000)).items
            assert bool(longest) is (bound > 0)
            assert bool(shortest) is (bound < 0)

    def test_duration_of_a_running_job_is_until_now(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        store.jobs.save(job.start("worker-1", START))
        assert store.jobs.find(JobQuery(min_seconds=60)).items, "without a time it is that of the clock"
        assert not store.jobs.find(JobQuery(min_seconds=60, at=after(59))).items

    def test_processes_are_paged_forward_and_backward(self, store: Store) -> None:
        for name in ("delta", "alpha", "Charlie", "bravo", "echo"):
            store.processes.add(process(name))
        pages = [store.processes.find(ProcessQuery(limit=2))]
        while (cursor := pages[-1].next_cursor) is not None:
            pages.append(store.processes.find(ProcessQuery(limit=2, cursor=cursor)))
        names = [[found.process_id for found in page.items] for page in pages]
        assert names == [["Charlie", "alpha"], ["bravo", "delta"], ["echo"]]
        assert pages[0].prev_cursor is None
        for before, page in ((pages[0], pages[1]), (pages[1], pages[2])):
            back = store.processes.find(ProcessQuery(limit=2, cursor=page.prev_cursor))
            assert back.items == before.items
            assert back.next_cursor == before.next_cursor
        assert store.processes.find(ProcessQuery(limit=2, offset=1)).items == (pages[0].items[1], pages[1].items[0])
