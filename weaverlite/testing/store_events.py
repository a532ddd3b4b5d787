"""What the event stream of every store must do: see :mod:`weaverlite.testing.stores`."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any

from weaverlite.models.queries import EventQuery
from weaverlite.stores.interfaces import Store
from weaverlite.testing.nouns import accepted, after, said

EVERYTHING = EventQuery(limit=100_000)


class EventContract:
    def test_events_come_back_in_order_and_numbered(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        first = said(job, "one", "two", "") + said(job, "née\ud800\0", topic="stderr", seconds=1)
        last = store.events.append(first)
        read = store.events.read(job.job_id, EVERYTHING)
        assert [event.message for event in read] == ["one", "two", "", "née?\0"]
        assert [event.topic for event in read] == ["stdout", "stdout", "stdout", "stderr"]
        assert all(earlier.seq < later.seq for earlier, later in pairwise(read))
        assert read[-1].seq == last and read[0].seq > 0
        assert read[-1].at == after(1)
        later = store.events.append(said(job, "three"))
        assert later > last

    def test_every_member_of_an_event_is_kept(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        (event,) = said(job, "text", topic="service")
        event = replace(event, attempt=3, level="warning", step="plot/2")
        seq = store.events.append([event])
        assert store.events.read(job.job_id, EVERYTHING) == [replace(event, seq=seq)]

    def test_jobs_have_streams_of_their_own(self, store: Store) -> None:
        one, two = accepted(), accepted()
        store.jobs.add(one, {})
        store.jobs.add(two, {})
        store.events.append(said(one, "a") + said(two, "b") + said(one, "c"))
        assert [event.message for event in store.events.read(one.job_id, EVERYTHING)] == ["a", "c"]
        assert [event.message for event in store.events.read(two.job_id, EVERYTHING)] == ["b"]

    def test_unknown_job_has_no_events(self, store: Store) -> None:
        assert list(store.events.read("unknown\ud800", EVERYTHING)) == []

    def test_nothing_appended_is_nothing(self, store: Store) -> None:
        assert store.events.append([]) == 0

    def test_late_events_of_a_removed_job_are_dropped(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        store.jobs.save(job.dismiss(after(1)))
        store.jobs.delete(job.job_id, after(2))
        assert store.events.append(said(job, "late")) == 0
        assert list(store.events.read(job.job_id, EVERYTHING)) == []

    def test_after_and_limit_page_through_a_stream(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        store.events.append(said(job, *map(str, range(25))))
        seen: list[str] = []
        query = EventQuery(limit=10)
        while page := store.events.read(job.job_id, query):
            assert len(page) <= 10
            seen += [event.message for event in page]
            query = EventQuery(limit=10, after=page[-1].seq)
        assert seen == list(map(str, range(25)))

    def test_topics_filter_a_stream(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        topics = ("stdout", "stderr", "status", "service", "metric", "trace")
        for number in range(12):
            store.events.append(said(job, str(number), topic=topics[number % 6]))

        def messages(*wanted: str, **members: Any) -> list[str]:
            query = EventQuery(topics=frozenset(wanted), **members)
            return [event.message for event in store.events.read(job.job_id, query)]

        assert messages("stderr") == ["1", "7"]
        assert messages("stderr", "stdout") == ["0", "1", "6", "7"]
        assert messages("stderr", "stdout", tail=3) == ["1", "6", "7"]
        assert messages("stderr", "stdout", limit=3) == ["0", "1", "6"]
        assert messages(*topics) == list(map(str, range(12)))
        assert messages(*topics[:5], tail=2) == ["9", "10"]
        assert messages("other") == []

    def test_tail_keeps_the_end_in_order(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        store.events.append(said(job, *map(str, range(10))))
        assert [e.message for e in store.events.read(job.job_id, EventQuery(tail=3))] == ["7", "8", "9"]
        assert [e.message for e in store.events.read(job.job_id, EventQuery(tail=3, limit=2))] == ["7", "8"]
        assert len(store.events.read(job.job_id, EventQuery(tail=50))) == 10
        assert list(store.events.read(job.job_id, EventQuery(tail=0))) == []
        assert list(store.events.read(job.job_id, EventQuery(limit=0))) == []

    def test_since_leaves_out_what_was_said_before(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        for seconds in range(5):
            store.events.append(said(job, str(seconds), seconds=seconds))
        read = store.events.read(job.job_id, EventQuery(since=after(3)))
        assert [event.message for event in read] == ["3", "4"]

    def test_numbers_that_no_backend_can_hold_do_no_harm(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        store.events.append(said(job, "a"))
        assert list(store.events.read(job.job_id, EventQuery(after=10**30))) == []
        assert len(store.events.read(job.job_id, EventQuery(after=-(10**30), limit=10**30, tail=10**30))) == 1

    def test_a_follower_misses_nothing_that_others_append_at_once(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        writers, lines = 4, 20
        start = threading.Barrier(writers)

        def append(writer: int) -> None:
            start.wait()
            for line in range(lines):
                store.events.append(said(job, f"{writer}:{line}:a", f"{writer}:{line}:b"))

        followed: list[str] = []
        with ThreadPoolExecutor(writers) as threads:
            appended = [threads.submit(append, writer) for writer in range(writers)]
            last, ended = 0, False
            while not ended:
                # Asked before the read, which then sees all that was appended.
                ended = all(future.done() for future in appended)
                page = store.events.read(job.job_id, EventQuery(after=last))
                followed += [event.message for event in page]
                last = page[-1].seq if page else last
            for future in appended:
                future.result()
        assert sorted(followed) == sorted(
            f"{writer}:{line}:{half}" for writer in range(writers) for line in range(lines) for half in "ab"
        )
        for writer in range(writers):
            of_one = [message for message in followed if message.startswith(f"{writer}:")]
            assert of_one == [f"{writer}:{line}:{half}" for line in range(lines) for half in "ab"]
