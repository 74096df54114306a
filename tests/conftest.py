"""Settings of all tests: one thread for each worker, no display, Ctrl-C, Hypothesis."""

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

# No deadline: a shared machine is slow at times, and slowness is no counter-example. The same
# examples each time: a test that fails can be run again, and one that passes did not pass by luck.
settings.register_profile("tests", deadline=None, derandomize=True, database=None, print_blob=True)
# Random examples (./scripts/fuzz); its failures are kept in HYPOTHESIS_STORAGE_DIRECTORY.
settings.register_profile("fuzz", deadline=None, max_examples=300, print_blob=True)
settings.load_profile("tests")
