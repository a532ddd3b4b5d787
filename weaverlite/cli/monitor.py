"""The command that follows a job."""

from __future__ import annotations

from datetime import timedelta

import click

from weaverlite.cli.common import Service, job_option, waiting_options
from weaverlite.cli.follow import follow_job


@click.command()
@job_option
@click.option("--logs", is_flag=True, help="Show the log lines of the job as they come.")
@waiting_options
def monitor(service: Service, job_id: str, logs: bool, timeout: timedelta | None) -> None:
    """Follow a job to its end; the exit code tells how it ended.

    Ctrl-C leaves the job running and exits with 130. With ``-F ndjson`` each event is a line of JSON; with ``json`` and
    ``yaml`` stdout carries the last status alone, and log lines go to stderr.
    """
    outcome = follow_job(service, job_id, timeout=timeout, logs=logs)
    if service.format != "ndjson":
        service.write(outcome.body)
    outcome.check()


__all__ = ["monitor"]
