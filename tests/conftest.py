"""Servers that some tests need, and the closing lines that say what was run and what was not.

A test that needs a server carries its mark (``redis``, ``mongodb``, ``s3``, ``docker``) or uses its fixture. Where the
servers are is read from ``REDIS_URL``, ``MONGODB_URL``, ``S3_URL`` and ``DOCKER_HOST``, or from the file that
``make services`` writes. Without its server a test is skipped with a sentence; with ``CI=true`` the run fails instead.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections import Counter
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.broker import Broker

ROOT = Path(__file__).parents[1]

#: Mark and fixture of each server: the variable that says where it is, and its name in a sentence.
SERVERS = {
    "redis": ("REDIS_URL", "a Redis server"),
    "mongodb": ("MONGODB_URL", "a MongoDB wire server"),
    "s3": ("S3_URL", "an S3 server"),
    "docker": ("DOCKER_HOST", "a Docker engine"),
}

#: Pairs of store and queue, with the marks of the servers that each needs.
PAIRS = {"embedded": (), "distributed": ("redis", "mongodb")}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backends",
        choices=["all", *PAIRS],
        default="all",
        help="the store and queue that functional tests run on (tests/functional/README.rst); all: once on each pair",
    )
    parser.addoption(
        "--service", default="", help="the URL of a service that tests/conformance asks, instead of one of its own"
    )
    parser.addoption("--write-conformance", action="store_true", help="write docs/conformance.rst from this run")


def pytest_configure(config: pytest.Config) -> None:
    # Commands that tests interrupt inherit what becomes of an interrupt: a run in the background is started deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        lines = (ROOT / ".services" / "env").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        name, _, value = line.partition("=")
        os.environ.setdefault(name, value)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Cut the names of large parameters: the name of the test is in its environment, which has a limit."""
    if isinstance(val, str | bytes) and len(val) > 120:
        return f"{val[:60]!a}-and-{len(val) - 60}-more"
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in SERVERS:
            if server_fixture(name) in getattr(item, "fixturenames", ()):
                item.add_marker(name)
        if ROOT / "tests" / "integration" in item.path.parents:
            # They start whole services and kill them: one at a time, however many processes share the other tests.
            item.add_marker(pytest.mark.xdist_group("integration"))
        elif ROOT / "tests" / "functional" in item.path.parents:
            # Tests of a module share a service, which takes longer to start than most tests take.
            pair = next((name for name in PAIRS if f"[{name}" in item.name), "")
            item.add_marker(pytest.mark.xdist_group(f"{item.path.relative_to(ROOT)} {pair}"))
    if os.environ.get("CI") != "true":
        return
    needed = {name for item in items for name in SERVERS if item.get_closest_marker(name)}
    if any(item.get_closest_marker("integration") for item in items):
        needed.update(SERVERS)
    missing = [why for name in sorted(needed) if (why := what_is_missing(name))]
    if missing:
        raise pytest.UsageError("CI=true and not every server is there. " + " ".join(missing))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in SERVERS:
        if item.get_closest_marker(name) and (why := what_is_missing(name)):
            pytest.skip(why)


def server_fixture(name: str) -> str:
    return "docker_host" if name == "docker" else f"{name}_url"


@cache
def what_is_missing(name: str) -> str:
    """Return a sentence about the server of this mark if it does not answer, else nothing."""
    variable, words = SERVERS[name]
    url = os.environ.get(variable, "unix:///var/run/docker.sock" if name == "docker" else "")
    if not url:
        return f"There is no {words.partition(' ')[2]}: set {variable}, or run 'make services'."
    try:
        with connection(url):
            return ""
    except OSError as error:
        return f"{words[0].upper()}{words[1:]} does not answer at {url} ({error}): run 'make services'."


def connection(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        found = socket.socket(socket.AF_UNIX)
        try:
            found.connect(parts.path)
        except OSError:
            found.close()
            raise
        return found
    return socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80), timeout=5)


@pytest.fixture(scope="session")
def redis_url() -> str:
    """``redis://host:port/0``."""
    return os.environ["REDIS_URL"]


@pytest.fixture(scope="session")
def mongodb_url() -> str:
    """``mongodb://host:port``, without a database: take one of your own."""
    return os.environ["MONGODB_URL"].rstrip("/")


@pytest.fixture(scope="session")
def s3_url() -> str:
    """The endpoint of an S3 server: any key and secret will do."""
    return os.environ["S3_URL"]


@pytest.fixture(scope="session")
def docker_host() -> str:
    """Where the Docker engine listens; the ``docker`` command finds it in its environment too."""
    return os.environ.setdefault("DOCKER_HOST", "unix:///var/run/docker.sock")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A Redis server of this test, to be stopped and started."""
    if shutil.which("redis-server") is None:
        reason = "There is no redis-server command: install Redis, or run 'make services'."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    running = Broker(tmp_path)
    yield running
    running.kill()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Say in the very last lines what came of the tests, with the reason of each that was skipped."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    count = {name: len(found) for name, found in reporter.stats.items()}
    for report in (report for found in ("passed", "failed") for report in reporter.stats.get(found, ())):
        for note in (text for name, text in report.user_properties if name == "note"):
            reporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {note}")
    for reason, number in sorted(Counter(skip_reasons(reporter.stats.get("skipped", ()))).items()):
        reporter.write_line(f"{number} skipped: {reason}")
    reporter.write_line(
        f"{count.get('passed', 0)} passed, {count.get('failed', 0) + count.get('error', 0)} failed, "
        f"{count.get('skipped', 0)} skipped, {count.get('deselected', 0)} deselected"
    )


def skip_reasons(reports: tuple[pytest.TestReport, ...] | list[pytest.TestReport]) -> Iterator[str]:
    for report in reports:
        # A skip is kept as (path, line, "Skipped: reason").
        words = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        yield words.removeprefix("Skipped: ")
