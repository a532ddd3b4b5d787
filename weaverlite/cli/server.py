"""Commands that run a service: the only ones that load its code."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weaverlite.cli import render
from weaverlite.cli.group import JOB_FAILED, REFUSED, USAGE, Failure

if TYPE_CHECKING:
    from weaverlite.runtime import Runtime
    from weaverlite.settings import Settings

INI = "weaverlite.ini"
#: Options of the command line, as the variables of the settings that they override.
_OVERRIDES = {
    "host": "WEAVERLITE_SERVER_HOST",
    "port": "WEAVERLITE_SERVER_PORT",
    "data": "WEAVERLITE_DATA",
    "concurrency": "WEAVERLITE_WORKER_CONCURRENCY",
}

ini_option = click.option("--ini", metavar="FILE", type=click.Path(dir_okay=False), help="File of settings.")
data_option = click.option("--data", metavar="DIR", type=click.Path(file_okay=False), help="Directory of all data.")
concurrency_option = click.option("--concurrency", type=click.IntRange(1), help="Jobs that run at a time.")
log_option = click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="What is told on stderr.",
)


@click.command()
@ini_option
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@data_option
@concurrency_option
@click.option("--no-worker", is_flag=True, help="Answer requests only: jobs run in workers of their own.")
@log_option
def serve(ini: str | None, no_worker: bool, log_level: str, **overrides: Any) -> None:
    """Run the service until it is told to stop (SIGTERM, Ctrl-C).

    Settings come from --ini, then from WEAVERLITE_* variables, then from these options; without any the service
    listens on http://localhost:4001 and keeps its data in ./var.
    """
    _start_logging(log_level)
    with _running(ini, overrides, worker=not no_worker) as runtime:
        # Imported here: a worker or a check needs no web server.
        from weaverlite.api import make_app
        from weaverlite.api.serving import serve as answer

        runtime.prepare()
        if runtime.directory:
            runtime.directory.deploy()

        def announce(url: str) -> None:
            # Only now: where the port is taken nothing else should have begun.
            if not no_worker:
                runtime.start_worker()
            click.echo(f"weaverlite: listening on {url}")

        answer(runtime, make_app(runtime), announce=announce)


@click.command()
@ini_option
@data_option
@concurrency_option
@log_option
def work(ini: str | None, log_level: str, **overrides: Any) -> None:
    """Run jobs of a service until told to stop (SIGTERM, Ctrl-C), on the same settings as its front end."""
    _start_logging(log_level)
    with _running(ini, overrides, worker=True) as runtime:
        ending = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ending.set())
        runtime.prepare()
        runtime.start_worker()
        click.echo(f"weaverlite: working, {runtime.settings.concurrency} jobs at a time")
        ending.wait()


@click.command()
@ini_option
@data_option
@click.option("--no-worker", is_flag=True, help="As for serve.")
@click.option("-F", "--format", "form", type=click.Choice(["json", "table"]), default="table", help="Form.")
def check(ini: str | None, no_worker: bool, form: str, **overrides: Any) -> None:
    """Check the settings and ask every part whether it works; exits with 1 when one does not."""
    from weaverlite.errors import ConfigurationError
    from weaverlite.runtime import Runtime

    parts: list[dict[str, str]] = []
    warnings: list[str] = []
    try:
        settings = _settings(ini, overrides)
        warnings.extend(settings.check(worker=not no_worker))
        parts.append({"part": "settings", "state": "ok"})
    except ConfigurationError as exc:
        parts.extend({"part": "settings", "state": sentence} for sentence in _sentences(exc))
    else:
        runtime = Runtime.from_settings(settings, worker=not no_worker)
        try:
            parts.extend(_check_parts(runtime))
        finally:
            runtime.close()
    if form == "json":
        click.echo(render.render({"parts": parts, "warnings": warnings}, "json"))
    else:
        click.echo(render.table(parts, [("PART", "part"), ("STATE", "state")]))
        for warning in warnings:
            click.echo(f"Warning: {warning}")
    if any(part["state"] != "ok" for part in parts):
        sys.exit(JOB_FAILED)


@click.command()
@click.argument("directory", default=".", type=click.Path(file_okay=False))
def init(directory: str) -> None:
    """Write DIRECTORY/weaverlite.ini with every setting and its meaning, and make the directories of the data."""
    from weaverlite.settings import Settings, ini_text

    root = Path(directory)
    target = root / INI
    data = root / Settings().data
    # Relative paths would follow whoever starts the service; these stay with the file.
    text = ini_text().replace("\nweaverlite.data = ", "\nweaverlite.data = %(here)s/", 1)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as stream:
            stream.write(text)
        settings = Settings(data=data)
        for path in (data, settings.results_directory, settings.vault_directory, settings.work_directory):
            path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as exc:
        raise Failure(f"{exc.filename} is there already: it was not touched.", USAGE) from exc
    except OSError as exc:
        raise Failure(f"{exc.filename} cannot be written: {exc.strerror}.", USAGE) from exc
    click.echo(f"Wrote {target}. Start the service with: weaverlite serve --ini {target}")


def _settings(ini: str | None, overrides: dict[str, Any]) -> Settings:
    from weaverlite.settings import Settings

    environ = dict(os.environ)
    for name, value in overrides.items():
        if value is not None:
            environ[_OVERRIDES[name]] = str(Path(value).absolute() if name == "data" else value)
    return Settings.from_mapping({}, environ) if ini is None else Settings.from_ini(Path(ini), environ)


@contextmanager
def _running(ini: str | None, overrides: dict[str, Any], *, worker: bool) -> Iterator[Runtime]:
    """Give the runtime of checked settings; what is wrong with them ends the command with a sentence."""
    from weaverlite.errors import BackendError, ConfigurationError
    from weaverlite.runtime import Runtime

    try:
        settings = _settings(ini, overrides)
        for warning in settings.check(worker=worker):
            click.echo(f"Warning: {warning}", err=True)
        runtime = Runtime.from_settings(settings, worker=worker)
        try:
            yield runtime
        finally:
            runtime.close()
    except ConfigurationError as exc:
        first, *others = _sentences(exc)
        raise Failure(first, USAGE, tuple(others)) from exc
    except BackendError as exc:
        raise Failure(exc.detail, REFUSED) from exc


def _sentences(error: Any) -> list[str]:
    return [fault.message for fault in error.faults] or [error.detail]


def _check_parts(runtime: Runtime) -> Iterator[dict[str, str]]:
    from weaverlite.errors import WeaverLiteError

    data = runtime.settings.data
    try:
        data.mkdir(parents=True, exist_ok=True)
        writable = os.access(data, os.W_OK | os.X_OK)
        yield {"part": "data", "state": "ok" if writable else f"{data} may not be written to."}
    except OSError as exc:
        yield {"part": "data", "state": f"{data} cannot be made: {exc.strerror}."}
    for name in ("store", "queue", "engines", "stagers", "publisher"):
        try:
            part = getattr(runtime, name)
            if name == "store" and isinstance(getattr(part, "path", None), Path) and not part.path.exists():
                # A database file is made at the first start; that it can be made is what there is to check.
                part.migrate()
            if name in ("store", "queue"):
                part.ping()
            yield {"part": name, "state": "ok"}
        except WeaverLiteError as exc:
            yield {"part": name, "state": exc.detail}
    if runtime.directory:
        for finding in runtime.directory.check():
            yield {"part": f"package {finding.name}".rstrip(), "state": finding.fault or "ok"}


def _start_logging(level: str) -> None:
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("weaverlite").setLevel(level.upper())


__all__ = ["check", "init", "serve", "work"]
