"""The ``options`` of an execution: checked alike in a request and in the defaults of a package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from weaverlite.errors import Fault
from weaverlite.schemas import validate

#: Members of ``schemas/weaverlite/options.yaml`` whose feature this release does not have, with what to do instead.
_ABSENT = {
    "selector": "this release runs a job on any node that can: leave it out",
    "target": "this release runs a job on one node that can: leave it out",
}


def check_options(document: Any, pointer: str = "/options") -> list[Fault]:
    """Return what is wrong with ``options``, features that are not there included: they are refused, never ignored."""
    found = validate("options", document, pointer)
    if isinstance(document, dict):
        found += _absent_features(document, pointer)
    return found


def _absent_features(document: dict[str, Any], pointer: str) -> Iterator[Fault]:
    for name, advice in _ABSENT.items():
        if name in document:
            yield Fault(f"is not supported: {advice}", f"{pointer}/{name}")
    if document.get("reuse") is True:
        yield Fault("is not supported: this release runs every job anew; leave it out or say false", f"{pointer}/reuse")
    network = document.get("network")
    if isinstance(network, dict) and (network.get("mode", "none") != "none" or network.get("domains")):
        yield Fault(
            "is not supported beyond the mode 'none': whether a tool gets a network is said by its package",
            f"{pointer}/network",
        )
    count = document.get("count")
    if isinstance(count, int | float) and count > 1:
        yield Fault("is not supported above 1: submit one job for each run", f"{pointer}/count")
    resources = document.get("resources")
    if isinstance(resources, dict) and resources.get("gpus"):
        yield Fault("is not supported: this release does not assign GPUs", f"{pointer}/resources/gpus")
