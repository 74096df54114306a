"""Several transformations after one another, smoothed in one run: see ``composition``."""

from gsmooth.composition.composition import Composition
from gsmooth.composition.parts import composed

__all__ = ["Composition", "composed"]
