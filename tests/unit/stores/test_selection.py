"""What a query costs: read off SQLite's own plan, so that no amount of jobs can make it slow unnoticed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest

from weaverlite.models.queries import SORTS, JobQuery
from weaverlite.stores.cursors import write_cursor
from weaverlite.stores.migrations import read_steps
from weaverlite.stores.orders import ORDERS, page_place
from weaverlite.stores.selection import Statement, select_count, select_page
from weaverlite.stores.sqlite_jobs import _FIRST, _NEEDS, _WAITING
from weaverlite.testing.nouns import START
from weaverlite.testing.store_pages import ELSEWISE, SELECTIONS
from weaverlite.testing.store_queries import QUERIES

TIME = "2026-03-01T12:00:00.000000Z"
CURSOR = write_cursor(">-created", TIME, "id")
#: They select few jobs, or are the reaper's, who reads one page of all he wants: sorting them is cheap.
SORTED = {"expired", "expired of one owner"}


def page(query: JobQuery) -> Statement | None:
    return select_page(query, page_place(query))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    for step in read_steps():
        connection.executescript(step)
    yield connection
    connection.close()


def plan(connection: sqlite3.Connection, statement: str, parameters: list[object] | None = None) -> list[str]:
    found = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters or ["x"] * statement.count("?"))
    return [row[3] for row in found]


@pytest.mark.parametrize("name", [name for name, query in QUERIES.items() if page(query) is not None])
@pytest.mark.parametrize("cursor", [None, CURSOR], ids=["first page", "next page"])
def test_page_is_a_range_of_an_index(connection: sqlite3.Connection, name: str, cursor: str | None) -> None:
    statement = page(replace(QUERIES[name], cursor=cursor))
    assert statement is not None
    steps = plan(connection, *statement)
    scans = [step for step in steps if step.startswith("SCAN") and step != "SCAN k" and "USING" not in step]
    assert not scans, steps
    if name not in SORTED:
        # The merge of several ranges is sorted by its own order; at most the page itself is sorted again.
        sorts = [step for step in steps if "TEMP B-TREE" in step]
        assert len(sorts) <= (1 if "SCAN k" in steps else 0), steps


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("sign", ["", ">", "<"], ids=["first page", "next page", "page before"])
def test_every_order_is_that_of_an_index(connection: sqlite3.Connection, sort: str, sign: str) -> None:
    cursor = write_cursor(f"{sign}-{sort}", *[TIME] * (len(ORDERS[sort]) - 1), "id") if sign else None
    for name, selection in SELECTIONS.items():
        statement = page(replace(selection, sort=sort, cursor=cursor))
        assert statement is not None
        steps = plan(connection, *statement)
        assert all("USING" in step for step in steps if step.startswith(("SCAN j", "SEARCH j"))), (name, steps)
        if sort != "created":
            assert any(f"INDEX jobs_owner_{sort} (owner=?" in step for step in steps), (name, steps)
        if "SCAN k" not in steps:
            assert not [step for step in steps if "TEMP B-TREE" in step], (name, steps)


def test_durations_are_read_from_the_index(connection: sqlite3.Connection) -> None:
    """A filter that few jobs fit must not read the rows of those that it leaves out."""
    for sort in SORTS:
        statement = page(replace(SELECTIONS["between"], sort=sort))
        assert statement is not None
        keys = statement[0].replace("j.document, j.updated_at, j.beat_at, j.progress, j.message, ", "")
        assert any("USING COVERING INDEX" in step for step in plan(connection, keys, statement[1])), sort


def test_selection_of_anyone_has_the_order_of_creation(connection: sqlite3.Connection) -> None:
    for name in ("of anyone", "with a tag", "of a tag"):
        statement = page(ELSEWISE[name])
        assert statement is not None
        assert not [step for step in plan(connection, *statement) if "TEMP B-TREE" in step], name


def test_due_callbacks_are_read_from_an_index(connection: sqlite3.Connection) -> None:
    statement = page(JobQuery(callback_before=START))
    assert statement is not None
    assert any("INDEX jobs_callback (callback_at<?)" in step for step in plan(connection, *statement))


@pytest.mark.parametrize("name", [name for name, query in QUERIES.items() if select_count(query) is not None])
def test_count_reads_an_index(connection: sqlite3.Connection, name: str) -> None:
    statement = select_count(QUERIES[name])
    assert statement is not None
    steps = plan(connection, *statement)
    assert all("USING" in step for step in steps if step.startswith(("SCAN", "SEARCH"))), steps


def test_claims_are_read_from_the_order_of_waiting_jobs(connection: sqlite3.Connection) -> None:
    for statement in (_WAITING, _FIRST, _NEEDS):
        steps = plan(connection, statement)
        assert any("INDEX jobs_waiting" in step for step in steps), steps
        assert not [step for step in steps if "TEMP B-TREE" in step], steps
    assert plan(connection, _FIRST) == ["SEARCH jobs USING INDEX jobs_waiting (needs=?)"]


@pytest.mark.parametrize("prefix", ["0123ab", "0123ab-"])
def test_prefix_is_a_range_of_the_ids(connection: sqlite3.Connection, prefix: str) -> None:
    statement = page(JobQuery(id_prefix=prefix))
    assert statement is not None
    assert any("SEARCH j USING INDEX jobs_id (job_id>? AND job_id<?)" in step for step in plan(connection, *statement))


def test_contradiction_asks_nothing() -> None:
    query = QUERIES["status against accepted before"]
    assert page(query) is None
    assert select_count(query) is None
