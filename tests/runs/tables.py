"""Encodings of a small table."""

from bpnet.data.columns import Column, Columns


def columns(kind="integer", targets=(), task="classify"):
    """Encodings of a number, a text and the target ``y``."""
    classes = (0, 1, 2) if task == "classify" else ()
    several = {"mean": (0.0,) * len(targets), "std": (1.0,) * len(targets)} if targets else {}
    return Columns(
        (Column("a", "number"), Column("b", "text", categories=("x", "y"))), (), "y", kind, task,
        classes, targets=targets, **several,
    )  # fmt: skip
