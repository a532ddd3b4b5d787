"""The command group: knows the commands by name, loads one when it is called, and gives every end its exit code."""

from __future__ import annotations

import importlib
import os
import re
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    # The client is imported by the command that needs it: ``--help`` should not wait for requests.
    from weaverlite.client.errors import ClientError

SUCCESS, JOB_FAILED, USAGE, REFUSED, NOT_FINISHED = 0, 1, 2, 3, 4
#: What shells expect of a command that was interrupted (128 + SIGINT).
INTERRUPTED = 130

# Escape sequences (CSI; OSC with its text; other two-character ones), then every control character left over.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)|\x1b[ -/]*[0-~]", re.DOTALL
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Return text of a service without anything that would steer a terminal; line ends and tabs stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


class Failure(click.ClickException):
    """The end of a command: a sentence on stderr, and an exit code."""

    def __init__(self, message: str, exit_code: int, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance.
        self.details = details

    def show(self, file: Any = None) -> None:
        click.echo("\n".join((f"Error: {clean(self.message)}", *map(clean, self.details))), file=file, err=file is None)


class CommandGroup(click.Group):
    """A group whose commands are modules of their own: ``sections`` maps titles to names, modules and short helps."""

    def __init__(self, *, sections: Mapping[str, Mapping[str, tuple[str, str]]], **options: Any) -> None:
        super().__init__(**options)
        self._sections = sections
        self._modules = {name: module for commands in sections.values() for name, (module, _) in commands.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._modules:
            return None
        command = getattr(importlib.import_module(self._modules[cmd_name]), cmd_name.replace("-", "_"))
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self._modules and not ctx.resilient_parsing:
            import difflib

            if near := difflib.get_close_matches(name, self._modules, 1):
                ctx.fail(f"There is no command {name!r}; is {near[0]!r} meant?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in commands.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            raise Failure("Interrupted.", INTERRUPTED) from None
        except Exception as exc:
            raise _failure_of(exc) from exc


def _failure_of(error: Exception) -> Failure:
    from weaverlite.client.errors import ClientError

    if isinstance(error, ClientError):
        return failure_of(error)
    if isinstance(error, OSError) and error.filename is not None:
        return Failure(f"{os.fsdecode(error.filename)}: {error.strerror}.", REFUSED)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    return Failure(f"This is a fault of weaverlite: {type(error).__name__} at {where}: {error}", REFUSED)


def failure_of(error: ClientError) -> Failure:
    """Return how a command ends with an error of the client."""
    from weaverlite.client.errors import InvalidUsage, JobFailed, ProblemError, TimedOut

    code = REFUSED
    details: tuple[str, ...] = ()
    if isinstance(error, InvalidUsage):
        code = USAGE
    elif isinstance(error, TimedOut):
        code = NOT_FINISHED
    elif isinstance(error, JobFailed):
        code = JOB_FAILED
    elif isinstance(error, ProblemError):
        code = NOT_FINISHED if error.is_not_ready else REFUSED
        # A single fault is the sentence itself.
        details = tuple(_fault_line(fault) for fault in error.faults) if len(error.faults) > 1 else ()
    return Failure(str(error), code, details)


def _fault_line(fault: Mapping[str, Any]) -> str:
    where = fault.get("pointer") or fault.get("location") or ""
    return f"  {where}: {fault.get('message', '')}" if where else f"  {fault.get('message', '')}"


__all__ = [
    "INTERRUPTED",
    "JOB_FAILED",
    "NOT_FINISHED",
    "REFUSED",
    "SUCCESS",
    "USAGE",
    "CommandGroup",
    "Failure",
    "clean",
    "failure_of",
]
