"""The command that shows the log of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from weaverlite.cli import render
from weaverlite.cli.common import Service, job_option, service_options, since_option
from weaverlite.cli.group import clean


def log_line(event: Mapping[str, Any], *, bare: bool = False) -> str:
    """Return an event as a line of text, ``bare`` without its time and topic."""
    message = clean(str(event.get("message", ""))).rstrip("\n")
    if bare:
        return message
    # The fraction of a second and the zone say nothing to people who watch.
    time = render.moment(event.get("time"))
    step = f"[{event['step']}] " if event.get("step") else ""
    return clean(f"{time} {event.get('topic', ''):<7} {step}") + message


@click.command()
@job_option
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last so many lines.")
@click.option(
    "--stream",
    type=click.Choice(["stdout", "stderr", "service", "status", "callback"]),
    help="Only this stream, as bare lines.",
)
@since_option("Only what came since then: a time, or a duration before now like 10m.")
@service_options
def logs(
    service: Service, job_id: str, follow: bool, tail: int | None, stream: str | None, since: str | None
) -> None:
    """Show or follow the log of a job."""
    if follow:
        for event in service.client.follow(job_id, stream=stream, tail=tail, since=since):
            # A JSON document has an end, what is followed has none yet: a line each.
            text = log_line(event, bare=stream is not None) if service.format == "table" else render.json_line(event)
            click.echo(text)
        return
    result = service.client.logs(job_id, stream=stream, tail=tail, since=since).check()
    events = result.body.get("events") if isinstance(result.body, Mapping) else None
    if service.format == "table" and isinstance(events, list):
        for event in events:
            click.echo(log_line(event, bare=stream is not None))
        return
    service.write(result.body, rows="events")


__all__ = ["log_line", "logs"]
