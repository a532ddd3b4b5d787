"""Commands that ask about jobs, and the one that ends them."""

from __future__ import annotations

from datetime import timedelta

import click

from weaverlite.cli import render
from weaverlite.cli.common import Service, job_option, read_duration, service_options, since_option
from weaverlite.cli.request import idempotency_option

_COLUMNS: list[render.Column] = [
    ("JOB", lambda job: job.get("jobID") or job.get("id")),
    ("PROCESS", "processID"),
    ("STATUS", "status"),
    ("%", "progress"),
    ("CREATED", lambda job: render.moment(job.get("created"))),
    ("MESSAGE", "message"),
]
_OUTCOMES: list[render.Column] = [
    ("JOB", "jobID"),
    ("CODE", "code"),
    ("STATUS", "status"),
    ("MESSAGE", lambda item: item.get("message") or (item.get("exception") or {}).get("detail")),
]


@click.command()
@click.option("-S", "--status", metavar="STATUS", help="Only those in this state; or several, with commas.")
@click.option("-p", "--process", "process_id", metavar="ID", help="Only those of this process.")
@click.option("-t", "--tag", "tags", multiple=True, metavar="WORD", help="Only those with this tag; may be repeated.")
@click.option("-l", "--label", "labels", multiple=True, metavar="NAME=VALUE", help="Only those with this label.")
@since_option("Only those created since then: a time, or a duration before now like 2h.")
@click.option("--sort", metavar="WORD", help="created, started, finished, process or status; -created is the default.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Show so many at most.")
@service_options
def jobs(
    service: Service,
    status: str | None,
    process_id: str | None,
    tags: tuple[str, ...],
    labels: tuple[str, ...],
    since: str | None,
    sort: str | None,
    limit: int,
) -> None:
    """List the jobs, newest first."""
    wanted = {}
    for label in labels:
        name, equals, value = label.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{label!r} is not a label: write it like name=value.", param_hint="--label")
        wanted[name] = value
    found = service.client.jobs(
        status=status, process_id=process_id, labels=wanted, tags=tags, since=since, sort=sort, limit=limit
    )
    service.show(found, rows="jobs", columns=_COLUMNS)


@click.command()
@job_option
@click.option("--wait", metavar="DURATION", callback=read_duration, help="Let the service wait so long for its end.")
@service_options
def status(service: Service, job_id: str, wait: timedelta | None) -> None:
    """Show the status of a job."""
    service.show(service.client.status(job_id, wait=wait))


@click.command()
@job_option
@click.option("--same-revision", is_flag=True, help="On the revision of the process that the job ran.")
@idempotency_option
@service_options
def rerun(service: Service, job_id: str, same_revision: bool, idempotency_key: str | None) -> None:
    """Run a job once more, with the same inputs, outputs and options."""
    service.show(service.client.rerun(job_id, same_revision=same_revision, idempotency_key=idempotency_key))


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
@click.option(
    "-j",
    "--job",
    "job_ids",
    required=True,
    multiple=True,
    metavar="JOB",
    help="The job: its id, six characters of it, or its URL; may be repeated.",
)
@service_options
def dismiss(service: Service, job_ids: tuple[str, ...]) -> None:
    """Stop a job, or several; one that has ended is removed with its results."""
    if len(job_ids) == 1:
        service.show(service.client.dismiss(job_ids[0]))
        return
    result = service.client.dismiss_all(job_ids).check()
    service.write(result.body, rows="outcomes", columns=_OUTCOMES)
    done, named = result.body["jobs"], result.body["outcomes"]
    if len(done) < len(named):
        from weaverlite.client.errors import ClientError

        raise ClientError(f"{len(named) - len(done)} of {len(named)} jobs were not dismissed.")


__all__ = ["dismiss", "exceptions", "history", "inputs", "jobs", "rerun", "statistics", "status"]
