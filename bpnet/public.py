"""What a module offers: its public names alone, and those that are imported on use."""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def listing(names: Iterable[str]) -> Callable[[], list[str]]:
    """What a module calls ``__dir__``: its public names, without what it imports for itself.

    Examples
    --------
    >>> listing(["train", "load"])()
    ['load', 'train']
    """
    return lambda: sorted(names)


def on_use(
    package: str, submodules: Iterable[str], homes: Mapping[str, str] | None = None
) -> Callable[[str], Any]:
    """What a package calls ``__getattr__``: it imports what it offers when that is asked for.

    Parameters
    ----------
    package : str
        Name of the package.
    submodules : iterable of str
        Modules in the package.
    homes : mapping of str to str, optional
        Each further name, and the module that defines it.

    Raises
    ------
    AttributeError
        If the package has no such name.

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
            if not hasattr(module, name):  # a module of that package, which nobody has loaded yet
                import_module(f"{homes[name]}.{name}")
            value = getattr(module, name)
            setattr(sys.modules[package], name, value)  # from now on it is found without this
            return value
        msg = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(msg, name=name, obj=sys.modules[package])

    return find
