"""The service under test, once for all tests: one of our own, or that of ``--service URL``."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.conformance import report
from tests.conformance.gaps import GAPS
from tests.conformance.marks import keys_of
from tests.conformance.origin import Origin, offering
from tests.conformance.service import Service, serving

#: The suite's own server, on this host, is asked for references and called back, soon.
SETTINGS = {
    "WEAVERLITE_EGRESS_ALLOW_PRIVATE": "127.0.0.1",
    "WEAVERLITE_WORKER_CONCURRENCY": "8",
    "WEAVERLITE_WORKER_GRACE": "1s",
    "WEAVERLITE_CALLBACKS_PAUSE": "100ms",
    "WEAVERLITE_CALLBACKS_POLL": "50ms",
}
#: Tests of this suite lie in these modules; the page in the docs is that of all of them.
MODULES = frozenset(path.name for path in report.HERE.glob("test_*.py"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requirement(*keys): the requirements of the standards that a test proves")
    config.addinivalue_line("markers", "outcome: looks at the outcome of the other tests of this suite")
    config.stash[report.RUN] = report.Run()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    ours = [item for item in items if report.is_ours(item)]
    for item in ours:
        # One service for all of them, so one process; the others have theirs.
        item.add_marker(pytest.mark.xdist_group("conformance"))
        for reason in {GAPS[key] for key in keys_of(item) if key in GAPS}:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=False))
    yield
    # What looks at the outcome of the others comes last, also where the order is shuffled.
    items.sort(key=lambda item: item.get_closest_marker("outcome") is not None)
    is_chosen = bool(config.option.keyword or config.option.markexpr or config.option.deselect)
    names = {item.path.name for item in ours}
    is_partial = is_chosen or names != MODULES or any("::" in argument for argument in config.args)
    config.stash[report.RUN].collected(items, not is_partial)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    made = yield
    item.config.stash[report.RUN].ended(made)
    return made


@pytest.fixture(scope="session")
def origin() -> Iterator[Origin]:
    """Files, packages, collections and callbacks of another server."""
    with offering() as started:
        yield started


@pytest.fixture(scope="session")
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, origin: Origin
) -> Iterator[Service]:
    """The service under test."""
    url = request.config.getoption("--service")
    if url:
        found = Service(url)
        yield found
        found.close()
        return
    # The other server is one whose processes may be nested.
    settings = {**SETTINGS, "WEAVERLITE_CHAINING_SERVERS": f"{origin.url}/ogc"}
    with serving(tmp_path_factory.mktemp("conformance"), **settings) as started:
        found = Service(started)
        yield found
        found.close()
