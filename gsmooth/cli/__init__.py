"""The command line: parse, call, print. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from gsmooth.cli.app import app, main

__all__ = ["app", "main"]
