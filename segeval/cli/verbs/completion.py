"""`segeval completion`: the shell's own completion, by click."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from segeval.cli.console import write_result


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print the script that completes command lines in a SHELL.

    \b
    Examples:
      bash   eval "$(segeval completion bash)"                  in ~/.bashrc
      zsh    eval "$(segeval completion zsh)"                   in ~/.zshrc
      fish   segeval completion fish > ~/.config/fish/completions/segeval.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    write_result(kind(ctx.find_root().command, {}, "segeval", "_SEGEVAL_COMPLETE").source())
    return 0
