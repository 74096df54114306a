"""Volume: a waveform multiplied by the same number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final, final

from torch import Tensor

from gsmooth import Parameter
from gsmooth.geometry.pixel_values import Gain
from gsmooth.transforms.base import AffineIntensity
from gsmooth.transforms.clipped import Clipped, GainBounds

NEPERS: Final = math.log(10.0) / 20.0
"""Natural logarithm of the factor of one decibel."""


class VolumeBounds(GainBounds["Volume"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Bound two roundings for each sample, and an error of the exponent.

        NEPERS and its product with v are rounded, each by 2^-53 of an exponent of at most
        ``largest``; an error of the exponent moves T_v z by e^error - 1 of itself.
        """
        largest = (reach[0] + offset[0]) * NEPERS
        exponent = offset[0] * NEPERS + 2.0**-51 * largest
        length = float(z.norm(dim=1).max()) * math.exp(largest + exponent)
        return length * (exponent + 2.0**-50) * (1.0 + 1e-12)

    @property
    def gain(self) -> Gain:
        return Gain(0.0, NEPERS, self.of.clip, self.of.low, self.of.high)


@final
@dataclass(frozen=True)
class Volume(Clipped):
    """psi_v(x) = 10^(v / 20) x, v in dB; with ``clip``, samples are clipped to [low, high].

    Waveforms are images (1, 1, samples) or (channels, 1, samples), usually in [-1, 1]. A 16-bit
    file (PCM16) holds multiples of 2^-15 from -1 to 1 - 2^-15. Its clipping is ``high`` =
    0.999969482421875, and its rounding, by 2^-16 at most, is within region.bits = 16 on the input
    range (-1, 1), which allows for 1 / 65535.

    Action: T_v z = 10^(v / 20) z on the samples. It is exact and multiplies distances by that
    factor, so it is no isometry. Residuals from clipping and rounding grow with the noise on v (T5;
    see ``lipschitz_bound``). Without clipping the attack is the action, and the residual is 0 (T2);
    so it is with ``clip`` as long as no sample is clipped, as for v <= 0.

    With ``clip`` the attacked waveform pulled back is that of
    ``gsmooth.geometry.pixel_values.Gain`` about 0.
    """

    clip: bool = True
    low: float = -1.0
    high: float = 1.0

    name: ClassVar[str] = "volume"
    summary: ClassVar[str] = "volume of a waveform in decibels, clipped at full scale or not"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("volume", "dB", "6.02 dB is twice the amplitude", usual=6.0),
    )
    bounds_class = VolumeBounds

    def __post_init__(self) -> None:
        ends = math.isfinite(self.low) and math.isfinite(self.high)
        if not (ends and self.low <= 0.0 <= self.high and self.low < self.high):
            raise ValueError(
                f"volume: the range [low, high] = [{self.low}, {self.high}] must be finite and"
                " contain 0, which is silence"
            )

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """10^(v / 20) z, row by row: z (N, K), v (N, 1) -> (N, K)."""
        return z * (theta[0] * NEPERS).exp()

    def affine_intensity(self) -> AffineIntensity | None:
        """Gain 10^(v / 20) and shift 0; None with ``clip``, when the attack is not affine."""
        return None if self.clip else AffineIntensity(NEPERS, 0.0)
