"""What a job process works with, and what one job may take: built by the runtime, used on both sides of the fork."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weaverlite.engines.interfaces import Engine
from weaverlite.models.collection import Collections
from weaverlite.models.exchange import Exchange
from weaverlite.models.options import Resources
from weaverlite.models.process import InputDescription
from weaverlite.models.results import LocalValue
from weaverlite.models.upload import Upload
from weaverlite.settings import LimitsSettings
from weaverlite.transfer.interfaces import FetchLimits, Publisher, Stager

#: Brings one value of a kind that is neither a value nor a reference: of an input, into an empty directory of its own.
Bring = Callable[[Mapping[str, Any], InputDescription, Path], LocalValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a job process. Engines are found by name, stagers by the scheme of a reference, in lower case.

    ``uploads`` holds the records of the uploads that the present job refers to, by id: a job process asks no store.
    """

    engines: Mapping[str, Engine]
    stagers: Mapping[str, Stager]
    publisher: Publisher
    fetch_limits: FetchLimits
    #: Media type that the name of a file suggests.
    media_type_of: Callable[[str], str]
    uploads: MutableMapping[str, Upload] = field(default_factory=dict)
    #: Fetches at a time of one job.
    parallel: int = 4
    #: What brings values of further kinds, by the member that tells them.
    kinds: Mapping[str, Bring] = field(default_factory=dict)
    #: What functions of this service may read and execute elsewhere.
    collections: Collections | None = None
    exchange: Exchange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one job may take, in bytes and numbers; zero is no limit, except of the two of a log."""

    #: Of each tool.
    memory: int = 0
    processes: int = 0
    #: Below the job's directory.
    disk: int = 0
    files: int = 0
    #: Of each of stdout and stderr: what is kept from the start and from the end.
    log_head: int = 1024**2
    log_tail: int = 1024**2

    @classmethod
    def create(cls, section: LimitsSettings) -> Limits:
        """Return the limits of a settings section."""
        return cls(
            memory=section.memory,
            processes=section.processes,
            disk=section.disk,
            files=section.files,
            log_head=section.log_head,
            log_tail=section.log_tail,
        )

    def asked(self, resources: Resources) -> Limits:
        """Return these limits with memory and disk lowered to what the job asked for."""
        return Limits(
            memory=_lower(self.memory, resources.memory),
            processes=self.processes,
            disk=_lower(self.disk, resources.disk),
            files=self.files,
            log_head=self.log_head,
            log_tail=self.log_tail,
        )


def _lower(limit: int, asked: int | None) -> int:
    return min(each for each in (limit, asked) if each) if limit or asked else 0
