"""Memory of this process and its devices: the largest use so far, and the free memory."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_bytes() -> int | None:
    """Return the largest resident memory so far, in bytes; None if it is not available."""
    try:
        import resource
    except ImportError:  # Windows.
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def device_bytes() -> int | None:
    """Return the largest memory of tensors on GPUs so far, in bytes; None without a GPU."""
    import torch

    if not torch.cuda.is_available():
        return None
    return sum(torch.cuda.max_memory_allocated(k) for k in range(torch.cuda.device_count()))


def peak_memory() -> str:
    """Return both figures as a text: "600 MB", or "600 MB and 3.1 GB on the device"."""
    host, device = peak_bytes(), device_bytes()
    parts = ["unknown" if host is None else size(host)]
    return " and ".join([*parts, *([f"{size(device)} on the device"] if device else [])])


def size(count: int) -> str:
    """Return a number of bytes as a text, in MB (10^6) or GB (10^9)."""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"


def available_bytes() -> int | None:
    """Return the bytes that programs can take without swapping; None if that is not available."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None
