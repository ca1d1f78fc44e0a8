"""A run that begins with the weights of another: ``--init RUN``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from bpnet.core import layers
from bpnet.core.initializers import INITIALIZERS
from bpnet.data import Columns, Dataset
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.runs import data as run_data
from bpnet.runs import record
from bpnet.runs.folder import CHECKPOINTS
from bpnet.storage import checkpoint

_NAMES = {"auto", *INITIALIZERS, *(name.replace("_", "-") for name in INITIALIZERS)}


@dataclass(frozen=True, eq=False)
class Start:
    """What a run begins with.

    Parameters
    ----------
    network : Network or None
        With its weights; None where they are drawn, or come from a checkpoint.
    columns : Columns or None
        How a table is encoded for them.
    given : tuple of str
        Options of the layers that the user gave beside it.
    """

    network: Network | None = None
    columns: Columns | None = None
    given: tuple[str, ...] = ()

    @classmethod
    def of(cls, asked: dict[str, Any], given: Sequence[str]) -> "Start":
        """What the table of a network asks for; it gets the layers of the network that is there.

        Raises
        ------
        InputError
            If the run cannot be read.
        """
        init = asked["init"]
        if not _is_run(init):
            return cls()
        if not Path(init).exists():
            record.check_there(Path(init))
        network = record.open_run(Path(init))[0]
        own = {name: asked[name] for name in given}
        asked.update(layout(network), **own, init=str(Path(init).absolute()))
        return cls(network, network.columns, tuple(given))

    @classmethod
    def again(cls, asked: dict[str, Any], folder: Path) -> "Start":
        """What a run in a folder was begun with, when it is taken up again.

        Raises
        ------
        InputError
            If that has gone, and there is no checkpoint that makes up for it.
        """
        init = asked["init"]
        if init in _NAMES:
            return cls()
        if Path(init).exists():
            return cls.of(asked, ())
        if checkpoint.latest(folder / CHECKPOINTS) is None:
            msg = f"{folder} was begun with the weights in {init}, which has gone, and has no "
            raise InputError(f"{msg}checkpoint; bring that run back, or train anew")
        asked["init"] = "auto"  # the checkpoint has the weights
        return cls(None, record.read_config(folder)[1])


def _is_run(init: str) -> bool:
    """Whether first weights are those of a run or a model's file, and no initializer's."""
    return init not in _NAMES and (Path(init).exists() or len(Path(init).parts) > 1)


def refuse_run(init: str) -> None:
    """Refuse a run whose weights the networks of a sweep were to begin with."""
    if _is_run(init):
        msg = f"init {init!r} is a run, and a sweep draws the first weights of each network anew; "
        raise InputError(f"{msg}give an initializer, or begin one run with it: bpnet train --init")


def layout(first: Network) -> dict[str, Any]:
    """What the options of the command line say of a network's layers."""
    described = [layers.describe(layer) for layer in first.layers]
    names = [
        str(layer["activation"]["name"]).replace("_", "-")
        for layer in described if layer["kind"] == "dense"
    ]  # fmt: skip
    kinds = {layer["kind"] for layer in described}
    return {
        "hidden": first.sizes[1:-1],
        "activation": names[:-1] if len(set(names[:-1])) > 1 else names[0],
        "output": names[-1],
        "norm": next((name for name in ("batch", "layer") if f"{name}_norm" in kinds), None),
    }


def network(start: Start, data: Dataset, asked: Mapping[str, Any]) -> Network:
    """Network that a run begins with, which fits its data and has the layers that were asked for.

    Raises
    ------
    InputError
        Naming the first difference of the network that is there.
    """
    options = {name: asked[name] for name in ("output", "norm", "init", "seed")}
    first = start.network
    if first is not None:
        options["init"] = "auto"
    wanted = run_data.network_for(data, asked["hidden"], hidden=asked["activation"], **options)
    if first is None:
        return wanted
    for which, at in (("inputs", 0), ("outputs", -1)):
        if wanted.sizes[at] != first.sizes[at]:
            msg = f"the weights to begin with are of {first.sizes[at]} {which} and the data needs "
            raise InputError(f"{msg}{wanted.sizes[at]}; give data like that run's, or another init")
    pairs = zip_longest(wanted.layers, first.layers)
    for l, (one, other) in enumerate(pairs if start.given else (), start=1):
        if (here := _said(one)) != (there := _said(other)):
            msg = f"layer {l} of the network to begin with is {there}, and {here} was asked for"
            raise InputError(f"{msg}; leave {', '.join(f'--{name}' for name in start.given)} out")
    return first


def _said(layer: Any) -> str:
    """A layer in words, such as ``dense 64 to 30 relu``."""
    if layer is None:
        return "none"
    told = layers.describe(layer)
    kind, sigma = told.pop("kind"), told.pop("activation", {"name": ""})
    return f"{kind} {' to '.join(map(str, told.values()))} {' '.join(map(str, sigma.values()))}"
