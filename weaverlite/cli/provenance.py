"""The command that shows where results come from."""

from __future__ import annotations

import click

from weaverlite.cli.common import Service, job_option, service_options

#: Those of :data:`weaverlite.client.calls.provenance.FORMS`, which would load the client for every ``--help``.
FORMS = ("json", "jsonld", "turtle", "nt", "provn", "xml")


@click.command()
@job_option
@click.option("--as", "prov_form", type=click.Choice(FORMS), default="json", show_default=True, help="Form of PROV.")
@service_options
def prov(service: Service, job_id: str, prov_form: str) -> None:
    """Show where the results of a job come from, as W3C PROV."""
    found = service.client.provenance(job_id, form=prov_form).check()
    if prov_form in ("json", "jsonld"):
        service.write(found.body)
    else:
        click.echo(found.text, nl=False)


__all__ = ["prov"]
