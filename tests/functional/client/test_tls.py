"""Certificates: trusted when their authority is named, or when the user says that he does not care."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.functional.client.wire import Wire, handler_of
from weaverlite.client import Unreachable, WeaverClient

COMMAND = Path(sys.executable).with_name("weaverlite")
#: A certificate for localhost that signs itself, valid for a century, and its key: made for these tests.
CERTIFICATE = Path(__file__).with_name("tls.pem")


@pytest.fixture
def url() -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(Wire()))
    # The handshake is left to the thread of each connection: a client that refuses it must not stop the listener.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]  # refused handshakes.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"https://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, timeout=60, env=environment)


def test_unknown_authority_is_not_trusted(url: str) -> None:
    result = WeaverClient(url).info()
    assert isinstance(result.error, Unreachable) and "--ca-file" in result.message
    done = run("info", "-u", url)
    assert done.returncode == 3 and "--insecure" in done.stderr and done.stdout == ""


def test_named_authority_is_trusted(url: str) -> None:
    with WeaverClient(url, ca_file=CERTIFICATE) as client:
        assert client.info().check()
    assert run("info", "-u", url, "--ca-file", str(CERTIFICATE)).returncode == 0


def test_user_may_trust_anyone_without_being_warned_at_each_request(url: str) -> None:
    done = run("info", "-u", url, "--insecure")
    assert (done.returncode, done.stderr) == (0, "")
