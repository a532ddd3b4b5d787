"""What a person may ask of a job beyond OGC's words: the ``options`` of an execution, and what a node offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from weaverlite.ogc.units import parse_duration, parse_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a job may wait (``queue``), run (``execution``) and both together (``total``)."""

    queue: timedelta | None = None
    execution: timedelta | None = None
    total: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a job needs, or what a node has: CPU cores, and bytes of memory and of disk."""

    cores: float | None = None
    memory: int | None = None
    disk: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The ``options`` member of an execute request, parsed (``schemas/weaverlite/options.yaml``).

    A member that is None was not asked for. ``attempts`` counts how often a job may be started in all when its worker
    is lost; above one only if ``idempotent`` says that a second run does no harm. ``keep`` is how long the record and
    the results stay after the end.
    """

    name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    priority: int | None = None
    timeouts: Timeouts = Timeouts()
    attempts: int | None = None
    idempotent: bool | None = None
    publisher: str | None = None
    resources: Resources = Resources()
    keep: timedelta | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Options:
        """Return the options of a document that was validated against ``schemas/weaverlite/options.yaml``."""
        timeouts, resources = document.get("timeouts", {}), document.get("resources", {})
        return cls(
            name=document.get("name"),
            labels={**document.get("labels", {}), **tagged(document.get("tags", ()))},
            priority=document.get("priority"),
            timeouts=Timeouts(**{name: parse_duration(value) for name, value in timeouts.items()}),
            attempts=document.get("attempts"),
            idempotent=document.get("idempotent"),
            publisher=document.get("publisher"),
            resources=Resources(
                cores=resources.get("cores"),
                memory=parse_size(resources["memory"]) if "memory" in resources else None,
                disk=parse_size(resources["disk"]) if "disk" in resources else None,
            ),
            keep=parse_duration(document["keep"]) if "keep" in document else None,
        )

    def over(self, defaults: Options) -> Options:
        """Return these options, with ``defaults`` (those of the package) where nothing was asked for."""

        def first(mine: Any, theirs: Any, names: tuple[str, ...]) -> dict[str, Any]:
            return {
                name: value if (value := getattr(mine, name)) is not None else getattr(theirs, name) for name in names
            }

        return replace(
            self,
            **first(self, defaults, ("name", "priority", "attempts", "idempotent", "publisher", "keep")),
            labels={**defaults.labels, **self.labels},
            timeouts=Timeouts(**first(self.timeouts, defaults.timeouts, ("queue", "execution", "total"))),
            resources=Resources(**first(self.resources, defaults.resources, ("cores", "memory", "disk"))),
        )


def tagged(tags: Iterable[str]) -> dict[str, str]:
    """Return the labels that tags are: names without a value."""
    return dict.fromkeys(tags, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a node must offer to win a job: derived when the job is accepted, stored indexed."""

    engine: str = ""
    schemes: frozenset[str] = frozenset()
    publisher: str = ""
    cores: float = 0
    memory: int = 0
    disk: int = 0
    #: Whether no node may win it yet: it waits for jobs that make its inputs.
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a worker brings when it claims: its id, and what it can do. Sizes are bytes."""

    worker: str
    engines: frozenset[str]
    schemes: frozenset[str]
    publishers: frozenset[str]
    cores: float
    memory: int
    disk: int
    labels: Mapping[str, str] = field(default_factory=dict)

    def fits(self, needs: Needs) -> bool:
        """Whether a job with these needs can run here."""
        return (
            not needs.held
            and needs.engine in self.engines
            and needs.schemes <= self.schemes
            and (not needs.publisher or needs.publisher in self.publishers)
            and needs.cores <= self.cores
            and needs.memory <= self.memory
            and needs.disk <= self.disk
        )
