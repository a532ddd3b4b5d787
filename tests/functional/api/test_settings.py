"""What settings change in the answers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import cached_property

import pytest

from weaverlite.api import make_app
from weaverlite.ogc import exceptions
from weaverlite.testing.app import URL, Service, running
from weaverlite.testing.instant import InstantRuntime
from weaverlite.transfer.local import LocalPublisher

from .conftest import PROCESSES, ended, submit


@pytest.fixture
def start(tmp_path, backends):
    """Start a service whose server settings differ."""

    def begin(worker=True, **server):
        settings = backends.settings_for(tmp_path)
        settings = replace(settings, server=replace(settings.server, **server))
        return running(tmp_path, *PROCESSES, settings=settings, worker=worker)

    return begin


def test_results_that_are_not_ready_answer_400_where_clients_expect_it(start):
    with start(worker=False, result_not_ready_status=400) as service, service.session() as http:
        answer = http.get(f"{submit(http, 'shout', text='a')}/results")
        assert answer.status_code == 400
        assert answer.json()["type"] == exceptions.RESULT_NOT_READY
        assert answer.json()["status"] == 400
        assert not any("conf/core" in uri for uri in _processes_classes(http))


def test_a_service_may_take_no_deployments(start):
    with start(worker=False, deploy="no") as service, service.session() as http:
        body = {"executionUnit": {"value": {"class": "CommandLineTool"}, "mediaType": "application/cwl+json"}}
        answer = http.post(
            f"{URL}/processes", data=json.dumps(body), headers={"Content-Type": "application/ogcapppkg+json"}
        )
        assert answer.status_code == 403
        assert not any("deploy-replace-undeploy" in uri for uri in _processes_classes(http))


def test_links_follow_the_url_of_the_proxy(start):
    with start(worker=False, url="https://weaver.example.com/api/") as service:
        with service.session(is_checked=False) as http:
            answer = http.get(f"{URL}/", headers={"Host": "weaver.example.com"})
            assert answer.json()["links"][0]["href"] == "https://weaver.example.com/api/"
            location = submit(http, "shout", text="a")
            assert location.startswith("https://weaver.example.com/api/jobs/")
            assert http.get(f"{URL}/api").json()["servers"] == [{"url": "https://weaver.example.com/api"}]


def test_a_wait_is_no_longer_than_the_service_allows(start):
    with start(worker=False, sync_wait=timedelta(milliseconds=100)) as service, service.session() as http:
        answer = http.post(f"{URL}/processes/shout/execution", json={"inputs": {"text": "a"}})
        assert answer.status_code == 201
        job = answer.headers["Location"]
        assert http.get(job, headers={"Prefer": "wait=60"}).headers["Preference-Applied"] == "wait=0.1"


# ---------------------------------------------------------------- who asks


@pytest.fixture
def guarded(start):
    with start(auth="remote-user", trusted_proxies=("127.0.0.1", "10.1.0.0/16"), held_threads=20) as service:
        yield service


def test_users_see_only_what_is_theirs(guarded):
    with guarded.session(HTTP_X_REMOTE_USER="ada") as ada, guarded.session(HTTP_X_REMOTE_USER="bob") as bob:
        job = submit(ada, "report")
        assert ended(ada, job)["status"] == "successful"
        href = ada.get(f"{job}/results").json()["table"]["href"]
        upload = ada.post(f"{URL}/vault", data=b"x", headers={"Content-Type": "a/b"}).headers["Location"]
        assert len(ada.get(f"{URL}/jobs").json()["jobs"]) == 1
        assert bob.get(f"{URL}/jobs").json()["jobs"] == []
        pages = ("", "/results", "/results/table", "/manifest", "/stdout", "/logs", "/logs?follow=true", "/history")
        for page in (*pages, "/inputs", "/exceptions", "/statistics", "/exitCode"):
            assert bob.get(job + page).status_code == 404, page
        assert bob.get(href).status_code == 404
        assert bob.delete(job).status_code == 404
        assert bob.get(upload).status_code == 404
        assert bob.delete(upload).status_code == 404
        assert ada.get(upload).status_code == 200


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HTTP_X_REMOTE_USER": ""},
        {"HTTP_X_REMOTE_USER": "ada, bob"},
        {"HTTP_X_REMOTE_USER": "a\x01b"},
        {"HTTP_X_REMOTE_USER": "a" * 300},
        {"HTTP_X_REMOTE_USER": "ada", "REMOTE_ADDR": "192.0.2.1"},
        {"HTTP_X_REMOTE_USER": "ada", "REMOTE_ADDR": ""},
        {"HTTP_X_REMOTE_USER": "ada", "REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
    ],
)
def test_who_does_not_say_who_he_is_gets_nothing(guarded, environ):
    with guarded.session(**environ) as http:
        for path in ("/", "/jobs", "/processes", "/jobs/x", "/api"):
            answer = http.get(URL + path)
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"]
        assert http.post(f"{URL}/vault", data=b"x").status_code == 401
        assert http.get(f"{URL}/health").status_code == 200
        assert http.get(f"{URL}/ready").status_code == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.255.1", "::ffff:10.1.0.1"])
def test_a_trusted_proxy_is_believed(guarded, address):
    with guarded.session(HTTP_X_REMOTE_USER="ada", REMOTE_ADDR=address) as http:
        assert http.get(f"{URL}/jobs").status_code == 200


def test_one_user_does_not_hold_every_place(guarded, gate_name):
    with guarded.session(HTTP_X_REMOTE_USER="ada") as ada, guarded.session(HTTP_X_REMOTE_USER="bob") as bob:
        job, other = submit(ada, "gate", name=gate_name), submit(bob, "gate", name=gate_name)
        held = [ada.get(f"{job}/logs?follow=true&f=sse", stream=True) for _ in range(8)]
        refused = ada.get(f"{job}/logs?follow=true&f=sse")
        assert refused.status_code == 429
        assert refused.headers["Retry-After"]
        waited = ada.get(job, headers={"Prefer": "wait=20"})
        assert "Preference-Applied" not in waited.headers
        assert waited.headers["Retry-After"] == "1"
        free = bob.get(f"{other}/logs?follow=true&f=sse", stream=True)
        assert free.status_code == 200
        for answer in (*held, free):
            answer.close()
        assert ada.head(f"{job}/logs?follow=true&f=sse").status_code == 200


def _processes_classes(http):
    return [uri for uri in http.get(f"{URL}/conformance").json()["conformsTo"] if "ogcapi-processes" in uri]


# ---------------------------------------------------------------- results elsewhere


class Bucket(LocalPublisher):
    """A publisher whose files users get from another server."""

    def link(self, job_id, file):
        return f"https://bucket.example.com/{job_id}/{file.path}"


class BucketRuntime(InstantRuntime):
    @cached_property
    def publisher(self):
        return Bucket(self.settings.results_directory)


def test_files_that_are_elsewhere_are_linked_and_redirected_to(tmp_path, backends):
    runtime = BucketRuntime(backends.settings_for(tmp_path), PROCESSES)
    runtime.prepare()
    runtime.start_worker()
    with Service(runtime, make_app(runtime)).session() as http:
        job = submit(http, "report")
        ended(http, job)
        there = f"https://bucket.example.com/{job.rpartition('/')[2]}/outputs/table/table.csv"
        assert http.get(f"{job}/results").json()["table"]["href"] == there
        for page in ("results/table", "outputs/table/table.csv"):
            answer = http.get(f"{job}/{page}", allow_redirects=False)
            assert (answer.status_code, answer.headers["Location"]) == (302, there)
    runtime.close()


# ---------------------------------------------------------------- plugins


def test_a_plugin_answers_at_paths_of_its_own(start):
    with start(worker=False, includes=("tests.functional.api.plugin",)) as service, service.session() as http:
        assert "https://example.com/conf/greetings" in http.get(f"{URL}/conformance").json()["conformsTo"]
        operation = http.get(f"{URL}/api").json()["paths"]["/greetings"]["post"]
        assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/link")
        assert http.post(f"{URL}/greetings", json={"href": "/a"}).json() == {"href": "/a"}
        answer = http.post(f"{URL}/greetings?limit=many&x=1", json={"href": 3})
        assert answer.status_code == 400
        assert {(fault["location"], fault["pointer"]) for fault in answer.json()["errors"]} == {
            ("query", "limit"),
            ("body", "/href"),
        }
