"""The command that prints the completion of commands for a shell."""

from __future__ import annotations

import click

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion of commands and options for a shell.

    \b
    bash: add to ~/.bashrc   eval "$(weaverlite completion bash)"
    zsh:  add to ~/.zshrc    eval "$(weaverlite completion zsh)"
    fish: weaverlite completion fish > ~/.config/fish/completions/weaverlite.fish
    """
    # Imported here: no other command needs it.
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(found(ctx.find_root().command, {}, "weaverlite", "_WEAVERLITE_COMPLETE").source())


__all__ = ["completion"]
