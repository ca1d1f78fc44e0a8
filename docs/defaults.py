"""Defaults and types of parameters that share a line of a docstring, as ``low, high : float``.

griffe gives all of them those of the first.
"""

from typing import Any

import griffe


class Defaults(griffe.Extension):
    """Puts each parameter's own in."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Walk a package that was read."""
        self._walk(pkg)

    def _walk(self, thing: griffe.Object | griffe.Alias) -> None:
        for member in thing.members.values():
            if not member.is_alias:
                self._mend(member)
                self._walk(member)

    def _mend(self, thing: griffe.Object | griffe.Alias) -> None:
        if thing.docstring is None or not isinstance(thing, griffe.Function | griffe.Class):
            return
        known = {parameter.name: parameter for parameter in thing.parameters}
        signature = {str(parameter.annotation) for parameter in thing.parameters}
        for section in thing.docstring.parsed:
            if isinstance(section, griffe.DocstringSectionParameters):
                for parameter in section.value:
                    own = known.get(parameter.name)
                    parameter.value = None if own is None else own.default
                    if own is not None and str(parameter.annotation) in signature:
                        parameter.annotation = own.annotation
