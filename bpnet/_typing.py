"""Type names for arrays and namespaces of any library, which a type checker cannot inspect."""

from typing import Any, TypeAlias

Array: TypeAlias = Any
"""An array of any library that speaks the Python Array API standard."""

Namespace: TypeAlias = Any
"""A module with the functions of the standard, such as ``array_api_compat.numpy``."""

DType: TypeAlias = Any
"""A dtype object of some namespace."""
