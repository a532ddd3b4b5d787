"""Our stores keep the contract that we ask of others."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.database import Database

from tests.contracts.store_machine import make_machine
from weaverlite.errors import ConfigurationError, JobRemoved, StaleRevision, StoreError
from weaverlite.models.queries import JobQuery
from weaverlite.settings import Settings, StoreSettings
from weaverlite.stores.interfaces import Store
from weaverlite.stores.mongodb import MongoStore
from weaverlite.stores.sqlite import SQLiteStore
from weaverlite.testing.nouns import OFFER, accepted, after, manifest_of, said
from weaverlite.testing.stores import StoreContract


class TestSQLiteStore(StoreContract):
    store_class = SQLiteStore

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(data=tmp_path)

    @pytest.fixture
    def broken(self, tmp_path: Path) -> Iterator[Store]:
        path = tmp_path / "broken.db"
        path.write_bytes(b"not a database, whatever its name says\n" * 200)
        store = SQLiteStore(path)
        yield store
        store.close()

    def test_other_process_that_writes_too_long_is_a_store_error(self, settings: Settings, store: Store) -> None:
        job = accepted()
        store.jobs.add(job, {})
        impatient = SQLiteStore(settings.data / "weaverlite.db", timeout=0.05)
        with closing(sqlite3.connect(settings.data / "weaverlite.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="held by another process"):
                impatient.jobs.save(job.dismiss(after(1)))
            assert impatient.jobs.get(job.job_id) == job
            other.execute("ROLLBACK")
        impatient.jobs.save(job.dismiss(after(1)))
        impatient.close()

    def test_writer_waits_for_another_process(self, settings: Settings, store: Store) -> None:
        with closing(
            sqlite3.connect(settings.data / "weaverlite.db", isolation_level=None, check_same_thread=False)
        ) as other, ThreadPoolExecutor(1) as thread:
            other.execute("BEGIN IMMEDIATE")
            job = accepted()
            adding = thread.submit(store.jobs.add, job, {})
            assert store.jobs.find(JobQuery()).items == ()
            other.execute("ROLLBACK")
            adding.result()
        assert store.jobs.get(job.job_id) == job

    def test_full_disk_is_a_store_error_and_loses_nothing(self, settings: Settings, store: SQLiteStore) -> None:
        kept = accepted()
        store.jobs.add(kept, {})
        # SQLite's own idea of a full disk: the file may not grow.
        pages = store._writer.run(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
        store._writer.run(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone() and None)
        with pytest.raises(StoreError, match="full"):
            store.jobs.add(accepted(), {"x": "y" * 100_000})
        assert [job.job_id for job in store.jobs.find(JobQuery()).items] == [kept.job_id]
        store._writer.run(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchone() and None)
        store.jobs.add(accepted(), {"x": "y" * 100_000})

    def test_what_a_killed_process_had_stored_is_there(self, settings: Settings, store: Store) -> None:
        script = (
            "import os, signal\n"
            "from pathlib import Path\n"
            "from weaverlite.stores.sqlite import SQLiteStore\n"
            "from weaverlite.testing.nouns import accepted\n"
            f"store = SQLiteStore(Path({str(settings.data / 'weaverlite.db')!r}))\n"
            "for number in range(20):\n"
            "    store.jobs.add(accepted(number), {'number': number})\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        done = subprocess.run([sys.executable, "-c", script], timeout=60, check=False)
        assert done.returncode < 0
        found = store.jobs.find(JobQuery(limit=100)).items
        assert [store.jobs.inputs(job.job_id)["number"] for job in reversed(found)] == list(range(20))
        assert store.jobs.claim(OFFER, after(99)) is not None

    def test_many_threads_write_and_read_at_once(self, store: Store) -> None:
        def work(number: int) -> None:
            for step in range(5):
                job = accepted(number * 10 + step)
                store.jobs.add(job, {"n": step})
                won = store.jobs.claim(OFFER, after(500), job.job_id)
                assert won and store.jobs.get(job.job_id) == won
                store.events.append(said(won, "a", "b"))
                with pytest.raises(StaleRevision):
                    store.jobs.beat(job.job_id, 2, after(501))
                store.jobs.save(won.succeed(after(502)), manifest_of(won))

        with ThreadPoolExecutor(12) as threads:
            list(threads.map(work, range(12)))
        assert store.jobs.count(JobQuery()) == {"successful": 60}

    def test_records_are_only_for_their_owner_to_read(self, settings: Settings, store: Store) -> None:
        store.jobs.add(accepted(), {"secret": 1})
        for path in settings.data.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name

    def test_schema_of_a_newer_release_is_refused(self, settings: Settings, store: Store) -> None:
        with closing(sqlite3.connect(settings.data / "weaverlite.db")) as other:
            other.execute("PRAGMA user_version = 99")
        with pytest.raises(ConfigurationError, match="newer release.*99"):
            store.migrate()

    def test_database_of_another_program_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE places (name TEXT)")
        with pytest.raises(ConfigurationError, match="another program"):
            SQLiteStore(path).migrate()

    def test_file_that_is_no_database_is_refused(self, broken: Store) -> None:
        with pytest.raises(ConfigurationError, match="damaged, or not a database"):
            broken.migrate()

    def test_damaged_database_is_refused(self, settings: Settings, store: Store, another: Callable[[], Store]) -> None:
        for number in range(50):
            store.jobs.add(accepted(number), {"x": "y" * 500})
        store.close()
        path = settings.data / "weaverlite.db"
        content = bytearray(path.read_bytes())
        content[4096 * 3 : 4096 * 20] = os.urandom(4096 * 17)
        path.write_bytes(content)
        with pytest.raises(ConfigurationError, match="damaged"):
            another().migrate()

    def test_place_that_cannot_be_written_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for path in (tmp_path / "file" / "below.db", tmp_path):
            with pytest.raises(ConfigurationError, match="cannot be written"):
                SQLiteStore(path).migrate()


TestSQLiteStateMachine = make_machine(lambda directory: SQLiteStore(directory / "weaverlite.db"))


class TestMongoStore(StoreContract):
    store_class = MongoStore

    @pytest.fixture
    def settings(self, mongodb_url: str, tmp_path: Path) -> Iterator[Settings]:
        url = f"{mongodb_url}/test-{uuid.uuid4().hex}"
        # A server for tests may be slow beside other tests: what is measured here is not its speed.
        yield Settings(data=tmp_path, store=StoreSettings(url=url, timeout=timedelta(seconds=60)))
        with pymongo.MongoClient[dict[str, object]](url) as client:
            client.drop_database(client.get_default_database())

    @pytest.fixture
    def broken(self, closed_port: int) -> Iterator[Store]:
        store = MongoStore(f"mongodb://127.0.0.1:{closed_port}/nothing", timeout=0.1)
        yield store
        store.close()

    def test_password_is_in_no_message(self, closed_port: int) -> None:
        store = MongoStore(f"mongodb://ada:secret@127.0.0.1:{closed_port}/records", timeout=0.1)
        with pytest.raises(StoreError) as caught:
            store.ping()
        store.close()
        assert "secret" not in caught.value.detail
        assert f"127.0.0.1:{closed_port}/records" in caught.value.detail

    @pytest.mark.parametrize("url", ["mongodb://", "mongodb://host:port/x", "mongodb:///x", "mongodb://h/x?w=no&tls=2"])
    def test_url_that_names_nothing_is_a_configuration_error(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="weaverlite.store.url"):
            MongoStore(url)

    def test_schema_of_a_newer_release_is_refused(self, store: MongoStore, settings: Settings) -> None:
        with database(settings) as found:
            found["schema"].update_one({"_id": "schema"}, {"$set": {"version": 99}})
            with pytest.raises(ConfigurationError, match="newer release.*99"):
                store.migrate()

    def test_removal_that_was_interrupted_is_finished_at_the_next_start(
        self, store: MongoStore, settings: Settings
    ) -> None:
        job = accepted()
        store.jobs.add(job, {})
        store.events.append(said(job, "line"))
        store.jobs.save(job.dismiss(after(1)), manifest_of(job))
        with database(settings) as found:
            # As a process leaves it that dies right after it has begun.
            found["tombstones"].insert_one({"_id": job.job_id, "removed_at": "", "leftovers": True})
            store.migrate()
            for name in ("jobs", "events", "attachments"):
                assert found[name].count_documents({}) == 0, name
            assert found["tombstones"].count_documents({"leftovers": True}) == 0
        with pytest.raises(JobRemoved):
            store.jobs.get(job.job_id)

    def test_lost_save_leaves_no_manifest(self, store: MongoStore, settings: Settings) -> None:
        job = accepted()
        store.jobs.add(job, {})
        store.jobs.save(job.dismiss(after(1)))
        with database(settings) as found:
            before = found["attachments"].count_documents({})
            with pytest.raises(StaleRevision):
                store.jobs.save(job.dismiss(after(2)), manifest_of(job))
            assert found["attachments"].count_documents({}) == before

    def test_pages_and_claims_are_read_from_an_index(self, store: MongoStore, settings: Settings) -> None:
        with database(settings) as found:
            names = {tuple(index["key"]) for index in found["jobs"].list_indexes()}
        order = ("created_at", "_id")
        for equal in ((), ("status",), ("owner",), ("owner", "status"), ("process_id",), ("owner", "process_id")):
            assert (*equal, *order) in names
        assert ("status", "needs", "priority", *order) in names


@contextmanager
def database(settings: Settings) -> Iterator[Database[dict[str, Any]]]:
    with pymongo.MongoClient[dict[str, Any]](settings.store.url) as client:
        yield client.get_default_database()
