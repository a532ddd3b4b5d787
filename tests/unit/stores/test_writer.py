from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from weaverlite.errors import StaleRevision, StoreError
from weaverlite.stores.connections import Connections
from weaverlite.stores.writer import Writer


@pytest.fixture
def connections(tmp_path: Path) -> Iterator[Connections]:
    connections = Connections(tmp_path / "records.db", 1)
    connection = connections.open(create=True)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE words (word TEXT PRIMARY KEY)")
    connection.close()
    yield connections
    connections.close()


@pytest.fixture
def writer(connections: Connections) -> Iterator[Writer]:
    writer = Writer(connections.path, connections.open, 1, "FULL")
    yield writer
    writer.close()


def insert(word: str) -> Callable[[sqlite3.Connection], str]:
    def work(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO words VALUES (?)", (word,))
        return word

    return work


def refuse(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO words VALUES ('refused')")
    raise StaleRevision


def words(connections: Connections) -> list[str]:
    with connections.reader() as reader:
        return [word for (word,) in reader.execute("SELECT word FROM words ORDER BY word")]


def together(writer: Writer, *works: Callable[[sqlite3.Connection], object]) -> list[Future[object]]:
    """Ask for all of it while the writer is held, so that it is one group; return the outcomes."""
    held, entered = threading.Event(), threading.Event()

    def hold(connection: sqlite3.Connection) -> None:
        entered.set()
        assert held.wait(10)

    with ThreadPoolExecutor(len(works) + 1) as threads:
        threads.submit(writer.run, hold)
        assert entered.wait(10)
        outcomes = []
        for number, work in enumerate(works):
            outcomes.append(threads.submit(writer.run, work))
            while writer._waiting.qsize() < number + 1:
                pass
        held.set()
    return outcomes


def test_result_is_returned_when_it_is_committed(writer: Writer, connections: Connections) -> None:
    assert writer.run(insert("a"), durable=True) == "a"
    assert words(connections) == ["a"]


def test_operation_that_fails_writes_nothing(writer: Writer, connections: Connections) -> None:
    with pytest.raises(StaleRevision):
        writer.run(refuse)
    assert words(connections) == []
    writer.run(insert("a"))
    assert words(connections) == ["a"]


def test_operations_of_one_group_fail_alone(writer: Writer, connections: Connections) -> None:
    good, bad, twice, other = together(writer, insert("a"), refuse, insert("a"), insert("b"))
    assert good.result() == "a" and other.result() == "b"
    assert isinstance(bad.exception(), StaleRevision)
    assert isinstance(twice.exception(), StoreError)
    assert words(connections) == ["a", "b"]


def test_operations_asked_together_are_committed_together(writer: Writer) -> None:
    commits: list[str] = []
    writer.run(lambda connection: connection.set_trace_callback(commits.append))
    commits.clear()
    together(writer, *(insert(str(number)) for number in range(20)))
    assert [statement for statement in commits if statement == "COMMIT"] == ["COMMIT"] * 2, "the holder's and one"


def test_durable_groups_wait_for_the_disk_and_others_do_not(writer: Writer) -> None:
    def level(connection: sqlite3.Connection) -> int:
        found: int = connection.execute("PRAGMA synchronous").fetchone()[0]
        return found

    assert [writer.run(level, durable=durable) for durable in (False, True, True, False)] == [1, 2, 2, 1]


def test_group_that_cannot_be_committed_is_an_error_for_all_of_it(writer: Writer, connections: Connections) -> None:
    def give_up(connection: sqlite3.Connection) -> None:
        # What SQLite does by itself when the disk is full.
        connection.execute("ROLLBACK")
        connection.execute("INSERT INTO nowhere VALUES (1)")

    outcomes = together(writer, insert("a"), give_up, insert("b"))
    assert all(isinstance(outcome.exception(), StoreError) for outcome in outcomes)
    assert words(connections) == []
    writer.run(insert("c"))
    assert words(connections) == ["c"]


def test_closing_commits_what_was_asked_and_refuses_what_comes_later(writer: Writer, connections: Connections) -> None:
    outcomes = together(writer, *(insert(str(number)) for number in range(5)))
    writer.close()
    writer.close()
    assert all(outcome.result() for outcome in outcomes)
    assert len(words(connections)) == 5
    with pytest.raises(StoreError, match="closed"):
        writer.run(insert("late"))


def test_file_that_is_not_there_is_an_error_until_it_is(tmp_path: Path) -> None:
    connections = Connections(tmp_path / "later.db", 1)
    writer = Writer(connections.path, connections.open, 1, "FULL")
    with pytest.raises(StoreError, match="cannot be opened"):
        writer.run(insert("a"))
    connections.open(create=True).execute("CREATE TABLE words (word TEXT)")
    assert writer.run(insert("a")) == "a"
    writer.close()
    connections.close()


def test_readers_cannot_write(connections: Connections) -> None:
    with pytest.raises(StoreError), connections.reader() as reader:
        reader.execute("INSERT INTO words VALUES ('a')")


def test_readers_are_used_again(connections: Connections) -> None:
    with connections.reader() as one, connections.reader() as two:
        assert one is not two
    with connections.reader() as again:
        assert again in (one, two)
