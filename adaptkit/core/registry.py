"""Names for things that are loaded only when asked for.

A registry maps a name to ``module:attribute``, so listing what exists imports nothing heavy.
Third parties add theirs through an entry point group.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Generic, TypeVar, cast

from adaptkit.core.errors import ConfigError, PluginError, UnknownNameError, shown

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Registry(Generic[T]):
    """Lazy lookup by name.

    Args:
        kind: what the names stand for, used in error messages.
        builtin: name to ``module:attribute``.
        group: entry point group in which other packages register theirs.
    """

    def __init__(self, kind: str, builtin: Mapping[str, str], *, group: str) -> None:
        self._kind = kind
        self._builtin = dict(builtin)
        self._group = group
        self._added: dict[str, T] = {}

    @cached_property
    def _others(self) -> EntryPoints:
        # Read once: it opens a file of every installed package, and metrics are looked up for each row.
        try:
            return entry_points(group=self._group)
        except Exception as error:  # one package's metadata must not take the built-in names along
            logger.warning("No %s of other packages is known: %s.", self._kind, shown(str(error)))
            return EntryPoints(())

    def names(self) -> list[str]:
        """All known names, the built-in ones first."""
        return [*self._builtin, *(p.name for p in self._others), *self._added]

    def add(self, name: str, value: T) -> None:
        """Give a name to something made here, such as in a notebook, for this process.

        An entry point gives it in every process. The same name again replaces what it stood for.

        Raises:
            ConfigError: the name is a built-in one, or another package's.
        """
        if name in self._builtin or self._others.select(name=name):
            raise ConfigError(f"'{name}' is a known {self._kind} already. Choose another name.")
        self._added[name] = value

    def get(self, name: str) -> T:
        """Import and return what ``name`` stands for.

        Raises:
            UnknownNameError: no such name; the message suggests the closest.
            PluginError: another package registers it, and importing it fails.
        """
        if name in self._builtin:
            module, _, attribute = self._builtin[name].partition(":")
            return cast(T, getattr(import_module(module), attribute))
        if name in self._added:
            return self._added[name]
        for point in self._others.select(name=name):
            return self._loaded(point)
        raise UnknownNameError.for_name(self._kind, name, self.names())

    def _loaded(self, point: EntryPoint) -> T:
        try:
            return cast(T, point.load())
        except Exception as error:  # whatever somebody else's module does when it is imported
            package = f" of the package '{point.dist.name}'" if point.dist else ""
            raise PluginError(
                f"The {self._kind} '{point.name}'{package} cannot be loaded from {point.value} "
                f"({type(error).__name__}: {shown(str(error))}). Repair or uninstall the package."
            ) from error
