"""An execute request: the body of an execution, read as far as that is possible without knowing the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from weaverlite.errors import Fault, InvalidRequest
from weaverlite.models.options import Options
from weaverlite.models.subscriber import Subscriber
from weaverlite.schemas import validate
from weaverlite.schemas.messages import kind_of
from weaverlite.schemas.options import check_options


@dataclass(frozen=True, slots=True)
class Nest:
    """Where a request stands among nested ones: how deep, below which process, and how many there were in all."""

    depth: int = 0
    #: URL of the process that relative names are relative to; empty: those of this service.
    base: str = ""
    #: One number, shared by all that are nested in one request.
    count: list[int] = field(default_factory=lambda: [0])


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteRequest:
    """What a client wants to have run.

    ``outputs`` is None when all are wanted and empty when none is. ``mode`` is ``sync`` or ``async``. ``faults`` is
    what was wrong with the body already: it is told together with what is wrong for the process.
    """

    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] | None = None
    mode: str = "async"
    response: str | None = None
    #: ``minimal`` or ``representation``, as preferred; None when nothing was said.
    returns: str | None = None
    subscriber: Subscriber | None = None
    options: Options = Options()
    #: The URL under which the client knows this service; empty when nobody said.
    service_url: str = ""
    #: Under which the request may come again without being done again.
    idempotency_key: str | None = None
    nest: Nest | None = None
    #: The body that all this was read from.
    document: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    faults: tuple[Fault, ...] = ()

    def own_words(self, inputs: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the body if it says more, or in other words, than what is stored of its job with these inputs."""
        said = self.document
        if said is None or (said.get("inputs", {}) == inputs and "options" not in said):
            return None
        return said


def parse_execute(document: Any, mode: str = "async", service_url: str = "") -> ExecuteRequest:
    """Return the request that the JSON body of an execution makes.

    ``service_url`` is the URL under which the client knows this service: what its subscriber is sent links to it.

    :raises InvalidRequest: the body is no object. Everything else that is wrong is kept for the submission.
    """
    if not isinstance(document, Mapping):
        raise InvalidRequest(faults=[Fault(f"is {kind_of(document)}; expected is an object with 'inputs'")])
    body = dict(document)
    options = body.pop("options", None)
    faults = validate("execute", body)
    wrong_options = check_options(options) if "options" in document else []
    return ExecuteRequest(
        inputs=_members(body, "inputs") or {},
        outputs=_members(body, "outputs"),
        mode=mode,
        response=body.get("response"),
        subscriber=_subscriber(body, service_url),
        service_url=service_url,
        options=Options.from_json(options) if options and not wrong_options else Options(),
        document=document,
        faults=(*faults, *wrong_options),
    )


def _subscriber(body: Mapping[str, Any], service_url: str) -> Subscriber | None:
    given = _members(body, "subscriber")
    if given is None or not all(isinstance(value, str) for value in given.values()):
        return None
    return replace(Subscriber.from_json(given), service_url=service_url)


def _members(body: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return a member that is an object; another one is a fault already and counts as absent."""
    found = body.get(name)
    return found if isinstance(found, Mapping) else None
