"""Commands about processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from weaverlite.cli import render, signatures
from weaverlite.cli.common import Service, process_option, service_options


@click.command()
@click.option("-p", "--process", "process_id", metavar="ID", help="Id of the process; the package's own unless given.")
@click.option(
    "--cwl", metavar="FILE", multiple=True, help="CWL document, YAML or JSON; - is the standard input. May be repeated."
)
@click.option("-b", "--body", metavar="FILE", help="Body of an OGC application package, YAML or JSON.")
@click.option("--image", metavar="NAME", help="Container image to run; -b may describe its inputs and outputs.")
@click.option("-w", "--workflow", metavar="ID", help="Which workflow of the document to deploy.")
@click.option("--replace", is_flag=True, help="Replace the process of this id.")
@click.option("--dry-run", is_flag=True, help="Change nothing; show what would be deployed, or all that is wrong.")
@service_options
def deploy(service: Service, process_id: str | None, cwl: Sequence[str], **options: Any) -> None:
    """Deploy a package as a process.

    Several CWL documents that name each other by file name (run: tool.cwl) become one process.
    """
    service.show(service.client.deploy(process_id, cwl=cwl or None, **options))


@click.command()
@click.option("--limit", type=click.IntRange(1), help="Show so many at most; all unless given.")
@service_options
def processes(service: Service, limit: int | None) -> None:
    """List the processes."""
    columns: list[render.Column] = [("ID", "id"), ("VERSION", "version"), ("TITLE", "title")]
    service.show(service.client.processes(limit=limit), rows="processes", columns=columns)


@click.command()
@process_option
@service_options
def describe(service: Service, process_id: str) -> None:
    """Show a process with its inputs and outputs."""
    result = service.client.describe(process_id).check()
    if service.format != "table" or not isinstance(result.body, Mapping):
        service.write(result.body)
        return
    body = dict(result.body)
    puts = {name: body.pop(name, None) for name in ("inputs", "outputs")}
    service.write({key: value for key, value in body.items() if value})
    for name, described in puts.items():
        entries = signatures.lines(described)
        if entries:
            click.echo(f"\n{render.table(entries, signatures.columns(name, entries))}")


@click.command()
@process_option
@service_options
def package(service: Service, process_id: str) -> None:
    """Show the package of a process, as CWL."""
    service.show(service.client.package(process_id))


@click.command()
@process_option
@click.option("--limit", type=click.IntRange(1), help="Show so many at most; all unless given.")
@service_options
def revisions(service: Service, process_id: str, limit: int | None) -> None:
    """List the revisions of a process, newest first; each is a process too, as ID:VERSION."""
    columns: list[render.Column] = [("VERSION", "version"), ("CREATED", "created"), ("TITLE", "title")]
    service.show(service.client.revisions(process_id, limit=limit), rows="revisions", columns=columns)


@click.command()
@process_option
@click.option("--title", help="Title of the process.")
@click.option("--description", help="What it does.")
@click.option("--keyword", "keywords", multiple=True, help="Keyword; may be repeated. All are replaced.")
@click.option("--version", "version", metavar="VERSION", help="Version of the new revision; it must be greater.")
@click.option("--visibility", type=click.Choice(["public", "private"]), help="Whether it is listed.")
@click.option("-b", "--body", metavar="FILE", help="A JSON merge patch of the description; options beat it.")
@service_options
def update(service: Service, process_id: str, body: str | None, **changes: Any) -> None:
    """Edit the description of a process, as a new revision."""
    from weaverlite.client.documents import read_document

    patch = read_document(body) if body else {}
    if not isinstance(patch, Mapping):
        raise click.UsageError("The body of an edit is an object.")
    given = {name: list(value) if name == "keywords" else value for name, value in changes.items() if value}
    if not patch and not given:
        raise click.UsageError("Say what to edit: --title, --description, --keyword, --version, --visibility or -b.")
    service.show(service.client.update(process_id, {**patch, **given}))


@click.command()
@process_option
@service_options
def undeploy(service: Service, process_id: str) -> None:
    """Remove a process."""
    service.client.undeploy(process_id).check()


__all__ = ["deploy", "describe", "package", "processes", "revisions", "undeploy", "update"]
