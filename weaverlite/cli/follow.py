"""A job shown while it runs: a bar on stderr, log lines, or one line of JSON an event."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from weaverlite.cli import render
from weaverlite.cli.common import Service
from weaverlite.cli.group import INTERRUPTED, NOT_FINISHED, Failure, clean
from weaverlite.cli.logs import log_line

if TYPE_CHECKING:
    from weaverlite.client import OperationResult
    from weaverlite.client.jobs import JobReference

#: How long a question about the state may be held while somebody watches.
_GLANCE = timedelta(seconds=1)


def follow_job(
    service: Service, job: JobReference, *, timeout: timedelta | None = None, logs: bool = False
) -> OperationResult:
    """Show a job until it has ended and return its outcome.

    Lines of JSON and, for people, log lines go to stdout; with the other forms stdout is kept for the one document
    that comes at the end, and log lines go to stderr.
    """
    from weaverlite.client import TimedOut
    from weaverlite.client.jobs import judge

    watch = service.client.watch(job, timeout=timeout, logs=logs, wait=_GLANCE)
    url = service.client.job_url(job)
    with _screen(service.format) as screen:
        try:
            for notice in watch:
                screen.show(notice.kind, notice.body)
        except KeyboardInterrupt:
            raise Failure(f"The job goes on. {_come_back(service, url)}", INTERRUPTED) from None
        except TimedOut as exc:
            raise Failure(f"{exc} The job goes on. {_come_back(service, url)}", NOT_FINISHED) from exc
    return judge(watch.answer)


def _come_back(service: Service, job_url: str) -> str:
    base = service.client.url
    where = f"-u {base} -j {job_url.rpartition('/')[2]}" if job_url.startswith(f"{base}/jobs/") else f"-j {job_url}"
    return f"Come back to it with: weaverlite monitor {where}"


class _Screen:
    """Where notices go; ``bar`` is a progress bar or None."""

    def __init__(self, form: str, bar: Any) -> None:
        self._form = form
        self._bar = bar

    def show(self, kind: str, body: Mapping[str, Any]) -> None:
        if self._form == "ndjson":
            click.echo(render.json_line({"event": kind, **body}))
        elif kind == "log":
            self._line(log_line(body), to_stdout=self._form == "table")
        elif kind == "lost":
            self._line(f"{clean(str(body.get('message', '')))} Trying again.", to_stdout=False)
        elif kind == "silent":
            self._line(clean(str(body.get("message", ""))), to_stdout=False)
        if kind == "status" and self._bar is not None:
            self._advance(body)

    def _line(self, text: str, *, to_stdout: bool) -> None:
        if self._bar is None:
            click.echo(text, err=not to_stdout)
        else:
            self._bar.write(text, file=sys.stdout if to_stdout else sys.stderr)

    def _advance(self, status: Mapping[str, Any]) -> None:
        progress = status.get("progress")
        if isinstance(progress, int | float):
            self._bar.n = min(max(progress, 0), 100)
        message = " ".join(clean(str(status.get("message") or "")).split())[:40]
        state = clean(str(status.get("status")))
        self._bar.set_description_str(f"{state} {message}".strip(), refresh=True)


@contextmanager
def _screen(form: str) -> Iterator[_Screen]:
    if not sys.stderr.isatty():
        yield _Screen(form, None)
        return
    # Imported here: only people see bars.
    from tqdm import tqdm

    look = "{desc} {percentage:3.0f}%|{bar:30}| {elapsed}"
    with tqdm(total=100, file=sys.stderr, leave=False, bar_format=look) as bar:
        yield _Screen(form, bar)


__all__ = ["follow_job"]
