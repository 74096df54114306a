"""Covers: an attack set as a finite list of balls (docs/theory.md, section 2)."""

from __future__ import annotations

from gsmooth.cover.build import Ball, Cover, build_cover, check_region

__all__ = ["Ball", "Cover", "build_cover", "check_region"]
