"""Noise: its streams, how it is drawn, and its distance from the noise of the theorems."""

from gsmooth.sampling.noise.accuracy import (
    TAIL,
    ThetaAccuracy,
    grid_total_variation,
    theta_accuracy,
)
from gsmooth.sampling.noise.draws import SAMPLER, Draws, sampler_of_kind, sampler_on
from gsmooth.sampling.noise.key import CHUNK, SampleKey, Stream
from gsmooth.sampling.noise.seed import SecretSeed, Seed, SeedCommitment, public_seed

__all__ = [
    "CHUNK",
    "SAMPLER",
    "TAIL",
    "Draws",
    "SampleKey",
    "SecretSeed",
    "Seed",
    "SeedCommitment",
    "Stream",
    "ThetaAccuracy",
    "grid_total_variation",
    "public_seed",
    "sampler_of_kind",
    "sampler_on",
    "theta_accuracy",
]
