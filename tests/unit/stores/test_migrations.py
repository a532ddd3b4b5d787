from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from weaverlite.errors import ConfigurationError
from weaverlite.stores.migrations import APPLICATION_ID, migrate

FIRST = "CREATE TABLE jobs (job_id TEXT); -- with a ';' in a comment\nINSERT INTO jobs VALUES ('a;b');\n"
SECOND = "ALTER TABLE jobs ADD COLUMN owner TEXT;\nUPDATE jobs SET owner = 'ada'"
BROKEN = "CREATE TABLE tags (name TEXT);\nINSERT INTO nowhere VALUES (1);"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def version(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def test_new_file_takes_every_step(connection: sqlite3.Connection, path: Path) -> None:
    migrate(connection, path, [FIRST, SECOND], 1)
    assert connection.execute("SELECT * FROM jobs").fetchall() == [("a;b", "ada")]
    assert version(connection) == 2
    assert connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_older_file_takes_the_steps_it_has_not_seen(connection: sqlite3.Connection, path: Path) -> None:
    migrate(connection, path, [FIRST], 1)
    connection.execute("INSERT INTO jobs VALUES ('kept')")
    migrate(connection, path, [FIRST, SECOND], 1)
    assert connection.execute("SELECT * FROM jobs").fetchall() == [("a;b", "ada"), ("kept", "ada")]


def test_file_of_this_version_is_left_alone(connection: sqlite3.Connection, path: Path) -> None:
    for _ in range(2):
        migrate(connection, path, [FIRST], 1)
    assert connection.execute("SELECT count(*) FROM jobs").fetchone()[0] == 1


def test_step_that_fails_leaves_the_version_before(connection: sqlite3.Connection, path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, path, [FIRST, BROKEN], 1)
    assert version(connection) == 1
    assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'tags'").fetchall() == []
    migrate(connection, path, [FIRST, SECOND], 1)
    assert version(connection) == 2


def test_newer_file_is_refused(connection: sqlite3.Connection, path: Path) -> None:
    migrate(connection, path, [FIRST, SECOND], 1)
    with pytest.raises(ConfigurationError, match="newer release .schema version 2, this one knows 1"):
        migrate(connection, path, [FIRST], 1)


def test_file_of_another_program_is_refused(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA application_id = 7")
    connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(ConfigurationError, match="another program"):
        migrate(connection, path, [FIRST], 1)
