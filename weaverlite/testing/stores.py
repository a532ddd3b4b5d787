"""What every store must do, as test classes to inherit from.

A binding says how to make one, and how one without a backend::

    class TestMyStore(StoreContract):
        store_class = MyStore

        @pytest.fixture
        def settings(self, tmp_path): ...

        @pytest.fixture
        def broken(self, tmp_path): ...
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest

from weaverlite.errors import DuplicatedProcess, InvalidRequest, NoSuchProcess, NoSuchUpload, StaleRevision, StoreError
from weaverlite.models.queries import EventQuery, JobQuery, ProcessQuery
from weaverlite.settings import Settings
from weaverlite.stores.interfaces import Store
from weaverlite.testing.nouns import OFFER, START, accepted, after, manifest_of, process, said, upload
from weaverlite.testing.store_claims import ClaimContract
from weaverlite.testing.store_events import EventContract
from weaverlite.testing.store_jobs import JobContract
from weaverlite.testing.store_keys import EditContract, KeyContract
from weaverlite.testing.store_pages import PageContract
from weaverlite.testing.store_queries import QueryContract


class ProcessContract:
    def test_process_comes_back_as_it_was(self, store: Store) -> None:
        stored = process(owner="ada", metadata=({"role": "x", "title": "é\ud800"},), mutable=False)
        store.processes.add(stored)
        assert store.processes.get("echo") == stored
        assert store.processes.get("echo", 1) == stored

    def test_unknown_process_is_said_so(self, store: Store) -> None:
        store.processes.add(process())
        for process_id, revision in (("other", None), ("other", 1), ("echo", 2), ("echo", 0), ("echo", -1)):
            with pytest.raises(NoSuchProcess):
                store.processes.get(process_id, revision)
        with pytest.raises(NoSuchProcess):
            store.processes.remove("other")

    def test_revision_that_no_backend_can_count_is_unknown(self, store: Store) -> None:
        with pytest.raises(NoSuchProcess):
            store.processes.get("echo", 10**30)

    def test_same_process_is_not_added_twice(self, store: Store) -> None:
        store.processes.add(process())
        with pytest.raises(DuplicatedProcess):
            store.processes.add(process(version="2.0.0"))
        assert store.processes.get("echo") == process()

    def test_new_revision_is_the_latest_and_leaves_the_others(self, store: Store) -> None:
        for number in (1, 2, 3):
            assert store.processes.next_revision("echo") == number
            store.processes.add(process(revision=number))
        assert store.processes.get("echo").revision == 3
        assert store.processes.get("echo", 1) == process(revision=1)
        assert store.processes.get("echo", 2) == process(revision=2)

    def test_revision_that_does_not_follow_is_refused(self, store: Store) -> None:
        store.processes.add(process())
        for number in (1, 3):
            with pytest.raises(DuplicatedProcess):
                store.processes.add(process(revision=number))
        with pytest.raises(DuplicatedProcess):
            store.processes.add(process("other", revision=2))
        assert store.processes.get("echo").revision == 1
        with pytest.raises(NoSuchProcess):
            store.processes.get("other")

    def test_hidden_process_is_found_by_jobs_only(self, store: Store) -> None:
        store.processes.add(process(), is_hidden=True)
        assert store.processes.get("echo", 1) == process()
        with pytest.raises(NoSuchProcess):
            store.processes.get("echo")
        assert store.processes.find(ProcessQuery()).items == ()
        with pytest.raises(DuplicatedProcess):
            store.processes.add(process(), is_hidden=True)

    def test_forgotten_process_is_not_found_by_anyone(self, store: Store) -> None:
        store.processes.add(process(), is_hidden=True)
        store.processes.add(process("other"))
        for _ in range(2):
            store.processes.forget("echo")
            with pytest.raises(NoSuchProcess):
                store.processes.get("echo", 1)
        assert store.processes.next_revision("echo") == 1
        assert store.processes.get("other") == process("other")

    def test_undeployed_process_is_found_by_jobs_only(self, store: Store) -> None:
        store.processes.add(process())
        store.processes.remove("echo")
        with pytest.raises(NoSuchProcess):
            store.processes.get("echo")
        assert store.processes.get("echo", 1) == process()
        assert store.processes.find(ProcessQuery()).items == ()
        with pytest.raises(NoSuchProcess):
            store.processes.remove("echo")

    def test_revisions_of_an_undeployed_process_keep_their_numbers(self, store: Store) -> None:
        store.processes.add(process(revision=1))
        store.processes.add(process(revision=2))
        store.processes.remove("echo")
        assert store.processes.next_revision("echo") == 3
        with pytest.raises(DuplicatedProcess):
            store.processes.add(process(revision=1))
        store.processes.add(process(revision=3))
        assert store.processes.get("echo").revision == 3
        assert [found.revision for found in store.processes.find(ProcessQuery()).items] == [3]
        assert store.processes.get("echo", 2) == process(revision=2)

    def test_revisions_are_read_newest_first(self, store: Store) -> None:
        for revision in range(1, 6):
            store.processes.add(process("p", revision))
        store.processes.add(process("q"))
        read = store.processes.revisions
        assert [item.revision for item in read("p", 3)] == [5, 4, 3]
        assert [item.revision for item in read("p", 3, before=3)] == [2, 1]
        assert list(read("p", 3, before=1)) == list(read("p", 0)) == list(read("nothing", 3)) == []
        store.processes.remove("p")
        assert [item.revision for item in read("p", 9)] == [5, 4, 3, 2, 1]

    def test_private_processes_are_not_listed(self, store: Store) -> None:
        for name in ("a", "b", "c"):
            store.processes.add(replace(process(name), visibility="private" if name == "b" else "public"))
        assert [item.process_id for item in store.processes.find(ProcessQuery()).items] == ["a", "c"]
        assert store.processes.get("b").visibility == "private"
        store.processes.add(process("b", 2))
        store.processes.add(replace(process("a", 2), visibility="private"))
        assert [item.process_id for item in store.processes.find(ProcessQuery()).items] == ["b", "c"]

    def test_processes_are_paged_by_id_with_their_latest_revision(self, store: Store) -> None:
        for name in ("delta", "alpha", "Charlie", "bravo", "echo"):
            store.processes.add(process(name))
        store.processes.add(process("bravo", revision=2))
        store.processes.remove("delta")
        seen, query = [], ProcessQuery(limit=2)
        while True:
            page = store.processes.find(query)
            seen += [(found.process_id, found.revision) for found in page.items]
            if page.next_cursor is None:
                break
            query = replace(query, cursor=page.next_cursor)
        assert seen == [("Charlie", 1), ("alpha", 1), ("bravo", 2), ("echo", 1)]

    @pytest.mark.parametrize("cursor", ["", "x", "AAAA", "W10", "WyJhIiwiYiJd", "é"])
    def test_broken_cursor_is_an_invalid_request(self, store: Store, cursor: str) -> None:
        with pytest.raises(InvalidRequest):
            store.processes.find(ProcessQuery(cursor=cursor))

    def test_of_many_that_add_one_revision_one_succeeds(self, store: Store) -> None:
        store.processes.add(process())
        start = threading.Barrier(8)

        def add(number: int) -> bool:
            start.wait()
            try:
                store.processes.add(process(revision=2, version=str(number)))
            except DuplicatedProcess:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            added = list(threads.map(add, range(8)))
        assert added.count(True) == 1
        assert store.processes.get("echo").version == str(added.index(True))
        assert store.processes.get("echo", 2) == store.processes.get("echo")


class UploadContract:
    def test_upload_comes_back_as_it_was(self, store: Store) -> None:
        stored = upload()
        store.uploads.add(stored)
        assert store.uploads.get(stored.upload_id) == stored

    def test_unknown_upload_is_said_so(self, store: Store) -> None:
        with pytest.raises(NoSuchUpload):
            store.uploads.get("unknown\ud800")

    def test_taken_id_is_refused(self, store: Store) -> None:
        stored = upload()
        store.uploads.add(stored)
        with pytest.raises(StaleRevision):
            store.uploads.add(upload(upload_id=stored.upload_id, owner="bob"))
        assert store.uploads.get(stored.upload_id).owner == "ada"

    def test_removed_upload_is_gone_and_removing_again_does_nothing(self, store: Store) -> None:
        stored = upload()
        store.uploads.add(stored)
        store.uploads.remove(stored.upload_id)
        store.uploads.remove(stored.upload_id)
        with pytest.raises(NoSuchUpload):
            store.uploads.get(stored.upload_id)

    def test_expired_uploads_are_listed_oldest_first(self, store: Store) -> None:
        uploads = [upload(seconds) for seconds in (30, 10, 20, 40)]
        for stored in uploads:
            store.uploads.add(stored)
        assert [found.expires_at for found in store.uploads.expired(after(30))] == [after(10), after(20), after(30)]
        assert list(store.uploads.expired(after(30), limit=1)) == [uploads[1]]
        assert list(store.uploads.expired(after(9))) == []
        assert store.uploads.get(uploads[1].upload_id) == uploads[1]


class ChangesContract:
    def test_each_transition_is_announced(self, store: Store) -> None:
        heard: list[str] = []
        store.changes.listen(heard.append)
        job = accepted()
        store.jobs.add(job, {})
        heard.clear()
        won = store.jobs.claim(OFFER, after(1))
        assert won and heard == [job.job_id]
        asked = won.ask_dismissal(after(2))
        store.jobs.save(asked)
        store.jobs.save(asked.dismiss(after(3)))
        store.jobs.delete(job.job_id, after(4))
        assert heard == [job.job_id] * 4

    def test_lost_save_is_not_announced(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        store.jobs.save(job.dismiss(after(1)))
        heard: list[str] = []
        store.changes.listen(heard.append)
        with pytest.raises(StaleRevision):
            store.jobs.save(job.dismiss(after(2)))
        assert store.jobs.claim(OFFER, after(2)) is None
        assert heard == []

    def test_what_is_announced_is_stored_already(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        seen: list[bool] = []
        store.changes.listen(lambda job_id: seen.append(store.jobs.get(job_id).is_terminal))
        store.jobs.save(job.dismiss(after(1)))
        assert seen == [True]

    def test_waiter_is_woken_by_a_save_in_another_thread(self, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        with store.changes.watch(job.job_id) as watch:
            saving = threading.Thread(target=store.jobs.save, args=[job.dismiss(after(1))])
            saving.start()
            assert watch.wait(10)
            saving.join()


#: Every method that asks the backend, with arguments that would do.
METHODS: dict[str, Callable[[Store], object]] = {
    "jobs.add": lambda store: store.jobs.add(accepted(), {}),
    "jobs.get": lambda store: store.jobs.get("job"),
    "jobs.inputs": lambda store: store.jobs.inputs("job"),
    "jobs.manifest": lambda store: store.jobs.manifest("job"),
    "jobs.save": lambda store: store.jobs.save(accepted().dismiss(START)),
    "jobs.save with manifest": lambda store: store.jobs.save(accepted().dismiss(START), manifest_of(accepted())),
    "jobs.claim": lambda store: store.jobs.claim(OFFER, START),
    "jobs.claim by id": lambda store: store.jobs.claim(OFFER, START, "job"),
    "jobs.beat": lambda store: store.jobs.beat("job", 1, START),
    "jobs.find": lambda store: store.jobs.find(JobQuery()),
    "jobs.count": lambda store: store.jobs.count(JobQuery()),
    "jobs.delete": lambda store: store.jobs.delete("job", START),
    "processes.add": lambda store: store.processes.add(process()),
    "processes.next_revision": lambda store: store.processes.next_revision("echo"),
    "processes.get": lambda store: store.processes.get("echo"),
    "processes.get revision": lambda store: store.processes.get("echo", 1),
    "processes.find": lambda store: store.processes.find(ProcessQuery()),
    "processes.revisions": lambda store: store.processes.revisions("echo", 1),
    "processes.remove": lambda store: store.processes.remove("echo"),
    "events.append": lambda store: store.events.append(said(accepted(), "a")),
    "events.read": lambda store: store.events.read("job", EventQuery()),
    "uploads.add": lambda store: store.uploads.add(upload()),
    "uploads.get": lambda store: store.uploads.get("upload"),
    "uploads.remove": lambda store: store.uploads.remove("upload"),
    "uploads.expired": lambda store: list(store.uploads.expired(START)),
    "ping": lambda store: store.ping(),
}
#: With what is asked before the backend is ready.
MAINTENANCE: dict[str, Callable[[Store], object]] = {**METHODS, "migrate": lambda store: store.migrate()}


class FailureContract:
    @pytest.mark.parametrize("method", METHODS)
    def test_missing_backend_is_a_store_error(self, broken: Store, method: str) -> None:
        with pytest.raises(StoreError) as caught:
            METHODS[method](broken)
        assert len(caught.value.detail.split()) > 3, "the error is a sentence"

    @pytest.mark.parametrize("method", MAINTENANCE)
    def test_closed_store_answers_with_a_store_error(self, store: Store, method: str) -> None:
        store.close()
        with pytest.raises(StoreError):
            MAINTENANCE[method](store)

    def test_closing_twice_is_closing_once(self, store: Store, broken: Store) -> None:
        store.close()
        store.close()
        broken.close()
        broken.close()

    def test_what_was_stored_is_there_after_a_restart(self, store: Store, another: Callable[[], Store]) -> None:
        job = accepted()
        store.jobs.add(job, {"x": 1})
        store.processes.add(process())
        store.close()
        reopened = another()
        reopened.migrate()
        assert reopened.jobs.get(job.job_id) == job
        assert reopened.jobs.inputs(job.job_id) == {"x": 1}
        assert reopened.processes.get("echo") == process()

    def test_two_stores_over_one_backend_see_each_other(self, store: Store, another: Callable[[], Store]) -> None:
        job, other = accepted(), another()
        store.jobs.add(job, {})
        assert other.jobs.get(job.job_id) == job
        assert other.jobs.claim(OFFER, after(1)) == store.jobs.get(job.job_id)
        assert store.jobs.claim(OFFER, after(2)) is None

    def test_migrating_again_changes_nothing(self, store: Store, another: Callable[[], Store]) -> None:
        job = accepted()
        store.jobs.add(job, {})
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda opened: opened.migrate(), [another() for _ in range(4)]))
        assert store.jobs.get(job.job_id) == job


class StoreContract(
    JobContract,
    ClaimContract,
    QueryContract,
    PageContract,
    KeyContract,
    EditContract,
    ProcessContract,
    EventContract,
    UploadContract,
    ChangesContract,
    FailureContract,
):
    """All of it. Bindings give ``store_class`` and the fixtures ``settings`` and ``broken``."""

    store_class: type[Store]

    @pytest.fixture
    def settings(self) -> Settings:
        """Settings that name a new, empty backend."""
        raise NotImplementedError

    @pytest.fixture
    def broken(self) -> Store:
        """A store whose backend does not answer."""
        raise NotImplementedError

    @pytest.fixture
    def another(self, settings: Settings) -> Iterator[Callable[[], Store]]:
        """Opens one more store over the same backend."""
        with ExitStack() as opened:

            def another() -> Store:
                create = self.store_class.create  # type: ignore[attr-defined]  # of plugins, not of the interface
                store: Store = create(settings)
                opened.callback(store.close)
                return store

            yield another

    @pytest.fixture
    def store(self, another: Callable[[], Store]) -> Store:
        """A store that is ready for use."""
        store = another()
        store.migrate()
        return store
