"""What moves bytes in and out promises. One module a technology; none knows a job.

Each implementation passes the suite of ``weaverlite.testing.transfer``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from weaverlite.models.results import LocalDirectory, LocalFile, Manifest, OutputFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where an input is: a URL, and what the client said of it. ``owner`` is who asks; the vault obeys it."""

    href: str
    media_type: str | None = None
    name: str | None = None
    owner: str | None = None
    #: Whether a directory is wanted; only some stagers can.
    is_directory: bool = False

    @property
    def scheme(self) -> str:
        return self.href.partition(":")[0].lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How much may come, in bytes, and how long it may take in all, in seconds."""

    size: int
    seconds: float


class Stager(ABC):
    """Brings inputs to this node."""

    schemes: frozenset[str]

    @abstractmethod
    def check(self, reference: Reference) -> None:
        """Return if the reference may be fetched, as far as that can be told without a connection. Never blocks long.

        :raises ReferenceRefused: policy forbids it; says which setting decides.
        :raises InvalidInput: it is not well formed, or nothing is there (vault).
        """

    @abstractmethod
    def fetch(self, reference: Reference, destination: Path, limits: FetchLimits) -> LocalFile | LocalDirectory:
        """Bring it below the empty directory ``destination`` and return it.

        Checks policy again on the address it connects to. Writes nothing outside ``destination``.

        :raises ReferenceRefused: policy forbids it.
        :raises StagingError: it cannot be had, is too large or too slow; says which.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What came of calling a subscriber: a sentence, and if it failed whether it may succeed another time."""

    is_delivered: bool
    detail: str
    may_pass: bool = False


class Caller(ABC):
    """Calls subscribers of jobs."""

    @abstractmethod
    def call(self, uri: str, message_id: str, at: datetime, body: bytes) -> Called:
        """Send a JSON document, and return what came of it. The same message may be sent more than once, under its id.

        Obeys the egress policy on the address it connects to. Never raises for what the other side does.
        """


class Publisher(ABC):
    """Keeps results where users get them. They appear whole or not at all, under the names of the one layout."""

    name: str

    @abstractmethod
    def publish(self, manifest: Manifest, source: Path) -> None:
        """Make the files of the manifest, which lie below ``source`` under its paths, available; the manifest last.

        Publishing the same attempt twice is harmless; a newer attempt replaces an older one.

        :raises PublishError: they could not be published; nothing is visible then.
        """

    @abstractmethod
    def open(self, job_id: str, file: OutputFile) -> BinaryIO:
        """Return the bytes of a published file; seekable.

        :raises ResultNotAvailable: it is not there any more.
        """

    @abstractmethod
    def link(self, job_id: str, file: OutputFile) -> str | None:
        """Return a URL where users get the file, or None when this service itself serves it."""

    @abstractmethod
    def remove(self, job_id: str) -> None:
        """Remove everything of a job; nothing happens if there is nothing."""

    @abstractmethod
    def find(self) -> Iterable[str]:
        """Yield the ids of jobs of which something is kept."""

    @abstractmethod
    def tidy(self, is_live: Callable[[str, int], bool]) -> None:
        """Remove what interrupted publications left. ``is_live`` tells whether an attempt of a job still runs.

        What a live attempt publishes meanwhile, and what is visible, stays.
        """
