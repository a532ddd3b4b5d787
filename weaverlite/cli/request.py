"""The options that say what to execute: those of ``execute``, and of ``job create`` and ``job update``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click


def read_names(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> list[str]:
    """Return the names that options give, several of which may stand in one with commas."""
    return [name.strip() for text in values for name in text.split(",") if name.strip()]


def read_options(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> dict[str, Any]:
    """Return the member ``options`` of a request: ``a.b=1`` is ``{"a": {"b": 1}}``."""
    options: dict[str, Any] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not all(name.split(".")):
            raise click.BadParameter(f"{text!r} is not an option: write it like priority=5.", ctx, param)
        *above, last = name.split(".")
        member = options
        for part in above:
            found = member.setdefault(part, {})
            if not isinstance(found, dict):
                raise click.BadParameter(f"{name!r} stands below a value.", ctx, param)
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


inputs_option = click.option(
    "-I",
    "--input",
    "--inputs",
    "inputs",
    multiple=True,
    metavar="INPUT",
    help="A file of inputs (JSON or YAML, - is the standard input), or one input: name=value, name=@local/path, "
    "'name=1;2;3', name=https://…. What comes later wins.",
)
outputs_option = click.option(
    "-oF",
    "--output-filter",
    "--output",
    "outputs",
    multiple=True,
    metavar="NAME",
    callback=read_names,
    help="Only this output; may be repeated, or names with commas.",
)
options_option = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    callback=read_options,
    help="Option of the job, like priority=5 or labels.by=me.",
)
idempotency_option = click.option(
    "--idempotency-key", metavar="KEY", help="Repeated with the same key, the command makes no second job."
)
id_only_option = click.option("--id-only", is_flag=True, help="Print the bare job id.")


__all__ = ["id_only_option", "idempotency_option", "inputs_option", "options_option", "outputs_option", "read_names"]
