"""The service under requests that nobody thought of: no 5xx, and nothing that its definition does not say."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.functional.api.conftest import PROCESSES
from tests.fuzz.fuzzing import Fuzz
from weaverlite.testing.app import running, settings_for

#: ``make fuzz`` sends more, with another seed each time.
_REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "5000"))
_SEED = int(os.environ.get("FUZZ_SEED", "1"))


@pytest.mark.timeout(3600)
def test_nothing_unforeseen_is_answered(tmp_path):
    settings = settings_for(tmp_path)
    settings = replace(
        settings,
        # Requests that ask to be held are not held for long, and nothing is fetched from anywhere.
        server=replace(settings.server, sync_wait=timedelta(seconds=1)),
        egress=replace(settings.egress, ports=("9",)),
    )
    with running(tmp_path, *PROCESSES, settings=settings) as service, service.served() as url:
        document = service.session().get("http://localhost:4001/api?f=json").json()
        document["servers"] = [{"url": url}]
        fuzz = Fuzz(url, document, _SEED)
        fuzz.run(_REQUESTS)
    print(fuzz.summary())
    assert not fuzz.failures, fuzz.summary()
    assert fuzz.requests >= _REQUESTS
    reached = [name for name, counter in fuzz.answers.items() if any(200 <= status < 300 for status in counter)]
    assert len(reached) >= 0.9 * len(fuzz.answers), fuzz.summary()
    assert all(fuzz.answers.values())
