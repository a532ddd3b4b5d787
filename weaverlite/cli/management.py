"""The commands ``weaverlite job …``: jobs that are created first and started later."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from weaverlite.cli.common import Service, job_option, read_duration, service_options
from weaverlite.cli.request import id_only_option, idempotency_option, inputs_option, options_option, outputs_option


def _definition_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what a job is made of, given on by the names that the client has for them."""

    @functools.wraps(function)
    def call(
        *args: Any, inputs: tuple[str, ...], outputs: list[str], options: dict[str, Any], **others: Any
    ) -> Any:
        given: dict[str, Any] = {
            "inputs": list(inputs) or None,
            "outputs": {name: {} for name in outputs} or None,
            "options": options or None,
        }
        return function(*args, **given, **others)

    decorators = (
        click.option("-p", "--process", "process_id", metavar="ID", help="The process: its id, or its URI."),
        inputs_option,
        outputs_option,
        options_option,
        click.option("--title", help="What to call the job."),
        click.option("--description", help="What to say of it."),
    )
    decorated: Callable[..., Any] = call
    for decorator in reversed(decorators):
        decorated = decorator(decorated)
    return decorated


_wait_option = click.option(
    "--wait", metavar="DURATION", callback=read_duration, help="Wait so long for the end of the job, like 20s."
)


@click.group()
def job() -> None:
    """Create a job, change it, start it.

    A job that was created waits until it is started; until then everything about it can be changed.
    """


@job.command()
@_definition_options
@click.option("--cwl", metavar="FILE", help="A CWL document or an application package that is only for this job.")
@click.option("--start", is_flag=True, help="Start it at once.")
@click.option("--dry-run", is_flag=True, help="Store nothing: show what would be run, or all that is wrong.")
@idempotency_option
@id_only_option
@_wait_option
@service_options
def create(
    service: Service, start: bool, dry_run: bool, id_only: bool, wait: timedelta | None, **definition: Any
) -> None:
    """Create a job of a process, or of a package of its own."""
    if wait is not None and not start:
        raise click.UsageError("--wait needs --start: a job that is not started does not end.")
    made = service.client.create_job(start=start, wait=wait, dry_run=dry_run, **definition).check()
    if id_only and not dry_run:
        click.echo(made.job_id)
    else:
        service.write(made.body)


@job.command()
@job_option
@_definition_options
@service_options
def update(service: Service, job_id: str, **definition: Any) -> None:
    """Change a job that was not started yet."""
    service.show(service.client.update_job(job_id, **definition))


@job.command()
@job_option
@_wait_option
@service_options
def start(service: Service, job_id: str, wait: timedelta | None) -> None:
    """Start a job that was created."""
    service.show(service.client.start_job(job_id, wait=wait))


@job.command()
@job_option
@service_options
def definition(service: Service, job_id: str) -> None:
    """Show the body that a job was made of."""
    service.show(service.client.definition(job_id))


__all__ = ["job"]
