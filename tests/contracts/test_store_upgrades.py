"""Stores that version 1 wrote: the files in ``old`` were written by that release, not by this one."""

from __future__ import annotations

import gzip
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pymongo
import pytest
from bson import json_util

from weaverlite.errors import JobRemoved
from weaverlite.models.queries import SORTS, EventQuery, JobQuery, ProcessQuery
from weaverlite.ogc.status import StatusCode
from weaverlite.stores.interfaces import Store
from weaverlite.stores.mongodb import MongoStore
from weaverlite.stores.sqlite import SQLiteStore
from weaverlite.testing.nouns import OFFER, accepted, after

OLD = Path(__file__).parent / "old"
IDS = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(7)]


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    path = tmp_path / "version-1.db"
    path.write_bytes(gzip.decompress((OLD / "version-1.db.gz").read_bytes()))
    return path


@pytest.fixture(params=["sqlite", "mongodb"])
def upgraded(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store of version 1, opened by this release."""
    store: Store
    if request.param == "sqlite":
        store = SQLiteStore(request.getfixturevalue("old_file"), timeout=60)
        store.migrate()
        yield store
        store.close()
        return
    url = f"{request.getfixturevalue('mongodb_url')}/test-{uuid.uuid4().hex}"
    with pymongo.MongoClient[dict[str, object]](url) as client:
        database = client.get_default_database()
        for name, documents in json_util.loads((OLD / "version-1.json").read_text()).items():
            if documents:
                database[name].insert_many(documents)
        store = MongoStore(url, timeout=60)
        store.migrate()
        yield store
        store.close()
        client.drop_database(database)


def test_everything_is_there_still(upgraded: Store) -> None:
    found = {job.job_id: job for job in upgraded.jobs.find(JobQuery(limit=100)).items}
    assert [str(found[job_id].status) for job_id in IDS[:6]] == [
        "accepted",
        "running",
        "successful",
        "failed",
        "accepted",
        "dismissed",
    ]
    with pytest.raises(JobRemoved):
        upgraded.jobs.get(IDS[6])
    assert upgraded.jobs.get(IDS[1]).progress == 40
    assert upgraded.jobs.inputs(IDS[3]) == {"n": 3}
    assert upgraded.jobs.definition(IDS[3]) is None
    manifest = upgraded.jobs.manifest(IDS[2])
    assert manifest and manifest.job_id == IDS[2]
    assert [event.message for event in upgraded.events.read(IDS[2], EventQuery())] == ["accepted"]
    assert [found.process_id for found in upgraded.processes.find(ProcessQuery()).items] == ["echo", "plot"]
    assert upgraded.processes.get("echo").revision == 2


@pytest.mark.parametrize("sort", SORTS)
def test_old_jobs_stand_in_every_order(upgraded: Store, sort: str) -> None:
    query = JobQuery(any_owner=False, owner="ada", sort=sort, descending=False, limit=2)
    first = upgraded.jobs.find(query)
    second = upgraded.jobs.find(replace(query, cursor=first.next_cursor))
    found = [IDS.index(job.job_id) for job in (*first.items, *second.items)]
    expected = {
        "created": [0, 2, 4],
        # What has not happened comes first.
        "started": [0, 2, 4],
        "finished": [0, 4, 2],
        "process": [2, 4, 0],
        "status": [0, 4, 2],
    }
    assert found == expected[sort]


def test_old_jobs_are_found_by_how_long_they_took(upgraded: Store) -> None:
    def found(least: float, most: float | None = None) -> list[int]:
        query = JobQuery(at=after(111), descending=False, min_seconds=least, max_seconds=most)
        return [IDS.index(job.job_id) for job in upgraded.jobs.find(query).items]

    assert found(0) == [1, 2, 3]
    assert found(20, 20.5) == [2]
    assert found(25) == [1, 3]


def test_old_jobs_go_on(upgraded: Store) -> None:
    running = upgraded.jobs.get(IDS[1])
    upgraded.jobs.save(running.succeed(after(100)))
    assert upgraded.jobs.find(JobQuery(min_seconds=85, max_seconds=95)).items[0].job_id == IDS[1]
    won = upgraded.jobs.claim(OFFER, after(101))
    assert won and won.job_id == IDS[0]
    upgraded.jobs.save(upgraded.jobs.get(IDS[4]).dismiss(after(102)))
    assert upgraded.jobs.count(JobQuery(statuses=frozenset({StatusCode.ACCEPTED}))) == {}
    upgraded.jobs.add(accepted(owner="ada", idempotency_key="k", request_digest="d"), {}, {"x": 1})
    assert upgraded.jobs.keyed("ada", "k")


def test_upgrade_is_done_once(upgraded: Store) -> None:
    before = upgraded.jobs.find(JobQuery(limit=100))
    upgraded.migrate()
    assert upgraded.jobs.find(JobQuery(limit=100)) == before


def test_new_file_is_like_an_upgraded_one(old_file: Path, tmp_path: Path) -> None:
    def schema(path: Path) -> list[tuple[str, str]]:
        store = SQLiteStore(path)
        store.migrate()
        store.close()
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return sorted(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))

    assert schema(old_file) == schema(tmp_path / "new.db")
