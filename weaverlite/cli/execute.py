"""The command that executes a process, and the one that uploads for it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from weaverlite.cli.common import Service, process_option, read_duration, service_options, waiting_options
from weaverlite.cli.follow import follow_job
from weaverlite.cli.request import (
    id_only_option,
    idempotency_option,
    inputs_option,
    options_option,
    outputs_option,
    read_names,
)
from weaverlite.cli.results import download, output_dir_option, overwrite_option, return_option
from weaverlite.ogc.links import RELATED

if TYPE_CHECKING:
    from weaverlite.client.operation import JobHandle


@click.command()
@process_option
@inputs_option
@outputs_option
@click.option(
    "-R",
    "--reference",
    "references",
    multiple=True,
    metavar="NAME",
    callback=read_names,
    help="This output as a link; may be repeated, or names with commas.",
)
@click.option(
    "--mode",
    type=click.Choice(["async", "sync", "auto"]),
    default="async",
    help="async: print the job (the default); sync: wait for the results and print them; auto: as the service does.",
)
@click.option(
    "--wait",
    metavar="DURATION",
    callback=read_duration,
    help="How long the service may hold the request until the job has ended, like 10s.",
)
@return_option
@options_option
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="Word to find the job by; may be repeated.")
@idempotency_option
@click.option("--success-uri", metavar="URL", help="Sent the results by POST once the job is successful.")
@click.option("--progress-uri", metavar="URL", help="Sent the status by POST when the job begins to run.")
@click.option("--failed-uri", metavar="URL", help="Sent the status by POST when the job fails or is dismissed.")
@click.option("--monitor", is_flag=True, help="Follow the job to its end.")
@click.option("--logs", is_flag=True, help="Follow it and show its log lines.")
@output_dir_option
@overwrite_option
@click.option("--dry-run", is_flag=True, help="Execute nothing: show what would be run, or all that is wrong.")
@id_only_option
@waiting_options
def execute(
    service: Service,
    process_id: str,
    inputs: tuple[str, ...],
    outputs: list[str],
    references: list[str],
    mode: str,
    wait: timedelta | None,
    returns: str | None,
    options: dict[str, Any],
    tags: tuple[str, ...],
    idempotency_key: str | None,
    success_uri: str | None,
    progress_uri: str | None,
    failed_uri: str | None,
    monitor: bool,
    logs: bool,
    output_dir: str | None,
    overwrite: bool,
    dry_run: bool,
    id_only: bool,
    timeout: timedelta | None,
) -> None:
    """Execute a process.

    With ``--monitor`` the job is followed to its end, with ``-oD`` its results are downloaded then; the exit code
    tells how it ended. Local files and directories are uploaded, whatever their size.
    """
    follows = monitor or logs or output_dir is not None
    uris = {"successUri": success_uri, "inProgressUri": progress_uri, "failedUri": failed_uri}
    job = service.client.execute(
        process_id,
        list(inputs) or None,
        outputs={name: {} for name in outputs} or None,
        references=references,
        mode=mode,
        wait=wait,
        returns=returns,
        options=options or None,
        dry_run=dry_run,
        idempotency_key=idempotency_key,
        tags=tags,
        subscriber={name: uri for name, uri in uris.items() if uri} or None,
    ).check()
    if dry_run:
        service.write(job.body)
        return
    if id_only:
        click.echo(job.job_id)
    elif not follows:
        service.write(_results_of(job))
    if not follows:
        return
    if not job.job_url:
        # A service may answer with the results although it was asked not to wait for them.
        service.write(_results_of(job))
        return
    outcome = follow_job(service, job, timeout=timeout, logs=logs)
    if output_dir is not None:
        download(service, job, output_dir, overwrite=overwrite)
    elif not id_only and service.format != "ndjson":
        service.write(outcome.body)
    outcome.check()


def _results_of(job: JobHandle) -> Any:
    """Return the body of the answer; where it has none, the links to the outputs that it came with."""
    if job.body is not None:
        return job.body
    return {link.get("title", link["href"]): {"href": link["href"]} for link in job.links(RELATED)}


@click.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--type", "media_type", metavar="TYPE", help="Media type of the file; told by its name unless given.")
@service_options
def upload(service: Service, path: str, media_type: str | None) -> None:
    """Upload a file or a directory; its href can be named in inputs until it expires."""
    service.show(service.client.upload(path, media_type=media_type))


__all__ = ["execute", "upload"]
