"""Show the configuration of a run, its machine, and the command that repeats it."""

from typing import Any

from bpnet.pages.content import Code, Section, Table
from bpnet.report.subject import Subject
from bpnet.runs import Config
from bpnet.runs.configuration import RUN_OPTIONS
from bpnet.shown import pasted, quoted
from bpnet.training.recipe import OPTIONS

_TABLES = ("data", "network", "training")
_DECLARED = {**OPTIONS, **RUN_OPTIONS}
_NO_OPTION = {"source", "split_version", "tensorboard"}
_NO_OPTION |= {name for name, about in RUN_OPTIONS.items() if about.panel == "The run"}
"""The source is an argument, a version of the split no option; the others change no model."""
_CHOSEN = ("seed", "learning_rate", "momentum", "metrics")
"""Settings that the sweep has chosen for its best run."""
_COLUMNS = 72
"""Largest number of characters in a line of the command."""


def command(config: Config) -> str:
    """Return the ``bpnet train`` or ``sweep`` that repeats a run, as lines of one command.

    Examples
    --------
    >>> base = {"data": {"source": "digits"}, "network": {"hidden": [16]}}
    >>> command({**base, "training": {"l2": 0.1}})
    'bpnet train digits --hidden 16 --l2 0.1'
    >>> command({**base, "training": {"l2": 0.1}, "sweep": {"l2": [0, 0.1], "seeds": [4, 5]}})
    'bpnet sweep digits --hidden 16 --l2 0,0.1 --seeds 2 --seed 4'
    >>> command({**base, "training": {}, "machine": {"backend": "torch:cpu", "compiled": True}})
    'bpnet train digits --hidden 16 --backend torch:cpu --compiled'
    >>> command({**base, "training": {"compiled": False}})
    'bpnet train digits --hidden 16 --no-compiled'
    >>> command({**base, "data": {"source": "a.csv", "columns": {"drop": "id"}}, "training": {}})
    'bpnet train a.csv --drop id --hidden 16'
    """
    swept = "sweep" in config
    words = [f"bpnet {'sweep' if swept else 'train'} {pasted(config['data']['source'])}"]
    options: dict[str, Any] = {}
    for table in _TABLES:
        options.update(config[table])
        options.update(options.pop("columns", None) or {})  # --drop and its kind
    machine = config.get("machine", {})
    # the backend that ran: `auto` may choose another one next time, with other bits
    options.setdefault("backend", machine.get("backend"))
    if swept:
        options = {
            **{k: options[k] for k in options if k not in _CHOSEN},
            **_swept(config["sweep"]),
        }
    else:
        # the number of threads that ran: it may change the order of sums, and so the bits
        options.setdefault("threads", machine.get("threads"))
        # PyTorch compiles long runs by itself: the command repeats what was done
        options["compiled"] = machine.get("compiled", options.get("compiled"))
    for name, value in options.items():
        # an empty list of hidden layers is a choice, any other empty list the default
        if name in _NO_OPTION or value is None or (value == [] and name != "hidden"):
            continue
        flag = _DECLARED[name].flag if name in _DECLARED else name
        option = f"--{flag.replace('_', '-')}"
        if isinstance(value, bool):
            # only --compiled has a negative form: the other switches are off by default
            words += [option] if value else ["--no-compiled"] * (name == "compiled")
            continue
        text = quoted(",".join(map(str, value)) if isinstance(value, list) else str(value))
        # a value that begins with a dash would be read as another option
        words.append(f"{option}={text}" if text.startswith(("-", "'-")) else f"{option} {text}")
    return _folded(words)


def _swept(sweep: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a sweep, its seeds as the first one and their number."""
    seeds = sweep.get("seeds") or [0]
    return {**sweep, "seed": seeds[0], "seeds": len(seeds)}


def _folded(words: list[str]) -> str:
    """Join words to lines of bounded length, each but the last with a backslash at its end."""
    lines = [words[0]]
    for word in words[1:]:
        # 3 is the space before the word, and the space and the backslash behind it
        if len(lines[-1]) + len(word) + 3 > _COLUMNS:
            lines.append(f"  {word}")
        else:
            lines[-1] += f" {word}"
    return " \\\n".join(lines)


def section(subject: Subject) -> Section:
    """Return the section with settings, machine and versions, and the command."""
    config = subject.config
    tables = [
        Table(name.capitalize(), ["setting", "value"], rows, text=True)
        for name in (*_TABLES, "sweep", "machine")
        if (rows := _rows(config.get(name, {})))
    ]
    dense, members = subject.members[0].dense, len(subject.members)
    each = f" of each of the {members} networks" if members > 1 else ""
    layers = Table(
        f"Layers{each}", ["layer", "inputs", "neurons", "activation", "parameters"],
        [
            [
                f"{l}", f"{layer.n_in:,}", f"{layer.n_out:,}",
                type(layer.activation).__name__, f"{layer.n_in * layer.n_out + layer.n_out:,}",
            ]
            for l, layer in enumerate(dense, start=1)
        ],
    )  # fmt: skip
    does = "Finds and trains" if "sweep" in config else "Trains"
    code = Code(command(config), f"{does} this model again, with the same bits on such a machine:")
    lead = "All options of the run, and the machine that it ran on."
    return Section("repeat", "Configuration and how to repeat it", lead, [code, layers, *tables])


def _rows(values: dict[str, Any]) -> list[list[str]]:
    return [[name.replace("_", " "), setting(value)] for name, value in values.items()]


def setting(value: Any) -> str:
    """Return a setting as text."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{name} {setting(entry)}" for name, entry in value.items())
    return str(value)
