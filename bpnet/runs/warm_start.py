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
from bpnet.model.ensemble import Ensemble
from bpnet.model.network import Network
from bpnet.runs import data as run_data
from bpnet.runs import record
from bpnet.runs.folder import CHECKPOINTS
from bpnet.storage import checkpoint

_NAMES = {"auto", *INITIALIZERS, *(name.replace("_", "-") for name in INITIALIZERS)}


@dataclass(frozen=True, eq=False)
class WarmStart:
    """Networks from which a run begins.

    ``networks`` is empty where the first weights are drawn or come from a checkpoint; ``columns``
    are the encodings of the table for them; ``options`` are the options of layers that the user has
    named beside ``--init``.
    """

    networks: tuple[Network, ...] = ()
    columns: Columns | None = None
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: dict[str, Any], options: Sequence[str]) -> "WarmStart":
        """Warm start that ``init`` names in the table ``network``, which gets its layers."""
        init = table["init"]
        if not _is_run(init):
            return cls()
        if not Path(init).exists():
            record.check_exists(Path(init))
        model = record.open_run(Path(init))[0]
        networks = model.networks if isinstance(model, Ensemble) else (model,)
        own = {name: table[name] for name in options}
        table.update(layout(networks[0]), **own, init=str(Path(init).absolute()))
        return cls(networks, model.columns, tuple(options))

    @classmethod
    def resumed(cls, table: dict[str, Any], folder: Path) -> "WarmStart":
        """Warm start of a run in a folder that is resumed.

        Where the first run is gone, a checkpoint must have the weights.
        """
        init = table["init"]
        if init in _NAMES:
            return cls()
        if Path(init).exists():
            return cls.of(table, ())
        if checkpoint.latest(folder / CHECKPOINTS) is None:
            msg = f"{folder} was begun with the weights in {init}, which has gone, and has no "
            raise InputError(f"{msg}checkpoint; bring that run back, or train anew")
        table["init"] = "auto"  # the weights come from the checkpoint
        return cls((), record.read_config(folder)[1])


def _is_run(init: str) -> bool:
    """Whether ``init`` is a run or a model's file, not an initializer."""
    # A path with a slash is a run even where it is missing: the message then names the run.
    return init not in _NAMES and (Path(init).exists() or len(Path(init).parts) > 1)


def refuse_run(init: str) -> None:
    """Refuse a run as the ``init`` of a sweep."""
    if _is_run(init):
        msg = f"init {init!r} is a run, and a sweep draws the first weights of each network anew; "
        raise InputError(f"{msg}give an initializer, or begin one run with it: bpnet train --init")


def layout(network: Network) -> dict[str, Any]:
    """The command line's options that describe a network's layers."""
    described = [layers.describe(layer) for layer in network.layers]
    names = [
        str(layer["activation"]["name"]).replace("_", "-")
        for layer in described if layer["kind"] == "dense"
    ]  # fmt: skip
    kinds = {layer["kind"] for layer in described}
    return {
        "hidden": network.sizes[1:-1],
        "activation": names[:-1] if len(set(names[:-1])) > 1 else names[0],
        "output": names[-1],
        "norm": next((name for name in ("batch", "layer") if f"{name}_norm" in kinds), None),
    }


def make_network(start: WarmStart, data: Dataset, layout: Mapping[str, Any], i: int = 0) -> Network:
    """Network ``i`` that a run trains: new, or that of the warm start.

    A network of the warm start must fit the data, and the user's options of layers: the first
    difference is refused.
    """
    options = {name: layout[name] for name in ("output", "norm", "init", "seed")}
    first = start.networks[i] if start.networks else None
    if first is not None:
        options["init"] = "auto"  # `new` then shows only which layers the data and the options need
    new = run_data.network_for(data, layout["hidden"], hidden=layout["activation"], **options)
    if first is None:
        return new
    for side, at in (("inputs", 0), ("outputs", -1)):
        if new.sizes[at] != first.sizes[at]:
            msg = f"the trained network has {first.sizes[at]} {side}, and the data need "
            raise InputError(f"{msg}{new.sizes[at]}; give data like that run's, or another init")
    # without options of layers the user accepts those of the other run
    pairs = zip_longest(new.layers, first.layers)
    for l, layers_l in enumerate(pairs if start.options else (), start=1):
        requested, present = map(_words, layers_l)
        if requested != present:
            names = ", ".join(f"--{name}" for name in start.options)
            msg = f"layer {l} of the trained network is {present}, not {requested}"
            raise InputError(f"{msg}; leave {names} out")
    return first


def _words(layer: Any) -> str:
    """A layer in words, such as ``dense 64 to 30 relu``."""
    if layer is None:
        return "none"
    fields = layers.describe(layer)
    kind, sigma = fields.pop("kind"), fields.pop("activation", {"name": ""})
    return f"{kind} {' to '.join(map(str, fields.values()))} {' '.join(map(str, sigma.values()))}"
