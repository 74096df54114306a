"""Settings that every test shares: one thread a worker, no display, Ctrl-C, Hypothesis."""

from __future__ import annotations

import os
import signal
import threading

# Before torch or matplotlib is imported, here or in a command that a test runs.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from hypothesis import settings

# A shell's background job ignores Ctrl-C, and so would every command that a test starts.
IN_MAIN_THREAD = threading.current_thread() is threading.main_thread()
if IN_MAIN_THREAD and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline: a shared machine is slow at times, and slowness is no counter-example.
settings.register_profile("local", deadline=None, print_blob=True)
# CI repeats the same examples, so that a red run can be run again.
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")
