"""The command that executes a process, and the one that uploads for it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import click

from weaverlite.cli.common import Service, process_option, service_options, waiting_options
from weaverlite.cli.follow import follow_job
from weaverlite.cli.results import download, output_dir_option, overwrite_option


@click.command()
@process_option
@click.option(
    "-I",
    "--input",
    "--inputs",
    "inputs",
    multiple=True,
    metavar="INPUT",
    help="A file of inputs (JSON or YAML, - is the standard input), or one input: name=value, name=@local/path, "
    "'name=1;2;3', name=https://…. What comes later wins.",
)
@click.option("--output", "outputs", multiple=True, metavar="NAME", help="Only this output; may be repeated.")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Option of the job, like priority=5 or labels.by=me.",
)
@click.option("--monitor", is_flag=True, help="Follow the job to its end.")
@click.option("--logs", is_flag=True, help="Follow it and show its log lines.")
@output_dir_option
@overwrite_option
@click.option("--id-only", is_flag=True, help="Print the bare job id.")
@waiting_options
def execute(
    service: Service,
    process_id: str,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    options: tuple[str, ...],
    monitor: bool,
    logs: bool,
    output_dir: str | None,
    overwrite: bool,
    id_only: bool,
    timeout: timedelta | None,
) -> None:
    """Execute a process.

    With ``--monitor`` the job is followed to its end, with ``-oD`` its results are downloaded then; the exit code
    tells how it ended. Local files and directories are uploaded, whatever their size.
    """
    follows = monitor or logs or output_dir is not None
    job = service.client.execute(
        process_id,
        list(inputs) or None,
        outputs={name: {} for name in outputs} if outputs else None,
        options=_options(options) or None,
    ).check()
    if id_only:
        click.echo(job.job_id)
    elif not follows:
        service.write(job.body)
    if not follows:
        return
    if not job.job_url:
        # A service may answer with the results although it was asked not to wait for them.
        service.write(job.body)
        return
    outcome = follow_job(service, job, timeout=timeout, logs=logs)
    if output_dir is not None:
        download(service, job, output_dir, overwrite=overwrite)
    elif not id_only and service.format != "ndjson":
        service.write(outcome.body)
    outcome.check()


@click.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--type", "media_type", metavar="TYPE", help="Media type of the file; told by its name unless given.")
@service_options
def upload(service: Service, path: str, media_type: str | None) -> None:
    """Upload a file or a directory; its href can be named in inputs until it expires."""
    service.show(service.client.upload(path, media_type=media_type))


def _options(texts: tuple[str, ...]) -> dict[str, Any]:
    """Return the ``options`` member of the request: ``a.b=1`` is ``{"a": {"b": 1}}``."""
    options: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not all(name.split(".")):
            raise click.BadParameter(f"{text!r} is not an option: write it like priority=5.", param_hint="--option")
        *above, last = name.split(".")
        member = options
        for part in above:
            found = member.setdefault(part, {})
            if not isinstance(found, dict):
                raise click.BadParameter(f"{name!r} stands below a value.", param_hint="--option")
            member = found
        member[last] = _option_value(above, value)
    return options


def _option_value(above: list[str], text: str) -> Any:
    if above == ["labels"]:
        # Labels are texts, also those that look like numbers.
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float | list | dict) else text


__all__ = ["execute", "upload"]
