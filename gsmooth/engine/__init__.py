"""The voting engine: ballots in, counts out; how they are batched never shows in a count."""

from gsmooth.engine.ballot import Ballot
from gsmooth.engine.count import Counter
from gsmooth.engine.function import FunctionCheck, checked_function
from gsmooth.engine.noisy import NoisyPoints
from gsmooth.engine.pace import Pace, measured_pace
from gsmooth.engine.readout import Readout
from gsmooth.engine.schedule import served
from gsmooth.engine.workers import devices_of

__all__ = [
    "Ballot",
    "Counter",
    "FunctionCheck",
    "NoisyPoints",
    "Pace",
    "Readout",
    "checked_function",
    "devices_of",
    "measured_pace",
    "served",
]
