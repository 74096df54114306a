"""``%%console``: the commands of a tutorial, with what they print to stdout, or an error.

Not ``%%bash``: it hands lines on in fragments, between which a page would break them.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any

# A kernel asks the programs that it starts for colours.
_COLOURS = ("FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE")


def console(line: str, cell: str) -> None:
    """Run the commands of a cell in bash, which stops at the first that fails."""
    settings = {name: value for name, value in os.environ.items() if name not in _COLOURS}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", cell],
        capture_output=True,
        text=True,
        check=False,
        env={**settings, "NO_COLOR": "1"},
    )
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}\n{done.stdout}{done.stderr}")
    print(done.stdout.rstrip())


def load_ipython_extension(shell: Any) -> None:
    """Called by ``%load_ext site_tools.console``."""
    shell.register_magic_function(console, "cell", "console")
