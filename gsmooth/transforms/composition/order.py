"""Which compositions have a proof, in which order, and under which noise; the others' reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from gsmooth.transforms.base import AffineIntensity, Transformation

Parts = Sequence[Transformation]


def fault_of(name: str, parts: Parts, identity_action: Sequence[str]) -> str:
    """Why nothing is known of these parts in this order; empty where they may be composed."""
    for part in parts:
        if message := _stranger(part):
            return f"{name}: {message}"
    frame = [part for part in parts if part.affine_intensity() is None]
    spaces = {part.z_space for part in frame}
    if len(frame) > 1 and (len(spaces) > 1 or not all(part.exact for part in frame)):
        names = " and ".join(part.name for part in frame)
        return (
            f"{name}: {names} do not act exactly in one and the same z-space, so their actions"
            " are not known to commute, and no bound on what lies between them is known; certify"
            " them one by one, or take one transformation for both (similarity is rotation and"
            " scaling; cyclic-blur and cyclic-translation share a z-space)"
        )
    for place, part in enumerate(parts):
        before = [p for p in parts[:place] if p.affine_intensity() is not None]
        if part.affine_intensity() is None and before and not part.exact:
            better = [*frame, *(p for p in parts if p.affine_intensity() is not None)]
            return (
                f"{name}: {part.name} behind {before[0].name} moves pixels in from outside the"
                " image, which the one changes and the other does not; no bound for this order is"
                f" known: write {'+'.join(p.name for p in better)}"
            )
    return _mixed(name, frame, identity_action)


def reason_against_noise(parts: Parts, identity_action: Sequence[str]) -> str:
    """Why the parameters that do not rest cannot carry noise together; empty where they can."""
    flows = [part for part in parts if part.affine_intensity() is not None]
    noisy = [part for part in flows if part.parameters[0].name not in identity_action]
    acting = [p for p in parts if p.affine_intensity() is None and not _rests(p, identity_action)]
    if mute := [part for part in acting if not part.has_action]:
        return f"{mute[0].name} has no exact action with these options"
    kinds = [
        affine_intensity
        for part in noisy
        if (affine_intensity := part.affine_intensity()) is not None
    ]
    if (
        any(affine_intensity.drift for affine_intensity in kinds)
        and any(affine_intensity.growth for affine_intensity in kinds)
        and len(kinds) > 1
    ):
        return (
            f"{' and '.join(p.name for p in noisy)} do not commute; give one of them the std 0: it"
            " is then covered by centres (T = id) while the other carries noise"
        )
    quiet = [part for part in flows if part not in noisy]
    for part in noisy:
        if behind := [q for q in quiet if flows.index(q) > flows.index(part)]:
            order = [
                *(p.name for p in parts if p.affine_intensity() is None),
                behind[0].name,
                part.name,
            ]
            return (
                f"{behind[0].name} carries no noise and comes after {part.name}, which does; write"
                f" {'+'.join(order)}"
            )
    if any(part.one_sided for part in acting):
        return _one_way(
            acting, kinds, [p.name for p in parts if p not in acting and p not in noisy]
        )
    return ""


def _one_way(acting: Parts, kinds: Sequence[AffineIntensity], unsmoothed: Sequence[str]) -> str:
    """The same where nothing undoes the frame, and only the clean image can be a centre."""
    named = [part.name for part in acting if part.one_sided]
    if len(named) > 1:
        return f"{' and '.join(named)} are both one-sided, and laws are for one such parameter"
    if unsmoothed:
        return (
            f"nothing undoes {named[0]}, so what {unsmoothed[0]} does without noise cannot be"
            f" carried"
            " back to a centre of its own; give it a positive std"
        )
    if any(affine_intensity.growth for affine_intensity in kinds) and not all(
        part.exact for part in acting
    ):
        return f"what {named[0]} loses would grow with the gain, and no bound is known"
    return ""


def _stranger(part: Transformation) -> str:
    affine_intensity = part.affine_intensity()
    if not part.parameters:
        return f"{part.name} has no parameters; leave it out, and put an l2 ball on top (--l2)"
    if affine_intensity is not None and part.one_sided:
        return (
            f"{part.name} is an affine flow of pixels, and every one of them can be undone, but it"
            " names a one-sided parameter, for which no bound in compositions is known; certify it"
            " by itself, or ask its author to let the parameter go below 0"
        )
    if affine_intensity is not None and len(part.parameters) == 1:
        return ""
    space: object = part.z_space
    if not (space is None or isinstance(space, str)):
        return f"{part.name} has the z_space {space!r}; it must be a string, or None"
    if affine_intensity is None and space is not None and (part.orthogonal or part.nonexpansive):
        return ""
    options = ", with these options," if _has_options(part) else ""
    return (
        f"{part.name}{options} is neither an affine flow of pixels (brightness,"
        " contrast, volume without clip) nor a linear, length-keeping action in a z-space with a"
        " name (rotation, similarity, scaling, translation, blur and their cyclic kin), so no bound"
        " on it beside another transformation is known; certify it by itself, or, if it is yours,"
        " give it z_space (and fixed_part, action_derivative), or affine_intensity:"
        " docs/writing-a-plugin.md, Beside"
        " other transformations"
    )


def _has_options(part: Transformation) -> bool:
    return any(option.init for option in fields(part))  # type: ignore[arg-type]


def _mixed(name: str, frame: Parts, identity_action: Sequence[str]) -> str:
    for part in frame:
        unsmoothed = [p.name for p in part.parameters if p.name in identity_action]
        if unsmoothed and len(unsmoothed) < len(part.parameters):
            return (
                f"{name}: {part.name} without noise on {unsmoothed[0]} alone has no action; give"
                f" all"
                f" of its parameters a positive std, or all of them 0"
            )
    return ""


def _rests(part: Transformation, identity_action: Sequence[str]) -> bool:
    return all(parameter.name in identity_action for parameter in part.parameters)
