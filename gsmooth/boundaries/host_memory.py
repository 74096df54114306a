"""Memory: what this process has taken at most, and what is left."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_bytes() -> int | None:
    """Largest resident memory of this process so far; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows.
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def device_bytes() -> int | None:
    """Most that tensors have taken on GPUs so far; None without one."""
    import torch

    if not torch.cuda.is_available():
        return None
    return sum(torch.cuda.max_memory_allocated(k) for k in range(torch.cuda.device_count()))


def peak_memory() -> str:
    """Both, for people: "600 MB", or "600 MB and 3.1 GB on the device"."""
    host, device = peak_bytes(), device_bytes()
    parts = ["unknown" if host is None else size(host)]
    return " and ".join([*parts, *([f"{size(device)} on the device"] if device else [])])


def size(count: int) -> str:
    """Bytes for people, in units of 10^6 or 10^9."""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"


def available_bytes() -> int | None:
    """Memory that programs can still take without swapping; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None
