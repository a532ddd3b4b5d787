"""The commands ``weaverlite job …``: jobs that are created first and started later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from weaverlite.cli.common import Service, job_option, read_duration, service_options
from weaverlite.cli.execute import read_options


def _definition_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what a job is made of."""
    decorators = (
        click.option("-p", "--process", "process_id", metavar="ID", help="The process: its id, or its URI."),
        click.option(
            "-I",
            "--input",
            "--inputs",
            "inputs",
            multiple=True,
            metavar="INPUT",
            help="A file of inputs (JSON or YAML, - is the standard input), or one input: name=value, "
            "name=@local/path, name=https://….",
        ),
        click.option("--output", "outputs", multiple=True, metavar="NAME", help="Only this output; may be repeated."),
        click.option(
            "--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the job, like priority=5."
        ),
        click.option("--title", help="What to call the job."),
        click.option("--description", help="What to say of it."),
    )
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


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
@click.option("--id-only", is_flag=True, help="Print the bare job id.")
@_wait_option
@service_options
def create(
    service: Service,
    process_id: str | None,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    options: tuple[str, ...],
    title: str | None,
    description: str | None,
    cwl: str | None,
    start: bool,
    dry_run: bool,
    id_only: bool,
    wait: timedelta | None,
) -> None:
    """Create a job of a process, or of a package of its own."""
    if wait is not None and not start:
        raise click.UsageError("--wait needs --start: a job that is not started does not end.")
    made = service.client.create_job(
        process_id,
        list(inputs) or None,
        cwl=cwl,
        title=title,
        description=description,
        outputs={name: {} for name in outputs} if outputs else None,
        options=read_options(options) or None,
        start=start,
        wait=wait,
        dry_run=dry_run,
    ).check()
    if id_only and not dry_run:
        click.echo(made.job_id)
    else:
        service.write(made.body)


@job.command()
@job_option
@_definition_options
@service_options
def update(
    service: Service,
    job_id: str,
    process_id: str | None,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    options: tuple[str, ...],
    title: str | None,
    description: str | None,
) -> None:
    """Change a job that was not started yet."""
    service.show(
        service.client.update_job(
            job_id,
            list(inputs) or None,
            process_id=process_id,
            title=title,
            description=description,
            outputs={name: {} for name in outputs} if outputs else None,
            options=read_options(options) or None,
        )
    )


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
