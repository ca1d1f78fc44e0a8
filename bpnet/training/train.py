"""``train``: plan a call, open it on its backend, run it, and return the histories."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Unpack, overload

from bpnet.arguments import checked
from bpnet.display import progress
from bpnet.model.network import Network
from bpnet.training import fastest, members, opening, planning
from bpnet.training.callbacks import Callback, Histories
from bpnet.training.checkpoints import Checkpoint
from bpnet.training.declared import signed
from bpnet.training.history import History
from bpnet.training.recipe import Keywords, Place, Ranks, Recipe
from bpnet.training.tables import TableRecipe

_log = logging.getLogger("bpnet")


@overload
def train(
    network: Network,
    data: Any,
    recipe: Recipe | TableRecipe | str | None = None,
    *,
    place: Place | None = None,
    ranks: Ranks | None = None,
    sample_weight: Any = None,
    validation: Any = "auto",
    checkpoint: str | Path | Checkpoint | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    verbose: int = 0,
    **keywords: Unpack[Keywords],
) -> History: ...
@overload
def train(
    network: Sequence[Network],
    data: Any,
    recipe: Recipe | Sequence[Recipe] | TableRecipe | str | None = None,
    *,
    place: Place | None = None,
    ranks: Ranks | None = None,
    sample_weight: Any = None,
    validation: Any = "auto",
    checkpoint: str | Path | Checkpoint | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] | Sequence[Sequence[Callback]] = (),
    folds: Iterable[Any] | None = None,
    verbose: int = 0,
    **keywords: Unpack[Keywords],
) -> Histories: ...
@checked  # type: ignore[misc]  # of callbacks a set may have a list of lists
@signed(Recipe, Place, Ranks)
def train(
    network: Any,
    data: Any,
    recipe: Any = None,
    *,
    place: Place | None = None,
    ranks: Ranks | None = None,
    sample_weight: Any = None,
    validation: Any = "auto",
    checkpoint: str | Path | Checkpoint | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    folds: Iterable[Any] | None = None,
    verbose: int = 0,
    **keywords: Any,
) -> Any:
    """Train a network in place, or a set of networks at once.

    Parameters
    ----------
    network : Network, or sequence of Networks
        Network to train; its arrays on the host hold the result. Networks of a set are trained at
        the same time where they are small, each as it would be alone.
    data : (X, y) or Dataset
        Examples, (m, n_0), and class labels, (m,), or rows, (m, n_L). Both are arrays of one
        library, and are moved once to the backend.
    recipe : Recipe, "table" or TableRecipe, optional
        What is learned and how: cost, optimizer, epochs and so on; for a set also a list with one
        recipe for each network. "table" is :class:`bpnet.TableRecipe`, whose options stop a
        network by its validation rows; networks of a set without these hold out a fold each.
    place : Place, optional
        Where the network is trained: backend, device, dtype and so on.
    ranks : Ranks, optional
        With which other processes it is trained.
    sample_weight : array, (m,), optional
        Weight of each example in the cost; a batch's gradient is the weighted mean.
    validation : (X, y), Dataset, "auto" or None
        Examples that the network is evaluated on after every epoch. "auto" is the validation part
        of the data set, if it has one and there are no ``folds``; None evaluates nothing.
    checkpoint : str, Path or Checkpoint, optional
        Folder for checkpoints. One is written after each epoch, or as often as a
        :class:`bpnet.Checkpoint` says.
    resume : bool
        Whether to go on from the newest checkpoint there; the run then ends with the bits of
        one that was never interrupted, on the same backend with the same threads.
    callbacks : sequence of Callback
        Called between blocks and epochs; an iteration of L-BFGS counts as a block. For a set it may
        be a list of lists, one for each network. A :class:`bpnet.Checkpoint` is the argument
        ``checkpoint`` instead.
    folds : sequence of (rows, rows), optional
        For each network of a set the row numbers of its training examples, and of its validation
        examples, which replace ``validation``.
    verbose : {0, 1, 2}
        1 shows progress on a terminal or in a notebook, 2 in a file or pipe too: see
        :class:`bpnet.callbacks.Progress`.
    **keywords
        The fields of :class:`bpnet.Recipe`, :class:`bpnet.Place` and :class:`bpnet.Ranks`, in
        place of those of ``recipe``, ``place`` and ``ranks``. For a set the optimizer, epochs,
        batch size, strengths, limits, dropout, schedule and seed may each be a list with one for
        each network.

    Returns
    -------
    History, or Histories for a set
        A dict of lists that draws itself, with one value for each epoch: ``cost``, ``accuracy``
        where there are classes, ``validation_cost``, ``validation_accuracy``, ``learning_rate``,
        ``seconds``, and the metrics.

    Raises
    ------
    InputError
        If an argument or the data cannot be used.
    BackendUnavailable
        If the named backend does not work here.
    Diverged
        If the cost is no longer finite; for a set, if that is so of every network. Else
        :attr:`Histories.diverged` has the errors by the networks' numbers.
    KeyboardInterrupt
        After Ctrl-C; the network holds what was learned.

    Examples
    --------
    >>> import bpnet
    >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
    >>> net = bpnet.Network([2, 8, 1], hidden="tanh", output="sigmoid", seed=3)
    >>> adam = bpnet.optimizers.Adam(learning_rate=0.05)
    >>> history = bpnet.train(net, (X, y), optimizer=adam, epochs=200, batch_size=None)
    >>> net.classify(X).tolist()
    [0, 1, 1, 0]

    The same options as a recipe, with another number of epochs:

    >>> recipe = bpnet.Recipe(optimizer=adam, batch_size=None)
    >>> history = bpnet.train(net, (X, y), recipe, epochs=5, place=bpnet.Place(backend="numpy"))
    >>> len(history["cost"])
    5

    Several networks at once, each with its learning rate:

    >>> nets = [bpnet.Network([2, 8, 1], hidden="tanh", output="sigmoid", seed=s) for s in range(2)]
    >>> rates = [bpnet.optimizers.Adam(learning_rate=eta) for eta in (0.05, 0.01)]
    >>> histories = bpnet.train(nets, (X, y), optimizer=rates, epochs=50, batch_size=None)
    >>> histories[0]["cost"][-1] < histories[1]["cost"][-1]
    True
    """
    # progress begins before the call is planned, and only rank 0 shows it
    communicator = keywords.get("communicator", getattr(ranks, "communicator", None))
    leads = getattr(communicator, "rank", 0) == 0
    with progress.watching(callbacks, verbose, leads=leads) as called:
        call = planning.plan(
            network, data, recipe, place, ranks, keywords, sample_weight=sample_weight,
            validation=validation, checkpoint=checkpoint, resume=resume, callbacks=called,
            folds=folds,
        )  # fmt: skip
        if call.place.is_fastest:
            call = fastest.resolved(call)
        histories = members.run(opening.opened(call))
    # histories from a checkpoint or from another rank are plain dicts
    histories[:] = map(History, histories)
    if not call.several:
        if histories.diverged:
            raise histories.diverged[0]
        return histories[0]
    for i, error in histories.diverged.items():
        _log.warning("network %d of %d: %s", i + 1, len(histories), error)
    if len(histories.diverged) == len(histories):
        raise histories.diverged[0]
    return histories
