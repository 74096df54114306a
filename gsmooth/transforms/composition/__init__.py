"""Several transformations after one another, smoothed in one run: see ``composition``."""

from gsmooth.transforms.composition.composition import Composition
from gsmooth.transforms.composition.parts import composed

__all__ = ["Composition", "composed"]
