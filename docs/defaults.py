"""Parameters of the reference: each has its own default and type, and its own explanation.

Of parameters that share a line of a docstring, as ``low, high : float``, griffe gives all those of
the first. A docstring may say "As in `bpnet.train`"; a page says what that is.
"""

import re
from typing import Any

import griffe

_AS_IN = re.compile(r"^As in (?::func:)?`(?:bpnet\.)?train`[.;]?")


class Defaults(griffe.Extension):
    """Puts each parameter's own in."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Walk a package that was read."""
        train = pkg["training.train.train"]
        self._told = {
            parameter.name: parameter.description
            for section in train.docstring.parsed
            if isinstance(section, griffe.DocstringSectionParameters)
            for parameter in section.value
        }
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
                    told = self._told.get(parameter.name)
                    if told and _AS_IN.match(parameter.description):
                        rest = _AS_IN.sub("", parameter.description)
                        parameter.description = told + rest
                    if own is not None and str(parameter.annotation) in signature:
                        parameter.annotation = own.annotation
