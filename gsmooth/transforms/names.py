"""Claims under a former name, and bounds in a place where nothing reads them."""

from __future__ import annotations

import inspect
from typing import Final

from gsmooth.errors import PluginError
from gsmooth.transforms.bound_checks import BOUNDS

_FORMER: Final = {
    "action_speed": "action_derivative",
    "contracting": "nonexpansive",
    "flow": "affine_intensity",
    "originals": "preimages",
    "resting": "unsmoothed",
    "stretch": "lipschitz_bound",
}
"""Claims by the name that they had once, with the present one."""


def require_present_names(cls: type) -> None:
    """PluginError for a claim by a former name: nothing asks for it, and a base's would hold.

    Options may have these names, and so may the parts of a composition.
    """
    noted = inspect.get_annotations(cls)
    for name, present in _FORMER.items():
        if name in vars(cls) and "ClassVar" in str(noted.get(name, "ClassVar")):
            raise PluginError(
                f"{cls.__module__}:{cls.__qualname__}: {name} is called {present} now; rename it"
            )


def require_no_bounds(cls: type) -> None:
    """PluginError for a bound on a transformation's own class, mixins included.

    Nothing reads it there, and the default, or the bound of a base, would hold in its place.
    """
    for name in BOUNDS:
        if inspect.getattr_static(cls, name, None) is not None:
            raise PluginError(
                f"{cls.__module__}:{cls.__qualname__}: {name} is a bound, and bounds are methods of"
                f" a class of their own now; write class {cls.__name__}Bounds(TransformationBounds)"
                f" with {name}, where self.of is the transformation, and bounds_class ="
                f" {cls.__name__}Bounds in {cls.__name__}"
            )
