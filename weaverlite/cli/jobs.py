"""Commands that ask about jobs, and the one that ends them."""

from __future__ import annotations

import click

from weaverlite.cli import render
from weaverlite.cli.common import Service, job_option, service_options

_COLUMNS: list[render.Column] = [
    ("JOB", lambda job: job.get("jobID") or job.get("id")),
    ("PROCESS", "processID"),
    ("STATUS", "status"),
    ("%", "progress"),
    ("CREATED", lambda job: render.moment(job.get("created"))),
    ("MESSAGE", "message"),
]


@click.command()
@click.option("-S", "--status", help="Only those in this state.")
@click.option("-p", "--process", "process_id", metavar="ID", help="Only those of this process.")
@click.option("-l", "--label", "labels", multiple=True, metavar="NAME=VALUE", help="Only those with this label.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Show so many at most.")
@service_options
def jobs(service: Service, status: str | None, process_id: str | None, labels: tuple[str, ...], limit: int) -> None:
    """List the jobs, newest first."""
    wanted = {}
    for label in labels:
        name, equals, value = label.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{label!r} is not a label: write it like name=value.", param_hint="--label")
        wanted[name] = value
    found = service.client.jobs(status=status, process_id=process_id, labels=wanted, limit=limit)
    service.show(found, rows="jobs", columns=_COLUMNS)


@click.command()
@job_option
@service_options
def status(service: Service, job_id: str) -> None:
    """Show the status of a job."""
    service.show(service.client.status(job_id))


@click.command()
@job_option
@service_options
def inputs(service: Service, job_id: str) -> None:
    """Show what a job was submitted with."""
    service.show(service.client.inputs(job_id))


@click.command()
@job_option
@service_options
def exceptions(service: Service, job_id: str) -> None:
    """Show why a job failed."""
    service.show(service.client.exceptions(job_id), rows="exceptions")


@click.command()
@job_option
@service_options
def statistics(service: Service, job_id: str) -> None:
    """Show what a job took: times, memory, sizes."""
    service.show(service.client.statistics(job_id))


@click.command()
@job_option
@service_options
def history(service: Service, job_id: str) -> None:
    """Show the attempts of a job and the states it went through."""
    service.show(service.client.history(job_id), rows="attempts")


@click.command()
@job_option
@service_options
def dismiss(service: Service, job_id: str) -> None:
    """Stop a job; one that has ended is removed with its results."""
    service.show(service.client.dismiss(job_id))


__all__ = ["dismiss", "exceptions", "history", "inputs", "jobs", "statistics", "status"]
