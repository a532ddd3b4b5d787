"""What the commands that call a service have in common: how to reach it, and how to show what it says."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from weaverlite.cli import render
from weaverlite.ogc.units import parse_duration

if TYPE_CHECKING:
    from weaverlite.client import OperationResult, WeaverClient

FORMATS = ("json", "yaml", "table", "ndjson")


def read_duration(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Return the duration that an option gives: ``90``, ``90s``, ``10m``, ``1h30m``."""
    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as exc:
        raise click.BadParameter(f"{exc}.", ctx, param) from exc


def read_moment(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return the time (RFC 3339, UTC) that an option gives: a time, or a duration before now."""
    if value is None:
        return None
    try:
        return (datetime.now(UTC) - parse_duration(value)).isoformat()
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(value)
    except ValueError as exc:
        why = f"{value!r} is neither a time like 2026-01-31T12:00:00Z nor a duration like 10m."
        raise click.BadParameter(why, ctx, param) from exc
    # A time without a zone is that of the user's clock.
    return found.astimezone(UTC).isoformat()


def since_option(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option ``--since`` of a command."""
    return click.option("--since", metavar="TIME", callback=read_moment, help=help)


def read_headers(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """Return the headers that options give, each as ``Name: value``."""
    headers = {}
    for text in values:
        name, colon, value = text.partition(":")
        if not colon or not name.strip() or any(sign in name.strip() for sign in " \t\r\n"):
            raise click.BadParameter(f"{text!r} is not a header: write it like 'Name: value'.", ctx, param)
        headers[name.strip()] = value.strip()
    return headers


@dataclass
class Service:
    """The service a command calls, as its options say."""

    url: str | None
    headers: Mapping[str, str]
    ca_file: str | None
    insecure: bool
    form: str | None
    silence: timedelta

    @functools.cached_property
    def client(self) -> WeaverClient:
        from weaverlite.client import WeaverClient

        if self.insecure:
            # The user asked for it on this very command line: urllib3 need not say it again at each request.
            import warnings

            import urllib3

            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        return WeaverClient(
            self.url, headers=self.headers, timeout=self.silence, ca_file=self.ca_file, verify=not self.insecure
        )

    @property
    def format(self) -> str:
        """The form to print in: what was asked for, else a table for people and JSON for pipes."""
        return self.form or ("table" if sys.stdout.isatty() else "json")

    def show(
        self, result: OperationResult, *, rows: str | None = None, columns: Sequence[render.Column] | None = None
    ) -> None:
        """Print the body of a result.

        :param rows: the member that holds the entries of a list; ``columns`` those of its table.
        :raises ClientError: the result is not a success.
        """
        self.write(result.check().body, rows=rows, columns=columns)

    def write(
        self, document: Any, *, rows: str | None = None, columns: Sequence[render.Column] | None = None
    ) -> None:
        """Print a document in the form that was asked for."""
        text = render.render(document, self.format, rows=rows, columns=columns)
        if text:
            click.echo(text)


_HELP = {
    False: "Longest silence of the service, like 30s or 2m (60s unless given).",
    True: "Longest wait for the end of the job, like 90s or 2h; no limit unless given.",
}
_SILENCE = timedelta(seconds=60)


def service_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every command of a service has; its first argument is the :class:`Service` they name."""
    return _with_service(function, waits=False)


def waiting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Like :func:`service_options`, for a command that waits for a job: ``--timeout`` limits that and is passed on."""
    return _with_service(function, waits=True)


def _with_service(function: Callable[..., Any], *, waits: bool) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(
        *args: Any,
        url: str | None,
        form: str | None,
        headers: dict[str, str],
        ca_file: str | None,
        insecure: bool,
        timeout: timedelta | None,
        **options: Any,
    ) -> Any:
        if waits:
            options["timeout"] = timeout
        silence = _SILENCE if waits or timeout is None else timeout
        for stream in (sys.stdout, sys.stderr):
            # A terminal that cannot show a character shows its number; it must not end the command.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        return function(Service(url, headers, ca_file, insecure, form, silence), *args, **options)

    decorators = (
        click.option("-u", "--url", envvar="WEAVERLITE_URL", metavar="URL", help="The service [WEAVERLITE_URL]."),
        click.option(
            "-F", "--format", "form", type=click.Choice(FORMATS), help="Form of the output: JSON when it is piped."
        ),
        click.option(
            "-H",
            "--header",
            "headers",
            multiple=True,
            metavar="'NAME: VALUE'",
            callback=read_headers,
            help="Header of every request.",
        ),
        click.option("--ca-file", type=click.Path(exists=True), help="Certificates of the authorities to trust."),
        click.option("--insecure", is_flag=True, help="Do not verify the certificate of the service."),
        click.option("--timeout", metavar="DURATION", callback=read_duration, help=_HELP[waits]),
    )
    decorated: Callable[..., Any] = call
    for decorator in reversed(decorators):
        decorated = decorator(decorated)
    return decorated


process_option = click.option("-p", "--process", "process_id", required=True, metavar="ID", help="The process.")
job_option = click.option(
    "-j", "--job", "job_id", required=True, metavar="JOB", help="The job: its id, six characters of it, or its URL."
)


__all__ = ["FORMATS", "Service", "job_option", "process_option", "service_options", "since_option", "waiting_options"]
