"""Pages of other origins: those that the settings name, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weaverlite.errors import ConfigurationError
from weaverlite.testing.app import running, settings_for

MAPS = "https://maps.example.com"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    directory = tmp_path_factory.mktemp("cors")
    settings = settings_for(directory)
    settings = replace(settings, server=replace(settings.server, cors_origins=(MAPS, "http://localhost:8080")))
    with running(directory, settings=settings, worker=False) as service, service.session() as http:
        yield http


def test_nothing_is_shared_without_the_setting(http, base):
    answer = http.get(f"{base}/", headers={"Origin": MAPS})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert http.options(f"{base}/", headers={"Origin": MAPS, "Access-Control-Request-Method": "GET"}).status_code == 405


@pytest.mark.parametrize("origin", [MAPS, "http://localhost:8080"])
def test_a_page_of_a_named_origin_may_read_answers_and_headers(shared, base, origin):
    answer = shared.get(f"{base}/", headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Location", "Link", "ETag", "Preference-Applied", "Retry-After"} <= set(exposed)
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"]
    # Errors too: a page has to tell them.
    assert shared.get(f"{base}/nothing", headers={"Origin": origin}).headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "http://maps.example.com",
        f"{MAPS}:443",
        f"{MAPS}.evil.org",
        "https://evilmaps.example.com",
        f"{MAPS}/",
    ],
)
def test_other_origins_may_not(shared, base, origin):
    answer = shared.get(f"{base}/", headers={"Origin": origin})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.headers["Vary"]
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    assert shared.options(f"{base}/processes", headers=asked).status_code == 405


def test_browsers_may_ask_before_they_send(shared, base):
    asked = {
        "Origin": MAPS,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, prefer",
    }
    answer = shared.options(f"{base}/processes/echo/execution", headers=asked)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == MAPS
    assert {"POST", "PUT", "PATCH", "DELETE"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type, prefer"


def test_a_page_of_a_named_origin_may_send(shared, base):
    headers = {"Origin": MAPS, "Sec-Fetch-Site": "cross-site", "Content-Type": "a/b"}
    assert shared.post(f"{base}/vault", data=b"x", headers=headers).status_code == 201
    headers["Origin"] = "https://evil.example.com"
    assert shared.post(f"{base}/vault", data=b"x", headers=headers).status_code == 403


@pytest.mark.parametrize("origin", ["*", "https://*.example.com", "maps.example.com", f"{MAPS}/", "https://A.example"])
def test_what_is_no_origin_is_refused_at_the_start(tmp_path, origin):
    settings = settings_for(tmp_path)
    with pytest.raises(ConfigurationError, match="cors_origins"):
        replace(settings, server=replace(settings.server, cors_origins=(origin,))).check()
