"""Commands about a service as a whole."""

from __future__ import annotations

from typing import Any

import click

from weaverlite import __version__
from weaverlite.cli.common import Service, service_options
from weaverlite.ogc.conformance import CATEGORIES


@click.command()
@service_options
def info(service: Service) -> None:
    """Show what a service says of itself."""
    service.show(service.client.info())


@click.command()
@service_options
def version(service: Service) -> None:
    """Show the version of this command, and those of a service when one is named."""
    found: dict[str, Any] = {"client": __version__}
    if service.url:
        answer = service.client.version()
        if answer.code == 404:
            # Other services have no such page; that they answer at all is checked like this.
            service.client.info().check()
        else:
            found["service"] = answer.check().body
    service.write(found)


@click.command()
@click.option(
    "-c",
    "--category",
    type=click.Choice(CATEGORIES),
    help="What to list: conformance classes (the default), requirements, recommendations, permissions, or all.",
)
@service_options
def conformance(service: Service, category: str | None) -> None:
    """List what a service conforms to."""
    service.show(service.client.conformance(category), rows="conformsTo", columns=[("CONFORMS TO", "value")])


__all__ = ["conformance", "info", "version"]
