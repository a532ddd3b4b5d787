from __future__ import annotations

from datetime import timedelta
from itertools import islice

import pytest

from weaverlite.client import WeaverClient
from weaverlite.client.connection import Connection, check_url, origin_of, write_json
from weaverlite.client.errors import InvalidUsage, ProblemError, Unreachable
from weaverlite.client.waiting import Absence, is_passing, pauses


def test_url_loses_the_slash_at_its_end() -> None:
    assert check_url("http://host:4001/base/") == "http://host:4001/base"


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:x", "http://host:99999", "/path", "http://["])
def test_what_is_no_url_of_a_service_is_refused(url: str) -> None:
    with pytest.raises(InvalidUsage, match="not the URL of a service"):
        check_url(url)


def test_url_without_a_scheme_gets_a_hint() -> None:
    with pytest.raises(InvalidUsage, match="did you mean http://localhost:4001"):
        check_url("localhost:4001")


def test_default_ports_are_part_of_an_origin() -> None:
    assert origin_of("http://Host/x") == origin_of("http://host:80/y") != origin_of("https://host")


def test_url_and_token_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEAVERLITE_URL", "http://from-the-shell/")
    assert WeaverClient().url == "http://from-the-shell"
    assert WeaverClient("http://given").url == "http://given"


def test_missing_url_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEAVERLITE_URL", raising=False)
    with pytest.raises(InvalidUsage, match="WEAVERLITE_URL"):
        WeaverClient().info()


@pytest.mark.parametrize("document", [{"a": float("nan")}, {"a": object()}, {("a",): 1}])
def test_what_json_cannot_say_is_refused(document: object) -> None:
    with pytest.raises(InvalidUsage, match="JSON"):
        write_json(document)


def test_credentials_go_to_named_origins_only() -> None:
    connection = Connection("http://host", token="secret")
    assert connection._trusts("http://host/x")
    assert connection._trusts("https://host/x")
    assert not connection._trusts("http://host:8080/x")
    assert not connection._trusts("http://other/x")
    assert not Connection("https://host")._trusts("http://host/x")
    connection.trust("http://other/jobs/1")
    assert connection._trusts("http://other/x")


def test_pauses_grow_to_a_limit() -> None:
    found = [*islice(pauses(), 40)]
    assert found[0] < 0.2
    assert 3.5 < found[-1] <= 6.0


def test_absence_is_waited_for_only_after_the_service_was_there() -> None:
    gone = Unreachable("gone")
    with pytest.raises(Unreachable):
        Absence(timedelta(hours=1), reached=False).note(gone)
    absence = Absence(timedelta(hours=1), reached=True)
    assert absence.note(gone)
    assert not absence.note(gone)
    absence.back()
    assert absence.note(gone)


def test_absence_ends_when_patience_does() -> None:
    absence = Absence(timedelta(seconds=-1), reached=True)
    absence.note(Unreachable("gone"))
    with pytest.raises(Unreachable):
        absence.note(Unreachable("gone"))


def test_refusals_do_not_pass() -> None:
    assert is_passing(ProblemError(503, {}))
    assert not is_passing(ProblemError(404, {}))
    with pytest.raises(ProblemError):
        Absence(timedelta(hours=1), reached=True).note(ProblemError(404, {}))
    assert Absence(timedelta(hours=1), reached=False).note(ProblemError(503, {}))
