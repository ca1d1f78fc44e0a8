"""``MLPRegressor``: a network that predicts numbers, with scikit-learn's interface."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from bpnet.sklearn.base import Base
from bpnet.sklearn.conventions import COMMON
from bpnet.sklearn.fitting import Host


@dataclass(eq=False, repr=False)
class MLPRegressor(RegressorMixin, Base):  # type: ignore[misc]
    """A network that predicts numbers, in place of :class:`sklearn.neural_network.MLPRegressor`.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}
        Half the squared error, or half the Poisson deviance with an exponential output.
    output_activation : str or Activation, optional
        The default is the identity; for ``"poisson"`` it is the exponential.
    cost : str or object with ``value`` and ``delta``, optional
        Cost in place of ``loss``.
    scoring : str, callable or None
        What early stopping watches: a scorer of scikit-learn, ``"loss"``, or None for R2.
    **others
        All other parameters are those of :class:`bpnet.sklearn.MLPClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> est = MLPRegressor(hidden_layer_sizes=3, solver="lbfgs", tol=1.0, random_state=1)
    >>> est.set_params(max_iter=5000).fit(X, y).score(X, y) > 0.4
    True
    """

    # the order of scikit-learn's signature, where these may be positional
    loss: str = "squared_error"
    hidden_layer_sizes: Any = (100,)
    activation: Any = "relu"

    _metric = staticmethod(r2_score)
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **COMMON,
        "loss": [StrOptions({"squared_error", "poisson"})],
    }

    def build(self, n_features: int, n_outputs: int = 1, dtype: str | None = None) -> Any:
        """Draw first weights without a fit.

        Parameters
        ----------
        n_features, n_outputs : int
            Number of features, and of numbers to predict.
        dtype : str, optional
            The default is ``dtype`` of the estimator, or float64.
        """
        return self._build([n_features, n_outputs], dtype)

    @available_if(lambda est: est._goes_by_batches())  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit one more epoch; three calls give the bits of one ``fit`` of three epochs.

        Parameters
        ----------
        X, y, sample_weight
            As in :meth:`fit`.
        """
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def _values(self, y: Any) -> Host:
        """Return rows of numbers, (m, n_outputs)."""
        rows: Host = np.asarray(y)
        # a cost takes rows, also of one output
        return rows.reshape(-1, 1) if rows.ndim == 1 else rows

    def _decode(self, a: Host) -> Host:
        # targets in one dimension are answered in one dimension
        flat: Host = a.ravel() if a.shape[1] == 1 else a
        return flat

    def _suited_output(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"
