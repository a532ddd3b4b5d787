"""Subscribers, before they are promised anything: may they be called at all?"""

from __future__ import annotations

from collections.abc import Mapping

from weaverlite.errors import Fault, InvalidInput, ReferenceRefused
from weaverlite.models.subscriber import Subscriber
from weaverlite.ogc.pointers import pointer_to
from weaverlite.transfer.interfaces import Reference, Stager


def unreachable(subscriber: Subscriber, stagers: Mapping[str, Stager]) -> list[Fault]:
    """Return the URIs that the egress policy forbids: what may not be fetched from may not be called either."""
    found = []
    for name, uri in subscriber.to_json().items():
        reference = Reference(href=uri)
        stager = stagers.get(reference.scheme) if reference.scheme in ("http", "https") else None
        try:
            if stager is None:
                raise ReferenceRefused("Subscribers are called over http or https.")
            stager.check(reference)
        except (InvalidInput, ReferenceRefused) as error:
            found.append(Fault(error.detail, pointer_to("/subscriber", name)))
    return found
