"""Commands about processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from weaverlite.cli import render
from weaverlite.cli.common import Service, process_option, service_options


@click.command()
@click.option("-p", "--process", "process_id", metavar="ID", help="Id of the process; the package's own unless given.")
@click.option("--cwl", metavar="FILE", help="CWL document, YAML or JSON; - is the standard input.")
@click.option("-b", "--body", metavar="FILE", help="Body of an OGC application package, YAML or JSON.")
@click.option("-w", "--workflow", metavar="ID", help="Which workflow of the document to deploy.")
@click.option("--replace", is_flag=True, help="Replace the process of this id.")
@service_options
def deploy(
    service: Service,
    process_id: str | None,
    cwl: str | None,
    body: str | None,
    workflow: str | None,
    replace: bool,
) -> None:
    """Deploy a package as a process."""
    service.show(service.client.deploy(process_id, cwl=cwl, body=body, workflow=workflow, replace=replace))


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
        entries = _puts(described)
        if entries:
            click.echo(f"\n{render.table(entries, _columns(name))}")


@click.command()
@process_option
@service_options
def package(service: Service, process_id: str) -> None:
    """Show the package of a process as it was deployed."""
    service.show(service.client.package(process_id))


@click.command()
@process_option
@service_options
def undeploy(service: Service, process_id: str) -> None:
    """Remove a process."""
    service.client.undeploy(process_id).check()


def _puts(described: Any) -> list[Mapping[str, Any]]:
    if not isinstance(described, Mapping):
        return []
    return [{"id": name, **item} for name, item in described.items() if isinstance(item, Mapping)]


def _columns(name: str) -> list[render.Column]:
    columns: list[render.Column] = [(name[:-1].upper(), "id"), ("TYPE", _type)]
    if name == "inputs":
        columns.append(("OCCURS", _occurs))
    return [*columns, ("TITLE", lambda item: item.get("title") or item.get("description"))]


def _type(item: Mapping[str, Any]) -> Any:
    schema = item.get("schema")
    described = schema if isinstance(schema, Mapping) else {}
    found = item.get("x-cwl-type") or described.get("type")
    if "enum" in described:
        return "|".join(map(str, described["enum"]))
    return "|".join(map(str, found)) if isinstance(found, list) else found


def _occurs(item: Mapping[str, Any]) -> str:
    least, most = item.get("minOccurs", 1), item.get("maxOccurs", 1)
    return str(least) if least == most else f"{least}..{'*' if most == 'unbounded' else most}"


__all__ = ["deploy", "describe", "package", "processes", "undeploy"]
