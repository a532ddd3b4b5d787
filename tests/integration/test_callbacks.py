"""Callbacks of a service that is killed before it could make them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from tests.integration.conftest import free_port, serving
from weaverlite.testing.receiving import receiving

pytestmark = pytest.mark.integration


def test_callback_survives_the_service_and_the_absence_of_its_subscriber(tmp_path: Path) -> None:
    port = free_port()
    settings = {
        "WEAVERLITE_EGRESS_ALLOW_PRIVATE": "127.0.0.0/8",
        "WEAVERLITE_CALLBACKS_PAUSE": "200ms",
        "WEAVERLITE_CALLBACKS_ATTEMPTS": "100",
    }
    with serving(tmp_path, **settings) as service:
        answer = requests.post(
            f"{service.url}/processes/echo/execution",
            json={
                "inputs": {"stringInput": "hello"},
                "outputs": {"stringInput": {}},
                "subscriber": {"successUri": f"http://127.0.0.1:{port}/done"},
            },
            headers={"Prefer": "respond-async"},
            timeout=60,
        )
        assert answer.status_code == 201, answer.text
        job = answer.headers["Location"]
        assert requests.get(job, headers={"Prefer": "wait=30"}, timeout=60).json()["status"] == "successful"
        service.kill_group()
        with receiving(port) as subscriber:
            assert subscriber.messages == ()
            with serving(tmp_path, data=service.data, port=service.port, **settings):
                message = subscriber.until(1)[0]
                assert message.path == "/done"
                assert json.loads(message.body) == {"stringInput": "hello"}
