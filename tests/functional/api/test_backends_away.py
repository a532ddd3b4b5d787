"""Servers that are away: nothing that was promised is lost, and who asks is told to come back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from weaverlite.api import make_app
from weaverlite.runtime import Runtime
from weaverlite.settings import QueueSettings, StoreSettings
from weaverlite.testing.app import URL, Service, running, settings_for
from weaverlite.testing.workers import workers

from .conftest import ended, submit

JOB = f"{URL}/jobs/00000000-0000-0000-0000-000000000000"


@pytest.fixture
def storeless(tmp_path):
    """A session to a front end whose store went away."""
    store = StoreSettings(url="mongodb://127.0.0.1:1/records", timeout=timedelta(seconds=0.1))
    runtime = Runtime.from_settings(settings_for(tmp_path, store=store), worker=False)
    with Service(runtime, make_app(runtime)).session() as http:
        yield http
    runtime.close()


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", f"{URL}/processes"),
        ("GET", f"{URL}/processes/echo"),
        ("POST", f"{URL}/processes/echo/execution"),
        ("GET", f"{URL}/jobs"),
        ("GET", JOB),
        ("DELETE", JOB),
        ("GET", f"{JOB}/results"),
        ("GET", f"{JOB}/logs?follow=true"),
        ("GET", f"{JOB}/stdout"),
        ("POST", f"{URL}/vault"),
    ],
)
def test_without_its_store_the_service_asks_to_come_back(storeless, method, url):
    answer = storeless.request(method, url, json={"inputs": {}} if method == "POST" else None)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "127.0.0.1:1/records cannot be reached" in answer.json()["detail"]


def test_without_its_store_the_service_lives_and_is_not_ready(storeless):
    assert storeless.get(f"{URL}/health").status_code == 200
    ready = storeless.get(f"{URL}/ready")
    assert ready.status_code == 503
    assert "cannot be reached" in ready.json()["parts"]["store"]


def test_a_job_accepted_without_a_broker_runs_when_it_is_back(tmp_path, backends, broker):
    settings = backends.settings_for(tmp_path)
    quick = replace(settings.worker, sweep=timedelta(milliseconds=500))
    settings = replace(settings, queue=QueueSettings(url=f"celery+{broker.url}"), worker=quick)
    broker.kill()
    with running(tmp_path, settings=settings, worker=False) as service, service.session() as http:
        job = submit(http, "echo", stringInput="hello")
        with workers(settings, 1):
            assert http.get(job).json()["status"] == "accepted"
            broker.start()
            assert ended(http, job)["status"] == "successful"
