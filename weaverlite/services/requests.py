"""An execute request: the body of an execution, read as far as that is possible without knowing the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from weaverlite.errors import Fault, InvalidRequest
from weaverlite.models.options import Options
from weaverlite.schemas import validate
from weaverlite.schemas.messages import kind_of
from weaverlite.schemas.options import check_options


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
    subscriber: Mapping[str, Any] | None = None
    options: Options = Options()
    faults: tuple[Fault, ...] = ()


def parse_execute(document: Any, mode: str = "async") -> ExecuteRequest:
    """Return the request that the JSON body of an execution makes.

    :raises InvalidRequest: the body is no object. Everything else that is wrong is kept for the submission.
    """
    if not isinstance(document, Mapping):
        raise InvalidRequest(faults=[Fault(f"is {kind_of(document)}; expected is an object with 'inputs'")])
    body = dict(document)
    options = body.pop("options", None)
    faults = validate("execute", body)
    wrong_options = check_options(options) if "options" in document else []
    if body.get("subscriber"):
        faults.append(Fault("is not supported: this release calls nobody back; follow the job instead", "/subscriber"))
    return ExecuteRequest(
        inputs=_members(body, "inputs") or {},
        outputs=_members(body, "outputs"),
        mode=mode,
        response=body.get("response"),
        options=Options.from_json(options) if options and not wrong_options else Options(),
        faults=(*faults, *wrong_options),
    )


def _members(body: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return a member that is an object; another one is a fault already and counts as absent."""
    found = body.get(name)
    return found if isinstance(found, Mapping) else None
