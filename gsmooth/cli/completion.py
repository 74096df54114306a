"""``gsmooth completion``: scripts by which shells complete commands, flags and their values."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from importlib.resources import files
from typing import Annotated, Final

import typer

from gsmooth.cli.output import guarded, say

EPILOG = """
[bold]Examples[/bold]

eval "$(gsmooth completion bash)"  (in ~/.bashrc)

eval "$(gsmooth completion zsh)"  (in ~/.zshrc, after compinit)

gsmooth completion fish > ~/.config/fish/completions/gsmooth.fish
"""

# The program is asked with the words of the line; where it has no answer the shell offers files.
# bash takes a colon for the end of a word: what it has of the word already is cut off again.
_BASH: Final = r"""
_gsmooth_completion() {
    local line="${COMP_LINE:0:COMP_POINT}" IFS=$' \t\n' typed before words
    typed="${line##*[[:space:]]}"
    read -ra words <<<"$line"
    [[ -z "$typed" ]] || unset 'words[-1]'
    [[ "$typed" != --*=* ]] || typed="${typed#*=}"
    before=""
    if [[ "$COMP_WORDBREAKS" == *:* && "$typed" == *:* ]]; then
        before="${typed%"${typed##*:}"}"
    fi
    IFS=$'\n'
    COMPREPLY=($(COMP_WORDS="$line" COMP_CWORD="${#words[@]}" \
        _GSMOOTH_COMPLETE=complete_bash "$1" 2>/dev/null))
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
    return 0
}
complete -o default -F _gsmooth_completion gsmooth
"""
_ZSH: Final = r"""
#compdef gsmooth
_gsmooth() {
    local -a found
    found=("${(@f)$(COMP_WORDS="${words[1,CURRENT]}" COMP_CWORD=$((CURRENT - 1)) \
        _GSMOOTH_COMPLETE=complete_bash gsmooth 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else _files; fi
}
compdef _gsmooth gsmooth
"""
_FISH: Final = r"""
function __gsmooth_complete
    set -lx COMP_WORDS (commandline -cp)
    set -lx COMP_CWORD (count (commandline -opc))
    set -lx _GSMOOTH_COMPLETE complete_bash
    gsmooth 2>/dev/null
end
complete --command gsmooth --arguments '(__gsmooth_complete)'
"""


VARIABLE: Final = "_GSMOOTH_COMPLETE"
"""Set where a shell asks for completions."""


class Shell(StrEnum):
    """The shells that there are scripts for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_SCRIPTS: Final = {Shell.BASH: _BASH, Shell.ZSH: _ZSH, Shell.FISH: _FISH}


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="The shell.")],
) -> None:
    """Print a script that makes a shell complete commands, flags and names.

    Names are those of transformations, shipped models and data, laws and modes; elsewhere the shell
    completes files.
    """
    with guarded(False, False):
        say(_SCRIPTS[shell].strip())


def register_shells() -> None:
    """Make typer answer shells, which it does by itself only where it offers scripts of its own."""
    from typer.completion import get_completion_inspect_parameters

    get_completion_inspect_parameters()


def one_of(*values: str) -> Callable[[str], list[str]]:
    """A completion by fixed values."""

    def starting(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return starting


def models(incomplete: str) -> list[str]:
    """Shipped models and networks of the zoo, without importing torch."""
    shipped = sorted(
        f"shipped:{place.name.removesuffix('.toml')}"
        for place in (files("gsmooth") / "models" / "zoo").iterdir()
        if place.name.endswith(".toml")
    )
    zoo = ("zoo:mobile", "zoo:polar-resnet", "zoo:resnet-small")
    return one_of(*shipped, *zoo)(incomplete)


def transformations(incomplete: str) -> list[str]:
    """Names of transformations; after a + those that may be joined."""
    joined, plus, last = incomplete.rpartition("+")
    return [f"{joined}{plus}{name}" for name in _names() if name.startswith(last)]


def _names() -> list[str]:
    """Names of installed transformations, by the list that is kept: plugins import torch."""
    from gsmooth.cli.plugin_listing import PluginListing

    return [str(document["name"]) for document in PluginListing.kept_or_found().documents]


def settings(incomplete: str) -> list[str]:
    """Fields of a run file, as ``--set`` takes them: ``certify.alpha=``."""
    from gsmooth.runs.config.run_config import RunConfig

    found = [
        f"{section}.{name}="
        for section, field in RunConfig.model_fields.items()
        for name in getattr(field.annotation, "model_fields", ())
    ]
    return one_of(*sorted(found))(incomplete)
