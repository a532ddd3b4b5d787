"""The service behind its own server, over real sockets."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import requests

from weaverlite.api.serving import serve
from weaverlite.errors import ConfigurationError
from weaverlite.testing.app import running, settings_for

from .conftest import GATES, PROCESSES, ended, submit


@pytest.fixture(scope="module")
def service(tmp_path_factory, backends):
    # One of its own: when a service stops serving it ends every wait for good.
    directory = tmp_path_factory.mktemp("served")
    with running(directory, *PROCESSES, settings=backends.settings_for(directory)) as started:
        yield started


@pytest.fixture(scope="module")
def url(service):
    with service.served() as found:
        yield found


@pytest.fixture
def direct():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def job_at(url, location):
    return url + urlsplit(location).path


def execute(direct, url, process_id, **inputs):
    answer = direct.post(
        f"{url}/processes/{process_id}/execution", json={"inputs": inputs}, headers={"Prefer": "respond-async"}
    )
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def raw(url, *parts, wait=5.0):
    """Send bytes as they are, and return what comes until the server has nothing more to say."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=wait) as connection:
        for part in parts:
            connection.sendall(part)
        found = b""
        try:
            while chunk := connection.recv(65536):
                found += chunk
        except TimeoutError:
            pass
        return found


# ---------------------------------------------------------------- the whole way


def test_a_job_goes_the_whole_way(direct, url):
    job = execute(direct, url, "report")
    assert job.startswith(url)
    assert direct.get(job, headers={"Prefer": "wait=20"}).json()["status"] == "successful"
    table = direct.get(f"{job}/results").json()["table"]["href"]
    whole = direct.get(table)
    assert hashlib.sha256(whole.content).hexdigest() == whole.headers["ETag"].strip('"')
    part = direct.get(table, headers={"Range": "bytes=35000-35006"})
    assert (part.status_code, part.content, part.headers["Content-Length"]) == (206, whole.content[35000:35007], "7")
    assert direct.get(table, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert direct.head(table).headers["Content-Length"] == "70000"
    # The connection is still good for more.
    assert direct.get(f"{url}/health").status_code == 200


def test_output_arrives_while_the_job_runs(direct, url, gate_name):
    job = execute(direct, url, "gate", name=gate_name)
    with direct.get(f"{job}/logs?follow=true&f=text&stream=stdout", stream=True, timeout=10) as answer:
        lines = answer.iter_lines(chunk_size=1)
        assert next(lines) == b"waiting"
        GATES[gate_name].set()
        assert list(lines) == [b"going on"]


def test_the_headers_of_a_silent_stream_come_at_once(direct, url, gate_name):
    job = execute(direct, url, "gate", name=gate_name)
    with direct.get(f"{job}/logs?follow=true&f=text&stream=stderr", stream=True, timeout=5) as answer:
        assert answer.status_code == 200


def test_a_follower_that_goes_away_gives_its_place_back(direct, url, gate_name):
    job = execute(direct, url, "gate", name=gate_name)
    for _ in range(20):
        with direct.get(f"{job}/logs?follow=true&f=sse", stream=True, timeout=5) as answer:
            assert answer.status_code in (200, 503)
            answer.raw.close()
    deadline = time.monotonic() + 10
    while (status := _status_of_follower(direct, job)) == 503 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert status == 200


def _status_of_follower(direct, job):
    with direct.get(f"{job}/logs?follow=true&f=sse", stream=True, timeout=5) as answer:
        return answer.status_code


# ---------------------------------------------------------------- bodies


def test_a_large_upload_passes_by_memory(direct, url, service):
    chunk = os.urandom(1 << 20)
    answer = direct.post(f"{url}/vault", data=(chunk for _ in range(32)), headers={"Content-Type": "a/b"})
    assert answer.status_code == 201
    assert answer.json()["size"] == 32 << 20
    assert answer.json()["sha256"] == hashlib.sha256(chunk * 32).hexdigest()
    # What was put aside on its way is gone.
    assert list((service.runtime.settings.data / "tmp").iterdir()) == []


def test_a_body_announced_too_large_is_refused_before_it_comes(url):
    head = b"POST /processes/shout/execution HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    answer = raw(url, head + b"Content-Length: 1073741824\r\n\r\n{}")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer


def test_a_chunked_body_is_refused_when_it_has_become_too_large(url):
    head = b"POST /processes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cwl\r\n"
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    try:
        answer = raw(url, head + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 400)
    except OSError:
        # The connection was closed while we were still sending: refused, and no more was read.
        return
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /vault HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        # A few bytes too many, and no end: what the server does not read would cut its answer off.
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Y: " + b"a" * 65_500,
        b"GET / HTTP/1.1\r\nHost: localhost\r\n header: folded\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_with_a_problem(url, request_bytes):
    answer = raw(url, request_bytes, wait=2)
    status = int(answer.split()[1])
    assert 400 <= status < 500, answer[:200]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == status


# ---------------------------------------------------------------- start and end


def test_a_port_in_use_is_told_in_a_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = settings_for(tmp_path)
        settings = replace(settings, server=replace(settings.server, port=port))
        with running(tmp_path, *PROCESSES, settings=settings, worker=False) as service:
            with pytest.raises(ConfigurationError, match=f"port {port}: it is in use"):
                serve(service.runtime, service.app)


@pytest.mark.parametrize("host", ["198.51.100.7", "no-such-host.invalid"])
def test_an_address_that_is_not_ours_is_told_in_a_sentence(tmp_path, host):
    settings = settings_for(tmp_path)
    settings = replace(settings, server=replace(settings.server, host=host))
    with running(tmp_path, *PROCESSES, settings=settings, worker=False) as service:
        with pytest.raises(ConfigurationError, match=f"Cannot listen on {host}"):
            serve(service.runtime, service.app)


def test_the_end_of_the_service_ends_followers_and_waits(tmp_path, backends, gate_name):
    settings = backends.settings_for(tmp_path)
    with running(tmp_path, *PROCESSES, settings=settings) as service, requests.Session() as session:
        session.trust_env = False
        found = {}
        with service.served() as url:
            job = execute(session, url, "gate", name=gate_name)

            def hold(name, path, **headers):
                found[name] = requests.get(f"{job}{path}", headers=headers, timeout=20)

            threads = [
                threading.Thread(target=hold, args=("follower", "/logs?follow=true&f=text")),
                threading.Thread(target=hold, args=("waiter", ""), kwargs={"Prefer": "wait=30"}),
            ]
            for thread in threads:
                thread.start()
            until = time.monotonic() + 20
            while session.get(f"{job}/stdout").text != "waiting\n":
                assert time.monotonic() < until
                time.sleep(0.05)
            # What the follower looks for at least so often.
            time.sleep(1)
            began = time.monotonic()
        # Less than the waiter asked for, and less than the follower's client waits.
        assert time.monotonic() - began < 15
        for thread in threads:
            thread.join(5)
        GATES[gate_name].set()
        assert found["follower"].text.endswith("stdout waiting\n")
        assert found["waiter"].json()["status"] == "running"


SCRIPT = """
import sys, time
from pathlib import Path
from weaverlite.testing.app import running, settings_for
from weaverlite.testing.instant import InstantProcess
from weaverlite.api.serving import serve
with running(Path(sys.argv[1]), InstantProcess(process_id="x", function=lambda i, c: {})) as service:
    serve(service.runtime, service.app)
print("ended in order", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_in_order(tmp_path, number):
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        assert line.startswith("weaverlite: listening on http://127.0.0.1:")
        assert requests.get(f"{line.split()[-1]}/health", timeout=5).status_code == 200
        process.send_signal(number)
        assert process.stdout.read() == "ended in order\n"
        assert process.wait(10) == 0


def test_jobs_go_on_when_many_ask_at_once(direct, url, service):
    with service.session() as http:
        jobs = [submit(http, "shout", text=str(number)) for number in range(20)]
        assert {ended(http, job)["status"] for job in jobs} == {"successful"}


def test_held_requests_leave_threads_for_others(direct, url, gate_name):
    job = execute(direct, url, "gate", name=gate_name)
    held = [requests.get(f"{job}/logs?follow=true&f=sse", stream=True, timeout=5) for _ in range(8)]
    try:
        for _ in range(20):
            assert direct.get(f"{url}/health", timeout=15).status_code == 200
    finally:
        for answer in held:
            answer.close()
    # The next test wants a place too: they are free once the followers, or their job, have ended.
    GATES[gate_name].set()
    for _ in range(600):
        if direct.get(f"{job}/logs?follow=true&f=text", timeout=15).status_code == 200:
            break
        time.sleep(0.1)


@pytest.fixture(scope="module")
def large_file(url):
    with requests.Session() as session:
        job = execute(session, url, "large")
        assert session.get(job, headers={"Prefer": "wait=20"}).json()["status"] == "successful"
        return session.get(f"{job}/results").json()["file"]["href"]


def test_a_large_file_arrives_whole_and_in_parts(direct, large_file):
    whole = direct.get(large_file)
    assert len(whole.content) == 32 << 20
    assert hashlib.sha256(whole.content).hexdigest() == whole.headers["ETag"].strip('"')
    middle = direct.get(large_file, headers={"Range": "bytes=1000001-30000000"})
    assert middle.content == whole.content[1_000_001:30_000_001]


def test_a_reader_that_stalls_or_goes_away_holds_up_nobody(direct, url, large_file):
    target = urlsplit(large_file)
    for _ in range(15):
        with socket.create_connection((target.hostname, target.port)) as stalled:
            stalled.sendall(f"GET {target.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert stalled.recv(100).startswith(b"HTTP/1.1 200 ")
            assert direct.get(f"{url}/health", timeout=5).status_code == 200
            # Unread bytes make this a reset.
    assert len(direct.get(large_file).content) == 32 << 20
