"""Execute processes on other servers through OGC API - Processes, Part 1: Core, of either version.

Asynchronously when the server can: the job is polled, every status told, and it is dismissed when we are. A server that
answers at once with results is as good.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.parser import BytesParser
from typing import Any, NoReturn

from weaverlite.errors import EngineError, ReferenceRefused, StagingError, TimeLimit
from weaverlite.models.exchange import Exchange, OnNews, OnProgress, is_below
from weaverlite.ogc import links
from weaverlite.ogc.links import read_links
from weaverlite.settings import Settings
from weaverlite.transfer.egress import show
from weaverlite.transfer.talk import Answer, Talk, said_by, words_of

_SLOWEST = 20
#: Looks at a job that may fail in a row: servers restart.
_PATIENCE = 6
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_ENDED = {"successful": True, "succeeded": True, "failed": False, "dismissed": False}


class RemoteExchange(Exchange):
    """Talks to the servers below ``servers``. Times in seconds."""

    def __init__(
        self,
        talk: Talk,
        *,
        servers: tuple[str, ...],
        poll: float,
        total: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._talk = talk
        self._servers = servers
        self._clock = clock
        self._poll = poll
        self._total = total

    @classmethod
    def create(cls, settings: Settings) -> RemoteExchange:
        chaining = settings.chaining
        return cls(
            Talk.create(settings),
            servers=chaining.servers,
            poll=chaining.poll.total_seconds(),
            total=chaining.remote_time.total_seconds(),
        )

    def execute(
        self,
        process: str,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any] | None,
        progress: OnProgress,
        news: OnNews,
    ) -> Mapping[str, Any]:
        if not is_below(process, self._servers):
            raise ReferenceRefused(
                f"{show(process)} is not on a server that processes may be executed on (weaverlite.chaining.servers)."
            )
        run = _Run(self._talk, process.rstrip("/"), progress, news, self._poll, self._total, self._clock)
        return run.outputs(inputs, outputs)


class _Run:
    """One execution."""

    def __init__(
        self,
        talk: Talk,
        process: str,
        progress: OnProgress,
        news: OnNews,
        poll: float,
        total: float,
        clock: Callable[[], float],
    ) -> None:
        self._talk, self._process, self._progress, self._news = talk, process, progress, news
        self._poll = poll
        self._clock = clock
        self._deadline = clock() + total

    def outputs(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any] | None) -> Mapping[str, Any]:
        # In the words of 1.0, which servers of 2.0 ignore: a document, whatever the number of outputs.
        body: dict[str, Any] = {"inputs": inputs, "response": "document"}
        if outputs is not None:
            body["outputs"] = outputs
        headers = {"Accept": "application/json", "Prefer": "respond-async"}
        left = max(1.0, self._deadline - self._clock())
        try:
            answer = self._talk.ask("POST", f"{self._process}/execution", headers, body, seconds=left)
        except StagingError as error:
            raise EngineError(f"The process could not be executed there: {error.detail}") from error
        if answer.status in (201, 202) or (answer.status == 200 and _is_status(answer)):
            job = self._job_of(answer)
            self._news(f"accepted there as {show(job)}", "info")
            try:
                answer = self._results(self._await(job), job)
            except BaseException:
                # Whatever ends our waiting ends the job: it works for nobody then.
                self._dismiss(job)
                raise
        if answer.status not in (200, 204):
            _refuse(f"{show(self._process)} answered {said_by(answer)}")
        return _outputs(answer, outputs)

    def _job_of(self, answer: Answer) -> str:
        location = answer.headers.get("location")
        if location:
            return answer.at(location)
        found = links.find(read_links(_document(answer)), "monitor", "status", "self")
        if found is not None:
            return answer.at(found.href)
        document = _document(answer)
        job_id = document.get("jobID") or document.get("id")
        if not isinstance(job_id, str):
            _refuse(f"{show(self._process)} accepted the job and does not say where it is")
        return f"{self._process.rpartition('/processes/')[0]}/jobs/{job_id}"

    def _await(self, job: str) -> Mapping[str, Any]:
        """Return the status of the job once it has ended well."""
        pause, failures, told = self._poll, 0, ""
        while True:
            document, why = self._look(job)
            failures = failures + 1 if document is None else 0
            if failures >= _PATIENCE:
                _refuse(f"{show(job)} cannot be asked any more: {why}")
            if document is not None:
                told = self._tell(document, told)
                ended = _ENDED.get(str(document.get("status")))
                if ended:
                    return document
                if ended is False:
                    _refuse(f"the job on the other server is {document['status']}: {self._why(document, job)}")
            if self._clock() + pause > self._deadline:
                raise TimeLimit(f"{show(job)} took longer than a remote job may (weaverlite.chaining.remote_time).")
            time.sleep(pause)
            pause = min(pause * 1.5, self._poll * _SLOWEST)

    def _look(self, job: str) -> tuple[Mapping[str, Any] | None, str]:
        """Return the status of the job, or None and why there is none now."""
        try:
            # Servers that can hold the answer until there is news save both sides looks; the others ignore it.
            answer = self._talk.get(job, Prefer="wait=5")
            if answer.status == 200:
                return _document(answer), ""
        except (StagingError, EngineError) as error:
            return None, error.detail
        if answer.status not in _BUSY:
            _refuse(f"{show(job)} answered {said_by(answer)}")
        return None, f"it answered {said_by(answer)}"

    def _tell(self, document: Mapping[str, Any], told: str) -> str:
        """Report what is new in a status; return it."""
        message = document.get("message")
        percent = document.get("progress")
        said = f"{document.get('status')}{f': {message[:300]}' if isinstance(message, str) and message else ''}"
        if isinstance(percent, int | float) and not isinstance(percent, bool):
            self._progress(max(0, min(99, int(percent))), said)
        if said != told:
            self._news(f"there: {said}", "info")
        return said

    def _why(self, document: Mapping[str, Any], job: str) -> str:
        said = words_of(document.get("exception")) or str(document.get("message") or "")
        with suppress(StagingError):
            found = links.find(read_links(document), links.EXCEPTIONS, "exceptions")
            answer = self._talk.get(f"{job}/results" if found is None else found.href)
            if answer.is_json and (words := words_of(answer.json())):
                said = words
        return said[:1000] or "it does not say why"

    def _results(self, document: Mapping[str, Any], job: str) -> Answer:
        found = links.find(read_links(document), links.RESULTS, "results", "[ogc-rel:results]")
        url = f"{job}/results" if found is None else found.href
        try:
            return self._talk.get(url)
        except StagingError as error:
            raise EngineError(f"The results could not be fetched: {error.detail}") from error

    def _dismiss(self, job: str) -> None:
        with suppress(StagingError, ReferenceRefused):
            answer = self._talk.ask("DELETE", job, {"Accept": "application/json"}, seconds=4.0)
            self._news(f"dismissed there: {answer.status}", "info")


# ---------------------------------------------------------------- answers


def _refuse(detail: str) -> NoReturn:
    raise EngineError(f"{detail[0].upper()}{detail[1:]}".rstrip(".") + ".")


def _document(answer: Answer) -> Mapping[str, Any]:
    document = answer.json()
    if not isinstance(document, Mapping):
        _refuse(f"{show(answer.url)} answered with JSON that is no object")
    return document


def _is_status(answer: Answer) -> bool:
    """Whether a server said 200 and means a job: some do, against the standard."""
    if not answer.is_json or not answer.content.lstrip().startswith(b"{"):
        return False
    document = answer.json()
    return "status" in document and ("jobID" in document or document.get("processingEntityType") is not None)


def _outputs(answer: Answer, wanted: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the outputs of an answer, in whichever form the server gives them."""
    names = list(wanted or ())
    if answer.status == 204:
        found = {
            link.rel: {"href": link.href, **({"type": link.type} if link.type else {})}
            for link in answer.links()
            if not names or link.rel in names
        }
        if not found:
            _refuse(f"{show(answer.url)} answered without any result")
        return found
    if answer.media_type.startswith("multipart/"):
        return _parts(answer)
    name = names[0] if names else "result"
    if answer.is_json:
        document = answer.json()
        # A document of results, unless the server gives a single output by itself after all.
        if isinstance(document, Mapping) and (not names or any(item in document for item in names)):
            return document
        return {name: {"value": document} if isinstance(document, Mapping | list) else document}
    return {name: _value(answer.content, answer.media_type)}


def _parts(answer: Answer) -> Mapping[str, Any]:
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser().parsebytes(head + answer.content)
    found: dict[str, Any] = {}
    for number, part in enumerate(message.walk() if message.is_multipart() else ()):
        if part.is_multipart():
            continue
        name = (part["Content-ID"] or str(number)).strip("<> ")
        location = part["Content-Location"]
        content = part.get_payload(decode=True)
        if location and not content:
            found[name] = {"href": answer.at(location), "type": part.get_content_type()}
        elif isinstance(content, bytes):
            found[name] = _value(content, part.get_content_type())
    if not found:
        _refuse(f"{show(answer.url)} answered with multipart content that has no parts")
    return found


def _value(content: bytes, media_type: str) -> Any:
    with suppress(UnicodeDecodeError):
        text = content.decode()
        return {"value": text, "mediaType": media_type} if media_type not in ("", "text/plain") else text
    return {"value": base64.b64encode(content).decode(), "mediaType": media_type, "encoding": "base64"}
