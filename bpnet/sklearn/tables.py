"""``TableClassifier`` and ``TableRegressor``: an ensemble of networks for a raw table."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    assert_all_finite,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

import bpnet
from bpnet.data import raw
from bpnet.data.frames import is_frame, refusing_tables
from bpnet.data.labels import check_exact
from bpnet.runs.data import network_for
from bpnet.sklearn.fitting import Host
from bpnet.training import tables


@dataclass(eq=False, repr=False, kw_only=True)
class _Table(BaseEstimator):  # type: ignore[misc]
    """What both estimators share; see :class:`TableClassifier`."""

    recipe: Any = "table"
    categorical: Any = ()
    random_state: Any = 0
    backend: Any = None
    device: Any = None
    threads: int | None = None

    def fit(self, X: Any, y: Any) -> Any:
        """Fit the ensemble to the rows of a table.

        Parameters
        ----------
        X : frame of pandas or polars, or array, (m, n)
            Rows with columns of any kind, in which values may be missing; or numbers.
        y : array, (m,)
            Classes of any type, or numbers.

        Returns
        -------
        self
            The fitted estimator.
        """
        frame = self._frame(X, reset=True)
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        assert_all_finite(y, input_name="y")
        values = self._values(y)
        recipe = tables.get(self.recipe)
        seed = int(check_random_state(self.random_state).randint(2**31))
        data = self._read(frame, values, seed)
        layout = {"hidden": recipe.activation, "output": self._output}
        seeds = tables.seeds(seed, recipe.members)
        networks = [network_for(data, [*recipe.hidden], **layout, seed=s) for s in seeds]
        self.histories_ = bpnet.train(
            networks, data, recipe, seed=seeds,
            place=bpnet.Place(backend=self.backend, device=self.device, threads=self.threads),
        )  # fmt: skip
        # a network that diverged has no sensible outputs; train raises if all diverged
        kept = [net for i, net in enumerate(networks) if i not in self.histories_.diverged]
        self.ensemble_ = bpnet.Ensemble(kept)
        self.columns_ = data.columns
        return self

    def _read(self, frame: Any, values: Host, seed: int) -> Any:
        """Return the rows with their target as a data set, whose columns are analyzed."""
        # the table may have a column of that name
        name = "target"
        while name in frame.columns:
            name += "_"
        read_as = {"categorical": list(self.categorical)} if len(self.categorical) else None
        with refusing_tables("the rows"):
            # polars has with_columns, and pandas has assign
            if hasattr(frame, "with_columns"):
                import polars as pl

                frame = frame.with_columns(pl.Series(name, values))
            else:
                frame = frame.assign(**{name: values})
        return bpnet.data.load(frame, target=name, task=self._task, columns=read_as, seed=seed)

    def _frame(self, X: Any, *, reset: bool) -> Any:
        """Return the rows as a frame, whose columns must be those of the fit."""
        if is_frame(X):
            # cells may be text or missing: only names and number of columns are checked
            validate_data(self, X, skip_check_array=True, reset=reset)
            # a fit needs two rows, and a prediction one; the words are scikit-learn's
            if len(X) < 1 + reset:
                msg = f"Found array with {len(X)} sample(s) while a minimum of {1 + reset} is"
                raise ValueError(f"{msg} required by {type(self).__name__}.")
            return X
        array = validate_data(
            self, X, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan", reset=reset,
            ensure_min_samples=1 + reset,
        )  # fmt: skip
        return raw.frame_of({f"x{j}": array[:, j] for j in range(array.shape[1])})

    def _outputs(self, X: Any) -> Host:
        """Return the mean outputs of the networks, in float64 where the backend has it."""
        check_is_fitted(self, "ensemble_")
        frame = self._frame(X, reset=False)
        x, _ = raw.encoded(frame, self.columns_)
        chosen = bpnet.backends.select(self.backend, self.device).backend
        dtype: Any = "float64" if "float64" in chosen.dtypes() else "float32"
        a: Host = self.ensemble_.predict(x, chosen, dtype=dtype)
        return a

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


@dataclass(eq=False, repr=False, kw_only=True)
class TableClassifier(ClassifierMixin, _Table):  # type: ignore[misc]
    """An ensemble that predicts classes of a table's rows, trained by the recipe for tables.

    Columns are encoded as by ``bpnet train``: numbers are standardized, a column of text becomes
    one input for each category, and a date becomes its parts; missing values have inputs of their
    own.

    Parameters
    ----------
    recipe : "table" or TableRecipe
        Recipe of the training; ``dataclasses.replace(bpnet.TableRecipe(), members=1)`` changes it.
    categorical : sequence of str
        Columns whose values are categories, even if they are numbers.
    random_state : int, RandomState or None
        Seed of the first weights, the folds and the order.
    backend, device, threads : optional
        As in :func:`bpnet.train`.

    Attributes
    ----------
    classes_ : array
        Labels of the classes.
    ensemble_ : bpnet.Ensemble
        The networks, to be saved, exported or looked at.
    columns_ : bpnet.data.Columns
        Types and statistics of the columns.
    histories_ : list of dicts
        The history of each network, as :func:`bpnet.train` returns it.
    n_features_in_ : int
        Number of columns of the table.
    feature_names_in_ : array
        Names of the columns, if the table is a frame.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> TableClassifier(random_state=1).fit(X, y).score(X, y) > 0.9
    True
    """

    _task = "classify"
    _output = "softmax"

    def _values(self, y: Host) -> Host:
        """Return the class number of each row."""
        check_classification_targets(y)
        check_exact(np.asarray(y), "y")
        # class numbers are the targets, so that classes of any type are decoded here
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            msg = f"y has the one class {self.classes_[0]}; {type(self).__name__} needs two"
            raise ValueError(msg)
        return np.asarray(numbers)

    def predict_proba(self, X: Any) -> Host:
        """Return the probability of each class, (m, n_classes), in the order of ``classes_``."""
        return self._outputs(X)

    def predict(self, X: Any) -> Host:
        """Return the class of each row, (m,)."""
        numbers = self._outputs(X).argmax(axis=1)
        return np.asarray(self.classes_[numbers])


@dataclass(eq=False, repr=False, kw_only=True)
class TableRegressor(RegressorMixin, _Table):  # type: ignore[misc]
    """An ensemble that predicts numbers for a table's rows, trained by the recipe for tables.

    Parameters
    ----------
    **parameters
        Those of :class:`TableClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> TableRegressor(random_state=1).fit(X, y).score(X, y) > 0.4
    True
    """

    _task = "regress"
    _output = "identity"

    def _values(self, y: Host) -> Host:
        return np.asarray(y, np.float64)

    def predict(self, X: Any) -> Host:
        """Return the number of each row, (m,)."""
        a = self._outputs(X)
        return np.asarray(self.columns_.decode_target(a)[:, 0])
