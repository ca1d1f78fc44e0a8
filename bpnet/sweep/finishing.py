"""Train the best combination of a sweep once more, as a run of its own."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bpnet import runs
from bpnet.data import Dataset
from bpnet.model.network import Network
from bpnet.runs import data as run_data
from bpnet.runs import folder as run_folder
from bpnet.runs.configuration import RUN_OPTIONS
from bpnet.sweep.plan import OF_THE_NETWORK, network
from bpnet.sweep.ranking import Sweep, as_option
from bpnet.training import Callback, Checkpoint, EarlyStopping, train


def finish(
    sweep: Sweep,
    data: Dataset,
    *,
    folder: Path,
    config: runs.Config,
    backend: Any,
    callbacks: Sequence[Callback] = (),
    resume: bool = False,
) -> Network:
    """Train the best combination once more and leave its run.

    With a validation split it is the network of the sweep again. With folds it is trained on all
    examples, for the median of the epochs that its networks kept. The run has checkpoints, and
    goes on as any other: ``bpnet train --resume``.

    Parameters
    ----------
    sweep : Sweep
        Result of :func:`run`.
    data : Dataset
        Data of the sweep.
    folder : Path
        Folder of the sweep, which becomes that of the run.
    config : dict of dicts
        Configuration of the run; the options of the best combination join it.
    backend : Backend
        Backend that trains the network.
    callbacks : sequence of Callback
        Callbacks that are called before those of the run.
    resume : bool
        Whether the run was begun before.

    Returns
    -------
    Network
        The trained network.
    """
    net = network(data, sweep.plan, sweep.seed, sweep.best.configuration)
    # metrics are of validation rows, and with folds none are held out here
    metrics = sweep.plan.training.get("metrics", []) if data.validation is not None else []
    metrics = run_data.metrics_for(data, metrics)
    if resume:  # an older bpnet had fewer
        metrics = runs.read_config(folder, with_columns=False)[0]["training"].get("metrics", [])
    complete = _config(sweep, config, metrics)
    settings = complete["training"]
    called = list(callbacks)
    if settings["patience"] is not None:
        # called before the recorder, which writes the parameters of the best epoch that it sets
        called.append(EarlyStopping(settings["patience"], sweep.score))
    recorder = runs.Recorder(folder, complete, data.columns, resume)
    minutes = RUN_OPTIONS["checkpoint_minutes"].default
    # by time alone: a checkpoint after each epoch would slow a small network down
    every = Checkpoint(folder / run_folder.CHECKPOINTS, epochs=0, minutes=minutes)
    own = sweep.plan.options(sweep.best.configuration)
    # the epochs of the run are not those of the sweep where the plan has folds
    options = {**sweep.plan.training, **own, **{n: settings[n] for n in ("epochs", "metrics")}}
    try:
        train(
            net, data, seed=sweep.seed, backend=backend, callbacks=[*called, recorder],
            checkpoint=every, resume=resume, **options,
        )  # fmt: skip
        # a run that was over when it was resumed calls no callbacks, and may lack its model
        recorder.complete(net)
    finally:
        recorder.discard()
    return net


def _config(sweep: Sweep, config: runs.Config, metrics: list[str]) -> runs.Config:
    """Configuration of the best combination as a run, with the options of its sweep."""
    plan, best = sweep.plan, sweep.best.configuration
    rule, options = plan.rule(best), {**plan.training, **plan.options(best)}
    epochs = options["epochs"]
    # each network has its own best epoch, and the run on all examples has none to watch
    if plan.folds:
        epochs = round(statistics.median(sweep.best.epochs.ravel().tolist()))
    settings = {
        **config["training"], **options, "epochs": epochs,
        "optimizer": best.get("optimizer", plan.optimizer), "learning_rate": rule.learning_rate,
        "momentum": getattr(rule, "momentum", None), "seed": sweep.seed,
        # None is left out of TOML, and as a batch size 0 is the whole set
        "batch_size": options["batch_size"] or 0,
        "patience": None if plan.folds else plan.patience,
        "metrics": metrics,
    }  # fmt: skip
    swept = {
        "score": sweep.score, "seeds": list(plan.seeds), "folds": plan.folds,
        "epochs": plan.training["epochs"], "patience": plan.patience,
        **{n: v for n, v in (("trials", plan.trials), ("prune", plan.prune)) if v},
        **{n: as_option(n, v) for n, v in plan.grid.items() if v},
    }  # fmt: skip
    layout = {name: best[name] for name in OF_THE_NETWORK if name in best}
    network_table = {**config["network"], **layout, "seed": sweep.seed}
    return {**config, "training": settings, "network": network_table, "sweep": swept}
