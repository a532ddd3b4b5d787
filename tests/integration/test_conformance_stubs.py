"""The tests of the standards can fail: against services that are none nearly all of them do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance import stubs

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("status", stubs.STATUSES)
def test_the_suite_fails_against_a_service_that_is_none(
    status: int, record_property: Callable[[str, object], None]
) -> None:
    failed, ran, passed = stubs.run_against(status)
    record_property("note", stubs.sentence(status, failed, ran))
    assert ran > 1000
    assert failed >= stubs.LEAST * ran, passed
