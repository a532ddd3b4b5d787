"""The command that shows the results of a job or downloads them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from weaverlite.cli.common import Service, job_option, service_options

if TYPE_CHECKING:
    from weaverlite.client.jobs import JobReference

output_dir_option = click.option(
    "-oD",
    "--output-dir",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Download everything into DIR/<job id>, which is the last line printed. DIR is made if it is missing.",
)
overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace files that are there already and differ."
)


def download(service: Service, job: JobReference, output_dir: str, *, overwrite: bool) -> None:
    """Download what a job left and print its directory, also when the job failed.

    :raises ClientError: the download or the job failed.
    """
    result = service.client.results(job, output_dir=output_dir, overwrite=overwrite, progress=sys.stderr.isatty())
    if result.directory is not None:
        click.echo(result.directory)
    result.check()


@click.command()
@job_option
@output_dir_option
@overwrite_option
@service_options
def results(service: Service, job_id: str, output_dir: str | None, overwrite: bool) -> None:
    """Show the results document of a job, or download everything it left.

    A download that broke off goes on where it was. What a failed or dismissed job left is downloaded too; the exit
    code is 1 then.
    """
    if output_dir is not None:
        download(service, job_id, output_dir, overwrite=overwrite)
    else:
        service.show(service.client.results(job_id))


__all__ = ["download", "output_dir_option", "overwrite_option", "results"]
