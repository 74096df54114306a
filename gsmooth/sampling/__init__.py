"""Sampling: counts the votes of requests; counts do not depend on the batches."""

from gsmooth.sampling.batch_memory import batch_bytes
from gsmooth.sampling.batch_queue import served
from gsmooth.sampling.counting import Counter
from gsmooth.sampling.function_check import FunctionCheck, checked_function
from gsmooth.sampling.noisy_batch import NoisyPoints
from gsmooth.sampling.pace import Pace, measured_pace
from gsmooth.sampling.readout import Readout
from gsmooth.sampling.request import SampleRequest
from gsmooth.sampling.workers import devices_of

__all__ = [
    "Counter",
    "FunctionCheck",
    "NoisyPoints",
    "Pace",
    "Readout",
    "SampleRequest",
    "batch_bytes",
    "checked_function",
    "devices_of",
    "measured_pace",
    "served",
]
