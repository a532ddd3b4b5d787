"""The service itself, and what is the same for every answer."""

from __future__ import annotations

import json
import logging

import pytest

from weaverlite.ogc import links as rel
from weaverlite.ogc.links import find, read_links
from weaverlite.testing.app import running

_CONF = "http://www.opengis.net/spec/"


def test_the_landing_page_links_to_what_there_is(http, base):
    document = http.get(f"{base}/").json()
    for relation in (rel.SELF, rel.SERVICE_DESC, rel.SERVICE_DOC, rel.CONFORMANCE, rel.PROCESSES, rel.JOB_LIST):
        assert find(read_links(document), relation) is not None, relation
    for link in read_links(document):
        answer = http.get(link.href, headers={"Accept": link.type})
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].removesuffix("; charset=utf-8") == link.type


def test_classes_are_listed_only_while_they_are_met(http, base):
    met = http.get(f"{base}/conformance").json()["conformsTo"]
    assert f"{_CONF}ogcapi-processes-1/1.0/conf/core" in met
    assert f"{_CONF}ogcapi-processes-1/2.0/conf/dismiss" in met
    assert f"{_CONF}ogcapi-processes-2/1.0/conf/deploy-replace-undeploy" in met
    assert f"{_CONF}ogcapi-processes-1/1.0/conf/html" in met
    assert len(met) == len(set(met))


def test_what_stands_in_the_classes_can_be_listed_too(http, base):
    found = {
        category: http.get(f"{base}/conformance?category={category}").json()["conformsTo"]
        for category in ("conf", "req", "rec", "per", "all")
    }
    assert f"{_CONF}ogcapi-processes-1/2.0/req/core/landingpage-op" in found["req"]
    assert f"{_CONF}ogcapi-processes-1/2.0/rec/core/head" in found["rec"]
    assert set(found["all"]) == {uri for category in ("conf", "req", "rec", "per") for uri in found[category]}
    assert http.get(f"{base}/conformance?category=none").status_code == 400


def test_health_readiness_and_versions(http, base):
    assert http.get(f"{base}/health").json() == {"status": "ok"}
    assert http.get(f"{base}/ready").json() == {"status": "ok", "parts": {"store": "ok", "queue": "ok"}}
    names = [item["name"] for item in http.get(f"{base}/versions").json()["versions"]]
    assert names[0] == "weaverlite"


def test_a_page_that_is_not_there_says_so(http, base):
    answer = http.get(f"{base}/nothing/here")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "/nothing/here" in answer.json()["detail"]


def test_a_method_that_is_not_taken_says_which_are(http, base):
    answer = http.patch(f"{base}/processes")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("path", ["/%ff", "/processes/%ff%fe", "/jobs/x/outputs/%c3%28"])
def test_a_path_that_is_not_utf_8_is_refused(http, base, path):
    answer = http.get(base + path)
    assert answer.status_code == 400
    assert "UTF-8" in answer.json()["detail"]


def test_a_query_that_is_not_utf_8_is_refused(http, base):
    assert http.get(f"{base}/jobs?status=%ff").status_code == 400


def test_a_parameter_that_is_not_known_is_ignored(http, base):
    assert http.get(f"{base}/?a=b").json() == http.get(f"{base}/").json()
    assert len(http.get(f"{base}/processes?limit=1&statsu=failed&limti=2").json()["processes"]) == 1


def test_all_parameters_that_are_wrong_are_told_at_once(http, base):
    answer = http.get(f"{base}/jobs?statsu=failed&limit=no&limit=2&datetime=yesterday")
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("/invalid-query-parameter-value")
    faults = {fault["pointer"]: fault for fault in answer.json()["errors"]}
    assert set(faults) == {"limit", "datetime"}
    assert all(fault["location"] == "query" for fault in faults.values())


# ---------------------------------------------------------------- forms


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/problem+json"),
        ("*/*", "application/problem+json"),
        ("application/problem+json", "application/problem+json"),
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("application/json, application/problem+json", "application/problem+json"),
        ("text/plain", "application/problem+json"),
        ("text/html, */*", "application/problem+json"),
        ("application/json, text/html;q=0.9", "application/json"),
        ("text/html", "text/html; charset=utf-8"),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "text/html; charset=utf-8"),
    ],
)
def test_problems_have_the_media_type_that_clients_name(http, base, accept, media_type):
    answer = http.get(f"{base}/nothing", headers={"Accept": accept})
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == media_type


@pytest.mark.parametrize("accept", [None, "*/*", "*", "application/json", ";;,,q=,*/", "text/html, */*", "json"])
def test_json_is_the_default_form(http, base, accept):
    answer = http.get(f"{base}/processes", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"


def test_a_form_that_is_not_offered_is_refused(http, base):
    answer = http.get(f"{base}/processes", headers={"Accept": "image/png"})
    assert answer.status_code == 406
    assert "application/json, text/html" in answer.json()["detail"]


def test_f_beats_accept(http, base):
    answer = http.get(f"{base}/processes?f=json", headers={"Accept": "text/html"})
    assert answer.headers["Content-Type"] == "application/json"
    assert http.get(f"{base}/processes?f=html").headers["Content-Type"] == "text/html; charset=utf-8"
    assert http.get(f"{base}/processes?f=sse", headers={"Accept": "application/json"}).status_code == 406
    assert http.get(f"{base}/processes?f=nonsense").status_code == 400


def test_every_answer_has_an_id_and_safe_headers(http, base):
    for path in ("/", "/nothing", "/jobs?limit=0"):
        answer = http.get(base + path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Request-ID"]
        assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_the_id_of_a_request_is_kept_if_it_is_one(http, base):
    assert http.get(f"{base}/", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    assert http.get(f"{base}/", headers={"X-Request-ID": "a b"}).headers["X-Request-ID"] != "a b"


@pytest.mark.parametrize("path", ["/", "/processes", "/processes/shout", "/jobs", "/api", "/conformance", "/nothing"])
def test_head_is_get_without_the_body(http, base, path):
    got, head = http.get(base + path), http.head(base + path)
    assert head.status_code == got.status_code
    assert head.content == b""
    assert head.headers["Content-Length"] == got.headers["Content-Length"]


def test_requests_are_written_to_the_access_log_without_control_characters(http, base, caplog):
    with caplog.at_level(logging.INFO, "weaverlite.access"):
        http.get(f"{base}/jobs/%0aforged?f=%0a", headers={"X-Request-ID": "r1"})
    (line,) = [record.getMessage() for record in caplog.records if record.name == "weaverlite.access"]
    assert '"GET /jobs/%0Aforged?f=%0A" 400' in line
    assert line.endswith("r1")
    assert "\n" not in line


def test_an_error_of_ours_tells_only_its_incident(service, base, caplog):
    broken = service.runtime.store.jobs
    service.runtime.store.jobs = None
    try:
        answer = service.session().get(f"{base}/jobs")
    finally:
        service.runtime.store.jobs = broken
    assert answer.status_code == 500
    incident = answer.json()["incident"]
    assert incident in answer.json()["detail"]
    assert "NoneType" not in answer.text
    assert any(incident in record.getMessage() and record.exc_info for record in caplog.records)


# ---------------------------------------------------------------- guards


def test_pages_of_another_site_may_not_write(http, base):
    answer = http.post(f"{base}/vault", data=b"x", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert http.get(f"{base}/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example.com", "evil.example.com:4001", "127.0.0.1.evil.example.com"])
def test_a_service_on_loopback_does_not_answer_under_other_names(http, base, host):
    answer = http.get(f"{base}/", headers={"Host": host})
    assert answer.status_code == 403
    assert "weaverlite.server.url" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:4001", "[::1]:4001", "weaver.localhost"])
def test_links_are_made_of_the_host_that_was_asked(http, base, host):
    document = json.loads(http.get(f"{base}/", headers={"Host": host}).text)
    assert find(read_links(document), rel.SELF).href.startswith(f"http://{host.removesuffix(':80')}/")


def test_several_processes_with_one_embedded_queue_are_refused(tmp_path, base):
    with running(tmp_path, worker=False) as service:
        answer = service.session(**{"wsgi.multiprocess": True}).get(f"{base}/jobs")
    assert answer.status_code == 503
    assert "weaverlite.queue.url" in answer.json()["detail"]
    assert answer.headers["Retry-After"]
