"""Public names of a module: the listing of ``dir``, and imports on use."""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def listing(names: Iterable[str]) -> Callable[[], list[str]]:
    """``__dir__`` of a module: its public names, without its own imports.

    Examples
    --------
    >>> listing(["train", "load"])()
    ['load', 'train']
    """
    return lambda: sorted(names)


def on_use(
    package: str, submodules: Iterable[str], homes: Mapping[str, str] | None = None
) -> Callable[[str], Any]:
    """``__getattr__`` of a package, which imports a submodule, or a name's home, on first use.

    ``homes`` maps each further public name to the module that defines it.

    Examples
    --------
    >>> on_use("bpnet", ["sklearn"])("sklaern")
    Traceback (most recent call last):
    AttributeError: module 'bpnet' has no attribute 'sklaern'
    """

    def find(name: str) -> Any:
        if name in submodules:
            return import_module(f"{package}.{name}")
        if homes and name in homes:
            module = import_module(homes[name])
            if not hasattr(module, name):  # a submodule of that package that is not loaded yet
                import_module(f"{homes[name]}.{name}")
            value = getattr(module, name)
            setattr(sys.modules[package], name, value)  # later uses find it without this function
            return value
        msg = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(msg, name=name, obj=sys.modules[package])

    return find
