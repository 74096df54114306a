"""The registry: which transformations exist, who brought them, and which of them are broken.

Plugins are found through the entry-point group ``gsmooth`` and loaded one by one, so a broken one
becomes a :class:`Fault` and takes no other down. Nothing here imports torch.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, final

import pluggy

from gsmooth.boundaries.user_code import import_named, users_code
from gsmooth.errors import PluginError
from gsmooth.text.spelling import did_you_mean
from gsmooth.transforms import hookspecs
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.options import build, validation_error, version_error

GROUP = hookspecs.PROJECT
_HOOKS = tuple(name for name in vars(hookspecs) if name.startswith(f"{GROUP}_"))


@final
@dataclass(frozen=True)
class TransformationInfo:
    """A transformation class under its name, and the package (and version) that brought it."""

    name: str
    cls: type[Transformation]
    package: str
    version: str


@final
@dataclass(frozen=True)
class Fault:
    """Why an entry point (``plugin``) of a package is left out, wholly or in part."""

    plugin: str
    package: str
    message: str


@final
@dataclass
class _Catalogue:
    """What one look at the installed plugins found; ``contested`` maps a name to its packages."""

    infos: dict[str, TransformationInfo] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    contested: dict[str, list[str]] = field(default_factory=dict)

    def add(self, plugin: str, info: TransformationInfo) -> None:
        rival = self.infos.get(info.name)
        if info.name not in self.contested and (rival is None or rival.cls is info.cls):
            self.infos.setdefault(info.name, info)
            return
        if rival is not None:
            self.contested[info.name] = [rival.package]
            del self.infos[info.name]
        owners = self.contested[info.name]
        owners.append(info.package)
        self.faults.append(Fault(plugin, info.package, _contest(info.name, owners)))


_registered: dict[str, TransformationInfo] = {}


def transformations() -> dict[str, TransformationInfo]:
    """Every usable transformation by name, sorted; names that two packages claim are left out."""
    return dict(sorted((_catalogue().infos | _registered).items()))


def faults() -> list[Fault]:
    """What is wrong with the installed plugins; none of it stops the others."""
    return list(_catalogue().faults)


def find(spec: str) -> TransformationInfo:
    """What ``spec`` names: a registered name, ``module:Class``, or several of them joined by +.

    Joined, they are applied from left to right (``gsmooth.transforms.composition``). PluginError as
    below.
    """
    if "+" in spec:
        if not all(part.strip() for part in spec.split("+")):
            raise PluginError(
                f"transformation {spec!r}: a + stands between two names, as in rotation+brightness"
            )
        return _joined(spec, [find(part.strip()) for part in spec.split("+")])
    if ":" not in spec:
        return _named(spec)
    return TransformationInfo(spec, _local_class(spec), spec.partition(":")[0], "not packaged")


def load_transformation(spec: str, options: Mapping[str, object] = {}) -> Transformation:
    """The transformation with a name and options.

    Args:
        spec: Name of an installed or registered transformation, ``module:Class``, or names joined
            by + for a composition, from left to right.
        options: Options of the transformation by name; those of a composition by part.

    Returns:
        The transformation, not yet bound to a shape of images.

    Raises:
        PluginError: The name is unknown or contested, or the plugin is broken.
        ConfigurationError: An option is unknown or refused.

    Example:
        >>> load_transformation("brightness", {"clip": True})
        Brightness(clip=True, low=0.0, high=1.0)
    """
    return build(find(spec).cls, spec, options)


def load_installed(spec: str, options: Mapping[str, object] = {}) -> Transformation:
    """As :func:`load_transformation`, for names that somebody else wrote: imports no module.

    PluginError for ``module:Class``; what is installed, or registered in this process, is found by
    its name.
    """
    if ":" in spec:
        raise PluginError(
            f"transformation {spec!r} names a module, and a folder of records is not to choose what"
            " is imported here; pictures are made by installed transformations only (gsmooth"
            " plugins lists them; docs/writing-a-plugin.md shows how to install one)"
        )
    return load_transformation(spec, options)


def register(cls: type[Transformation]) -> type[Transformation]:
    """Make a transformation known by its name in this process, for notebooks and scripts.

    Usable as a decorator. Registering the name again replaces the class.

    Args:
        cls: The class: a frozen dataclass that extends :class:`Transformation`.

    Returns:
        The class itself.

    Raises:
        PluginError: The class is unfit (the message says why), or an installed package has a
            transformation of that name.

    Example:
        >>> from dataclasses import dataclass
        >>> from gsmooth import Parameter, Transformation
        >>> @register
        ... @dataclass(frozen=True)
        ... class Lift(Transformation):
        ...     name = "lift-by"
        ...     parameters = (Parameter("lift", "grey levels"),)
        ...     def act(self, z, lift):
        ...         return z + lift
        >>> load_transformation("lift-by").name
        'lift-by'
    """
    home = sys.modules.get(getattr(cls, "__module__", ""))
    stated = version_error(home, str(cls.__module__), str(cls.__module__)) if home else None
    if message := stated or validation_error(cls):
        raise PluginError(f"register: {message}")
    catalogue = _catalogue()
    if holder := catalogue.infos.get(cls.name):
        raise PluginError(_contest(cls.name, [holder.package, cls.__module__]))
    _registered[cls.name] = TransformationInfo(cls.name, cls, cls.__module__, "registered here")
    return cls


@cache
def _catalogue() -> _Catalogue:
    found = _Catalogue()
    for point in sorted(entry_points(group=GROUP), key=lambda p: (_package(p), p.name)):
        try:
            with users_code("it fails on loading:", PluginError):
                classes, messages = _load(point)
        except PluginError as error:  # The other plugins must survive it.
            classes, messages = [], [str(error)]
        found.faults.extend(Fault(point.name, _package(point), message) for message in messages)
        version = point.dist.version if point.dist else "unknown"
        for cls in classes:
            found.add(point.name, TransformationInfo(cls.name, cls, _package(point), version))
    return found


def _load(point: EntryPoint) -> tuple[list[type[Transformation]], list[str]]:
    """The sound classes that one entry point offers, and what is wrong with the rest."""
    plugin = point.load()
    # A manager of its own: one plugin's exception or hook wrapper cannot reach another's call.
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    if outdated := version_error(plugin, point.value, _package(point)):
        return [], [outdated]
    if messages := list(_misspelt(manager, plugin, point.value)):
        return [], messages
    manager.register(plugin, name=point.name)
    answers: list[object] = manager.hook.gsmooth_transformations()
    return _sound(answers[0] if answers else [])


def _misspelt(manager: pluggy.PluginManager, plugin: object, where: str) -> Iterator[str]:
    """Hooks that pluggy would never call: unknown names, and known ones without the marker."""
    marked = [n for n in dir(plugin) if manager.parse_hookimpl_opts(plugin, n) is not None]
    intended = [
        n for n in dir(plugin) if n.startswith(f"{GROUP}_") and callable(getattr(plugin, n))
    ]
    for name in sorted({*marked, *intended}):
        if name not in _HOOKS:
            known = " and ".join(_HOOKS)
            yield f"{where} implements the unknown hook {name!r}; the hook is called {known!r}"
        elif name not in marked:
            yield f"{where}: {name} lacks its marker; decorate it with @gsmooth.hookimpl"
    if not marked and not intended:
        yield f"{where} implements no hook; define {_HOOKS[0]} marked @gsmooth.hookimpl"


def _sound(answer: object) -> tuple[list[type[Transformation]], list[str]]:
    if not isinstance(answer, list | tuple):
        return [], [f"gsmooth_transformations returned {answer!r}, not a list of classes"]
    verdicts = [(offered, validation_error(offered)) for offered in answer]
    return [c for c, message in verdicts if not message], [m for _, m in verdicts if m]


def _named(name: str) -> TransformationInfo:
    known = transformations()
    if name in known:
        return known[name]
    catalogue = _catalogue()
    if name in catalogue.contested:
        raise PluginError(_contest(name, catalogue.contested[name]))
    listing = ", ".join(known) or "none"
    broken = "".join(f"; plugin {f.plugin!r} is broken: {f.message}" for f in catalogue.faults)
    raise PluginError(
        f"transformation {name!r} is not registered{did_you_mean(name, known)}; known: {listing};"
        f" a class of your own is given as my_module:MyClass{broken}"
    )


def _joined(spec: str, infos: list[TransformationInfo]) -> TransformationInfo:
    from gsmooth.transforms.composition import composed  # It needs torch.

    cls = composed(*(info.cls for info in infos))
    packages = sorted({f"{info.package} {info.version}" for info in infos})
    return TransformationInfo(spec, cls, ", ".join(packages), "")


def _local_class(spec: str) -> type[Transformation]:
    """The class that ``module:Class`` names; modules in the working directory are found too."""
    who, module_name = f"transformation {spec!r}", spec.partition(":")[0]
    cls: Any = import_named(spec, who, PluginError)
    with users_code(f"{who} fails when it is looked at:", PluginError):
        message = version_error(sys.modules.get(module_name), module_name, module_name)
        message = message or validation_error(cls)
    if message:
        raise PluginError(f"{who}: {message}")
    return cls  # type: ignore[no-any-return]  # complaint() has checked the type


def _contest(name: str, packages: list[str]) -> str:
    rivals = " and ".join(packages)
    return (
        f"transformation {name!r} is claimed by {rivals}; neither is used: uninstall one,"
        " or name a class directly as module:Class"
    )


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
