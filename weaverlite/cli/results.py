"""The command that shows the results of a job or downloads them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from weaverlite.cli.common import Service, job_option, service_options
from weaverlite.cli.request import outputs_option

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


return_option = click.option(
    "--return",
    "returns",
    type=click.Choice(["minimal", "representation"]),
    help="Files as links (minimal), or everything inline (representation).",
)


@click.command()
@job_option
@outputs_option
@output_dir_option
@click.option("--zip", "zip_file", metavar="FILE", type=click.Path(dir_okay=False), help="Save all as a zip archive.")
@click.option("--tar", "tar_file", metavar="FILE", type=click.Path(dir_okay=False), help="Save all as a tar archive.")
@overwrite_option
@return_option
@service_options
def results(
    service: Service,
    job_id: str,
    outputs: list[str],
    output_dir: str | None,
    zip_file: str | None,
    tar_file: str | None,
    overwrite: bool,
    returns: str | None,
) -> None:
    """Show the results document of a job, or download everything it left.

    A download that broke off goes on where it was. What a failed or dismissed job left is downloaded too; the exit
    code is 1 then. An archive has the files under the same names, and is fetched in one go.
    """
    if sum(place is not None for place in (output_dir, zip_file, tar_file)) > 1:
        raise click.UsageError("--output-dir, --zip and --tar are three ways to get the same: use one of them.")
    target = zip_file or tar_file
    if output_dir is not None:
        if outputs:
            raise click.UsageError("--output-dir downloads everything: leave --output away.")
        download(service, job_id, output_dir, overwrite=overwrite)
    elif target is not None:
        form, is_shown = "zip" if zip_file else "tar", sys.stderr.isatty()
        fetched = service.client.archive(
            job_id, target, form=form, outputs=outputs, overwrite=overwrite, progress=is_shown
        )
        click.echo(fetched.check().body["path"])
    else:
        service.show(service.client.results(job_id, outputs=outputs, returns=returns))


__all__ = ["download", "output_dir_option", "overwrite_option", "results", "return_option"]
