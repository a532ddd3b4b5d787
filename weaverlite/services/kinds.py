"""The kinds of input values beyond values and references: nested processes and collections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weaverlite.models.nested import INPUTS, PROCESS
from weaverlite.services.collections import CollectionValues
from weaverlite.services.inputs import Kind
from weaverlite.services.nested import NestedProcesses, NestedRequest
from weaverlite.services.requests import ExecuteRequest, Nest
from weaverlite.settings import ChainingSettings
from weaverlite.stores.interfaces import ProcessStore
from weaverlite.transfer.interfaces import Reference, Stager

COLLECTION = "collection"


def kinds_of(
    request: ExecuteRequest,
    settings: ChainingSettings,
    processes: ProcessStore,
    stagers: Mapping[str, Stager],
    check: Callable[[NestedRequest], Mapping[str, Any]],
) -> Mapping[str, Kind]:
    """Return the kinds for one request, by the member that tells them."""

    def check_url(url: str) -> None:
        scheme = url.partition(":")[0]
        if scheme in stagers:
            stagers[scheme].check(Reference(href=url))

    nested = NestedProcesses(processes, settings, check, request.nest or Nest(), request.service_url, check_url)
    return {INPUTS: nested, PROCESS: nested, COLLECTION: CollectionValues(settings, stagers)}
