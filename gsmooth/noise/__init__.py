"""Noise: where it stands in a run, how it is drawn, and how far it is from the theorems' own."""

from gsmooth.noise.accuracy import TAIL, ThetaAccuracy, grid_total_variation, theta_accuracy
from gsmooth.noise.coordinate import CHUNK, Coordinate, Purpose
from gsmooth.noise.draws import SAMPLER, Draws, draw

__all__ = [
    "CHUNK",
    "SAMPLER",
    "TAIL",
    "Coordinate",
    "Draws",
    "Purpose",
    "ThetaAccuracy",
    "draw",
    "grid_total_variation",
    "theta_accuracy",
]
