"""What can go wrong, as one tree.

::

    WeaverLiteError
      InvalidRequest 400                 faults: location, pointer, message
        InvalidInput 400
        NoSuchOutput 400
        WorkflowNotFound 400
      InvalidPackage 422                 faults, as above
      UnsupportedSchema 422
      KeyReused 422
      TooLarge 413
      UnsupportedMedia 415
        UnsupportedJobMedia
      NotAcceptable 406
      NotFound 404
        NoSuchProcess  NoSuchJob  NoSuchUpload  ResultNotReady  ResultNotAvailable
      JobFailed 400                      the job's own problem, where its results were asked for
      Gone 410
        JobDismissed  JobRemoved
      Refused 403
        ImmutableProcess  ReferenceRefused  DeploymentRefused
      Unauthenticated 401
      Clash 409
        DuplicatedProcess  IllegalTransition
      Locked 423
      BackendError 503                   retry_after, seconds
        StoreError  QueueError  TransferError  Overloaded
          TooManyHeld 429
      StaleRevision                      a lost compare-and-set: reload and decide, or walk away
      ConfigurationError                 a sentence for the operator, at startup
      ExecutionError                     becomes ``Job.failure``
        StagingError  NestedFailed  EngineError  UnsafeOutput  OutputLimit  TimeLimit  OutOfMemory  WorkerLost
        PublishError

The class docstring is the default message. Class attributes carry what HTTP needs (``status``, ``type``), as data:
nothing here imports a web framework. ``problem()`` gives the RFC 9457 document, the same for a reply and for a job's
record.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from weaverlite.ogc import exceptions as types


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request: where it stands and what to do about it.

    ``location`` is ``body``, ``query``, ``path`` or ``header``; ``pointer`` is a JSON pointer (RFC 6901) into the body,
    or the name of the parameter.
    """

    message: str
    pointer: str = ""
    location: str = "body"

    def to_json(self) -> dict[str, str]:
        return {"location": self.location, "pointer": self.pointer, "message": self.message}


class WeaverLiteError(Exception):
    """Something went wrong."""

    status: int = 500
    type: str = types.BLANK
    title: str = ""

    def __init__(self, detail: str | None = None, *, faults: Iterable[Fault] = (), **members: Any) -> None:
        self.faults = tuple(faults)
        self.detail = detail or self._default_detail()
        self.members: Mapping[str, Any] = members
        #: Headers of the answer; whoever knows URLs puts them here.
        self.headers: dict[str, str] = {}
        super().__init__(self.detail)

    def _default_detail(self) -> str:
        if len(self.faults) == 1:
            fault = self.faults[0]
            return f"{fault.pointer}: {fault.message}" if fault.pointer else fault.message
        sentence = inspect.cleandoc(type(self).__doc__ or "").partition("\n")[0]
        return f"{sentence.rstrip('.')}: {len(self.faults)} faults." if self.faults else sentence

    def problem(self) -> dict[str, Any]:
        """Return the RFC 9457 problem document: what, where (``errors``) and what to do (``detail``)."""
        document: dict[str, Any] = {
            "type": self.type,
            "title": self.title or _words(type(self).__name__),
            "status": self.status,
            "detail": self.detail,
        }
        if self.faults:
            document["errors"] = [fault.to_json() for fault in self.faults]
        document.update(self.members)
        return document

    def __reduce__(self) -> Any:
        # Errors cross the pipe between a job process and its supervisor.
        return (_rebuild, (type(self), self.detail, self.faults, dict(self.members)))


def _rebuild(cls: type[WeaverLiteError], detail: str, faults: tuple[Fault, ...], members: dict[str, Any]) -> Any:
    return cls(detail, faults=faults, **members)


def _words(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() and i else c for i, c in enumerate(name))


# ---------------------------------------------------------------- what a caller did


class InvalidRequest(WeaverLiteError):
    """The request is not valid."""

    status = 400
    type = types.INVALID_PARAMETER_VALUE


class InvalidInput(InvalidRequest):
    """The inputs do not fit the process."""


class NoSuchOutput(InvalidRequest):
    """The process has no such output."""

    type = types.NO_SUCH_OUTPUT


class WorkflowNotFound(InvalidRequest):
    """The package has no such workflow."""

    type = types.WORKFLOW_NOT_FOUND


class InvalidPackage(WeaverLiteError):
    """The package is not valid."""

    status = 422


class TooLarge(WeaverLiteError):
    """The body is larger than this service accepts."""

    status = 413


class UnsupportedMedia(WeaverLiteError):
    """The media type of the body is not supported."""

    status = 415
    type = types.UNSUPPORTED_MEDIA_TYPE


class UnsupportedJobMedia(UnsupportedMedia):
    """A job cannot be made of a body of this media type."""

    type = types.UNSUPPORTED_JOB_MEDIA_TYPE


class UnsupportedSchema(WeaverLiteError):
    """The schema that the request names for its body is not supported."""

    status = 422
    type = types.UNSUPPORTED_SCHEMA


class KeyReused(WeaverLiteError):
    """The Idempotency-Key was used for another request."""

    status = 422


class NotAcceptable(WeaverLiteError):
    """None of the accepted media types can be produced."""

    status = 406


class NotFound(WeaverLiteError):
    """There is nothing here."""

    status = 404


class NoSuchProcess(NotFound):
    """There is no such process."""

    type = types.NO_SUCH_PROCESS


class NoSuchJob(NotFound):
    """There is no such job."""

    type = types.NO_SUCH_JOB


class NoSuchUpload(NotFound):
    """There is no such upload, or it has expired."""


class ResultNotReady(NotFound):
    """The results are not ready: the job has not ended."""

    type = types.RESULT_NOT_READY


class ResultNotAvailable(NotFound):
    """The job has ended without this result."""

    type = types.RESULT_NOT_AVAILABLE


class JobFailed(WeaverLiteError):
    """The job failed: it has no results."""

    status = 400

    @classmethod
    def of(cls, failure: Mapping[str, Any]) -> JobFailed:
        """Return the error that answers with the problem document in a job's record, under the status 400."""
        members = {name: value for name, value in failure.items() if name != "detail"}
        return cls(failure.get("detail"), **{**members, "status": cls.status})


class Gone(WeaverLiteError):
    """It is gone."""

    status = 410


class JobDismissed(Gone):
    """The job was dismissed: it has no results."""


class JobRemoved(Gone):
    """The job was removed with its results."""


class Refused(WeaverLiteError):
    """The service refuses this."""

    status = 403


class ImmutableProcess(Refused):
    """The process is built in: it cannot be replaced or undeployed."""

    type = types.IMMUTABLE_PROCESS


class ReferenceRefused(Refused):
    """The reference points where this service does not go."""


class DeploymentRefused(Refused):
    """This service does not take deployments."""


class Unauthenticated(WeaverLiteError):
    """The request does not say who asks."""

    status = 401


class Clash(WeaverLiteError):
    """The request does not fit the present state."""

    status = 409


class DuplicatedProcess(Clash):
    """A process of this id exists already: replace it with PUT, or choose another id."""

    type = types.DUPLICATED_PROCESS


class IllegalTransition(Clash):
    """The job is not in a state that allows this."""


class Locked(WeaverLiteError):
    """The job was started already: it cannot be changed or started any more."""

    status = 423
    type = types.LOCKED


# ---------------------------------------------------------------- what failed around us


class BackendError(WeaverLiteError):
    """A part of the service does not answer: try again."""

    status = 503
    #: Seconds after which a client may try again.
    retry_after: int = 5


class StoreError(BackendError):
    """The store does not answer: try again."""


class QueueError(BackendError):
    """The queue does not answer: try again."""


class TransferError(BackendError):
    """A transfer failed: try again."""


class Overloaded(BackendError):
    """Too many requests are waiting: try again."""

    retry_after = 2


class TooManyHeld(Overloaded):
    """You hold too many waiting requests already: end one, or try again later."""

    status = 429


class StaleRevision(WeaverLiteError):
    """The record has changed meanwhile."""


class ConfigurationError(WeaverLiteError):
    """The settings are not valid."""


# ---------------------------------------------------------------- what a job can die of


class ExecutionError(WeaverLiteError):
    """The job failed."""

    #: Short reason in the job's record, for programs.
    reason: str = "failed"

    def problem(self) -> dict[str, Any]:
        return {**super().problem(), "reason": self.reason}


class StagingError(ExecutionError):
    """An input could not be fetched."""

    status = 400
    type = types.INVALID_PARAMETER_VALUE
    reason = "staging"


class NestedFailed(ExecutionError):
    """A nested process failed."""

    status = 400
    reason = "nested"

    @classmethod
    def at(cls, pointer: str, why: str, **members: Any) -> NestedFailed:
        """Return the failure of the nested process at this place."""
        fault = Fault(f"the nested process failed: {why}", pointer)
        return cls(f"{pointer}: {fault.message}", faults=[fault], **members)


class EngineError(ExecutionError):
    """The process ended with an error."""

    reason = "execution"


class UnsafeOutput(ExecutionError):
    """An output lies outside the job's directory, or is not a regular file."""

    reason = "unsafe-output"


class OutputLimit(ExecutionError):
    """The job wrote more than it may."""

    reason = "output-limit"


class TimeLimit(ExecutionError):
    """The job took longer than it may."""

    reason = "time-limit"


class OutOfMemory(ExecutionError):
    """The job needed more memory than it may have."""

    reason = "out-of-memory"


class WorkerLost(ExecutionError):
    """The worker that ran the job is gone."""

    reason = "worker-lost"


class PublishError(ExecutionError):
    """The results could not be published."""

    reason = "publish"
