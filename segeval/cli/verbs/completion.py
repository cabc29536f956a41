"""`segeval completion`: the shell's own completion, by click."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from segeval.cli.console import write_result

OPEN_WORDS = {
    "bash": (
        "COMPREPLY+=($value)",
        'COMPREPLY+=("$value"); [[ $value == *[=.] ]] && compopt -o nospace',
    ),
    "zsh": (
        "compadd -U -V unsorted -a completions",
        (
            "local -a open=(${(M)completions:#*[=.]}) closed=(${completions:#*[=.]}); "
            "compadd -U -V unsorted -S '' -a open; compadd -U -V unsorted -a closed"
        ),
    ),
}
"""In click's scripts: no blank behind a word that goes on, such as miou= or iou., and in bash no file for a pattern."""


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
    script = kind(ctx.find_root().command, {}, "segeval", "_SEGEVAL_COMPLETE").source()
    write_result(script.replace(*OPEN_WORDS[shell]) if shell in OPEN_WORDS else script)
    return 0
