from __future__ import annotations

import importlib

import click
import pytest
from click.testing import CliRunner

import weaverlite.cli
from weaverlite import __version__
from weaverlite.cli import SECTIONS, main
from weaverlite.cli.group import failure_of
from weaverlite.client import (
    ClientError,
    InvalidUsage,
    JobFailed,
    ProblemError,
    TimedOut,
    TransferFailed,
    Unreachable,
    WeaverClient,
)

NAMES = [name for commands in SECTIONS.values() for name in commands]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_and_the_short_one_agrees(name: str) -> None:
    result = CliRunner().invoke(main, [name, "-h"])
    assert result.exit_code == 0, result.output
    short = next(commands[name][1] for commands in SECTIONS.values() if name in commands)
    assert short.split()[0] in result.output


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_every_command(option: str) -> None:
    result = CliRunner().invoke(main, [option])
    assert result.exit_code == 0
    assert all(f"\n  {name} " in result.output for name in NAMES)


def test_every_command_of_a_service_has_the_common_options() -> None:
    local = {"serve", "work", "check", "init", "completion"}
    for name in set(NAMES) - local:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        for each in command.commands.values() if isinstance(command, click.Group) else [command]:
            options = {option for parameter in each.params for option in parameter.opts}
            common = {"-u", "--url", "-F", "--format", "-H", "--ca-file", "--insecure", "--timeout"}
            assert common <= options, (name, each.name)


def test_f_is_follow_and_nothing_else() -> None:
    for name in NAMES:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        for parameter in command.params:
            if "-f" in parameter.opts:
                assert (name, parameter.name) == ("logs", "follow")


def test_version_is_printed() -> None:
    assert CliRunner().invoke(main, ["--version"]).output == f"weaverlite {__version__}\n"


def test_unknown_command_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["exceute"])
    assert result.exit_code == 2
    assert "exceute" in result.output


def test_client_can_be_imported_from_the_command() -> None:
    assert weaverlite.cli.WeaverClient is WeaverClient
    with pytest.raises(AttributeError):
        getattr(importlib.import_module("weaverlite.cli"), "Absent")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (JobFailed("m", "failed"), 1),
        (InvalidUsage("m"), 2),
        (Unreachable("m"), 3),
        (ProblemError(404, {"detail": "m"}), 3),
        (TransferFailed("m"), 3),
        (ClientError("m"), 3),
        (TimedOut("m"), 4),
        (ProblemError(404, {"detail": "m", "type": "http://x/result-not-ready"}), 4),
        (ProblemError(400, {"detail": "m", "type": "http://x/result-not-ready"}), 4),
    ],
)
def test_each_error_has_its_exit_code(error: ClientError, code: int) -> None:
    failure = failure_of(error)
    assert (failure.exit_code, failure.message) == (code, "m")


def test_faults_are_told_with_their_pointers() -> None:
    faults = [{"pointer": "/inputs/n", "message": "not a number"}, {"location": "query", "message": "unknown"}]
    failure = failure_of(ProblemError(400, {"detail": "m", "errors": faults}))
    assert failure.details == ("  /inputs/n: not a number", "  query: unknown")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert "_WEAVERLITE_COMPLETE" in result.output
