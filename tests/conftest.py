"""Settings that every test shares: one thread a worker, no display, deterministic Hypothesis."""

from __future__ import annotations

import os

# Before torch or matplotlib is imported, here or in a command that a test runs.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from hypothesis import settings

# No deadline: a shared machine is slow at times, and slowness is no counter-example.
settings.register_profile("local", deadline=None, print_blob=True)
# CI repeats the same examples, so that a red run can be run again.
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")
