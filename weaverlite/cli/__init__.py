"""The ``weaverlite`` command. Commands are modules of their own, loaded when they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weaverlite import __version__
from weaverlite.cli.group import CommandGroup

if TYPE_CHECKING:
    from weaverlite.client import WeaverClient

SECTIONS = {
    "Processes": {
        "deploy": ("weaverlite.cli.processes", "Deploy a package as a process."),
        "processes": ("weaverlite.cli.processes", "List the processes."),
        "describe": ("weaverlite.cli.processes", "Show a process with its inputs and outputs."),
        "package": ("weaverlite.cli.processes", "Show the package of a process, as CWL."),
        "revisions": ("weaverlite.cli.processes", "List the revisions of a process."),
        "update": ("weaverlite.cli.processes", "Edit the description of a process."),
        "undeploy": ("weaverlite.cli.processes", "Remove a process."),
    },
    "Executions": {
        "execute": ("weaverlite.cli.execute", "Execute a process; follow it and download its results."),
        "monitor": ("weaverlite.cli.monitor", "Follow a job to its end."),
        "results": ("weaverlite.cli.results", "Show the results of a job, or download them."),
        "upload": ("weaverlite.cli.execute", "Upload a file or a directory, to be named in inputs."),
    },
    "Jobs": {
        "jobs": ("weaverlite.cli.jobs", "List the jobs."),
        "status": ("weaverlite.cli.jobs", "Show the status of a job."),
        "logs": ("weaverlite.cli.logs", "Show or follow the log of a job."),
        "inputs": ("weaverlite.cli.jobs", "Show what a job was submitted with."),
        "job": ("weaverlite.cli.management", "Create a job, change it, start it."),
        "prov": ("weaverlite.cli.provenance", "Show where the results of a job come from."),
        "exceptions": ("weaverlite.cli.jobs", "Show why a job failed."),
        "statistics": ("weaverlite.cli.jobs", "Show what a job took."),
        "history": ("weaverlite.cli.jobs", "Show the attempts of a job."),
        "rerun": ("weaverlite.cli.jobs", "Run a job once more."),
        "dismiss": ("weaverlite.cli.jobs", "Stop a job, or remove one that has ended."),
    },
    "Service": {
        "info": ("weaverlite.cli.service", "Show what a service says of itself."),
        "version": ("weaverlite.cli.service", "Show the versions of this command and of a service."),
        "conformance": ("weaverlite.cli.service", "List what a service conforms to."),
    },
    "Running a service": {
        "serve": ("weaverlite.cli.server", "Run the service."),
        "work": ("weaverlite.cli.server", "Run a worker alone."),
        "check": ("weaverlite.cli.server", "Check the settings and every part of a service."),
        "init": ("weaverlite.cli.server", "Write a settings file and make the directories."),
    },
    "Shell": {"completion": ("weaverlite.cli.completion", "Print the completion of commands for a shell.")},
}


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"weaverlite {__version__}")
        ctx.exit()


main = CommandGroup(
    name="weaverlite",
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="""Deploys and executes processes on a service that follows OGC API - Processes, and runs such a service.

Say where the service is with -u, or once with WEAVERLITE_URL. Exit codes: 0 success, 1 the job failed or was
dismissed, 2 wrong usage, 3 the service is unreachable or refused, 4 timed out or not finished yet, 130 interrupted.
""",
)
main.params.append(
    click.Option(
        ["-V", "--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print_version,
        help="Show the version and exit.",
    )
)


def __getattr__(name: str) -> Any:
    # ``from weaverlite.cli import WeaverClient`` works, and costs nothing where it is not asked for.
    if name == "WeaverClient":
        from weaverlite.client import WeaverClient

        return WeaverClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["WeaverClient", "main"]
