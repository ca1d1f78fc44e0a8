"""``Base``: what classifier and regressor share, which is checks, first weights, prediction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

import bpnet
from bpnet import Callback, Network
from bpnet.arguments import accepted, fits, shown
from bpnet.core import layers
from bpnet.core.activations import Activation
from bpnet.core.feedforward import Parameters
from bpnet.data import batches
from bpnet.errors import InputError
from bpnet.sklearn import conventions, fitting, inputs
from bpnet.sklearn.conventions import COMMON
from bpnet.sklearn.fitting import Examples, Fit, Host, LBFGSFit
from bpnet.sklearn.progress import CallbackSupportMixin, Tasks, with_callbacks
from bpnet.sklearn.stochastic import StochasticFit
from bpnet.training.planning import check_callbacks


# scikit-learn reads the parameters from the signature that the dataclass generates
@dataclass(eq=False, repr=False, kw_only=True)
class Base(CallbackSupportMixin, BaseEstimator):  # type: ignore[misc]
    """A network with scikit-learn's interface; see :class:`bpnet.sklearn.MLPClassifier`.

    Its parameters are those that every estimator takes by name.
    """

    solver: Any = "adam"
    alpha: float = 0.0001
    batch_size: Any = "auto"
    learning_rate: Any = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    max_iter: int = 200
    shuffle: bool = True
    random_state: Any = None
    tol: float = 1e-4
    verbose: Any = False
    warm_start: Any = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: float = 10
    max_fun: int = 15000
    output_activation: Any = None
    initializer: Any = "auto"
    cost: Any = None
    dropout: float = 0.0
    norm: str | None = None
    l1: float = 0.0
    max_norm: float = 0.0
    clip_norm: float = 0.0
    scoring: Any = None
    callbacks: Any = None
    backend: Any = None
    device: Any = None
    dtype: str | None = None
    precision: str | None = None
    threads: int | None = None

    _parameter_constraints: ClassVar[dict[str, Any]] = COMMON

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Fit the network to examples and targets.

        Parameters
        ----------
        X : array, frame or sparse matrix, (m, n)
            Examples, of any library.
        y : array, (m,) or (m, n_outputs)
            Class labels of any type, rows of labels, or numbers.
        sample_weight : array, (m,), optional
            Weights of the examples.
        X_val, y_val : array, optional
            Validation examples. Their scores after every epoch are ``validation_scores_``, and
            with ``early_stopping`` they stop the fit, in place of a share of ``X``.

        Returns
        -------
        self
            The fitted estimator.
        """
        if (X_val is None) != (y_val is None):
            one, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
            raise ValueError(f"{one} was given without {missing}; give both")
        self._fit(X, y, sample_weight, None if X_val is None else (X_val, y_val))
        return self

    @with_callbacks  # type: ignore[untyped-decorator]
    def _fit(self, *examples: Any, incremental: bool = False) -> None:
        """Run a fit from its begin to its end."""
        fit = self._begin(*examples, incremental=incremental)
        fitting.run([fit])
        fit.finish()

    def _begin(
        self, X: Any, y: Any, weights: Any = None, validation: Any = None, *, incremental: bool
    ) -> Fit:
        """Check the arguments, draw first weights for a new network, and store the data."""
        self._validate_params()
        accepted("callbacks", self.callbacks, Sequence[Callback] | None)
        check_callbacks(self.callbacks or ())
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        hidden = self._hidden_sizes()
        # coefs_ may also be those of build(), which partial_fit and a warm start go on from
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        backend = inputs.choose(self, X)
        examples = self._check_examples(X, y, weights, reset=first, incremental=incremental)
        values = examples.values
        outputs = len(self.classes_) if values.ndim == 1 else int(values.shape[1])
        sizes = [int(examples.X.shape[1]), *hidden, outputs]
        if first or not (incremental or self.warm_start == "exact"):  # else the last fit goes on
            self._random_state = check_random_state(self.random_state)
            self._optimizer = None
        if first:
            # weights are drawn before early stopping splits the examples, as in scikit-learn
            self._initialize(sizes, inputs.float_dtype(self, examples.X, backend))
        sizes_before = [self.coefs_[0].shape[0], *(b.shape[0] for b in self.intercepts_)]
        if sizes_before != sizes:
            msg = f"the network has the sizes {sizes_before} and the parameters ask for {sizes}"
            raise ValueError(f"{msg}; set warm_start=False to begin anew")
        weighed = examples._replace(weights=self._weigh(examples.y, examples.weights))
        with backend.session(self._dtype):
            if self.solver == "lbfgs":
                fit: Fit = LBFGSFit(self, backend, weighed, validation)
            else:
                checked = validation and self._check_examples(*validation)
                fit = StochasticFit(self, backend, weighed, checked, incremental=incremental)
        # the attribute is there only where scikit-learn was given callbacks
        if hasattr(self, "_skl_callbacks"):
            fit.tasks = Tasks(fit, X, examples)
            fit.member.callbacks.append(fit.tasks)
        return fit

    def _check_examples(
        self, X: Any, y: Any, weights: Any = None, *, reset: bool = False, incremental: bool = True
    ) -> Examples:
        """Check examples, targets and weights against each other and against earlier fits."""
        X, y = inputs.examples(self, X, y, reset=reset)
        self._check_classes(y, incremental=incremental)
        if weights is not None:
            # the check takes NumPy arrays, and X may be on a device
            weights = _check_sample_weight(weights, np.empty((X.shape[0], 1)))
        return Examples(X, y, self._values(y), weights)

    def _hidden_sizes(self) -> list[int]:
        option = self.hidden_layer_sizes
        sizes = list(option) if hasattr(option, "__iter__") else [option]
        if not fits(sizes, list[int]):
            raise ValueError(f"hidden_layer_sizes must be whole numbers > 0, got {shown(option)}.")
        if any(n <= 0 for n in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(n) for n in sizes]

    def _sigmas(self, count: int) -> list[Activation]:
        """Return the activations of ``count`` hidden layers and of the output."""
        option = self.activation
        each = list(option) if isinstance(option, list | tuple) else [option] * count
        if len(each) != count:
            msg = f"activation has {len(each)} entries for {count} hidden layers; match them"
            raise ValueError(msg)
        output = self.output_activation or self._suited_output()
        return [conventions.activation(sigma) for sigma in (*each, output)]

    def _initialize(self, sizes: list[int], dtype: str) -> None:
        """Set layers, first weights, and the attributes of a fit that has not begun."""
        self.n_iter_, self.t_ = 0, 0
        self.n_outputs_, self.n_layers_ = sizes[-1], len(sizes)
        sigmas = self._sigmas(len(sizes) - 2)
        self.out_activation_ = conventions.name(sigmas[-1])
        self._layers = conventions.make_layers(sizes, sigmas, dropout=self.dropout, norm=self.norm)
        # parameters of a fit in half precision are kept in float32
        kept = batches.host_dtype(dtype)
        # the first weights of the output depend on the activation of the hidden layers
        one = sigmas[0] if sigmas[1:] or not isinstance(self.activation, str) else self.activation
        hidden = [*sigmas[:-1], conventions.activation(one)]
        pairs = [
            conventions.first_weights(n_in, n_out, sigma, self.initializer, self._random_state)
            for n_in, n_out, sigma in zip(sizes[:-1], sizes[1:], hidden, strict=True)
        ]
        self.coefs_ = [W.astype(kept, copy=False) for W, _ in pairs]
        self.intercepts_ = [b.astype(kept, copy=False) for _, b in pairs]
        self._others = [
            ()
            if isinstance(layer, layers.Dense)
            else tuple(np.full(*pair, kept) for pair in zip(layer.shapes, layer.start, strict=True))
            for layer in self._layers
        ]
        self._dtype = dtype
        # without masks nothing is drawn here, so that the batches stay those of scikit-learn
        masks = layers.differs_in_training(self._layers)
        self._seed = self._random_state.randint(2**31) if masks else 0
        self._optimizer = None
        # a fit by lbfgs has no such attributes in scikit-learn either
        if self.solver != "lbfgs":
            stops = self.early_stopping
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            self.validation_scores_: list[float] | None = [] if stops else None
            self.best_validation_score_ = -np.inf if stops else None
            self.best_loss_ = None if stops else np.inf

    def _parameters(self) -> Parameters:
        """Return the arrays of each layer; dense ones have ``coefs_`` and ``intercepts_``."""
        pairs = zip(self.coefs_, self.intercepts_, strict=True)
        return tuple(
            next(pairs) if isinstance(layer, layers.Dense) else others
            for layer, others in zip(self._layers, self._others, strict=True)
        )

    def _take(self, parameters: Parameters) -> None:
        """Keep the arrays of each layer in the same lists, which the user may hold."""
        both = list(zip(self._layers, parameters, strict=True))
        dense = [arrays for layer, arrays in both if isinstance(layer, layers.Dense)]
        self.coefs_[:] = [W for W, _ in dense]
        self.intercepts_[:] = [b for _, b in dense]
        self._others = [() if isinstance(layer, layers.Dense) else a for layer, a in both]

    def _outputs(self, X: Any) -> Host:
        """Return the outputs of the network, (m, n_outputs), computed in bounded batches."""
        check_is_fitted(self, "coefs_")
        backend = inputs.choose(self, X)
        if inputs.is_foreign(X):
            X = inputs.device_examples(self, X, backend, reset=False)
        else:
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        with backend.session(self._dtype):
            return batches.predict(
                self._layers, self._parameters(), X,
                scale=None, backend=backend, dtype=self._dtype,
            )  # fmt: skip

    def predict(self, X: Any) -> Any:
        """Return the class or number of each example, (m,); of several outputs (m, n_outputs)."""
        return self._decode(self._outputs(X))

    def to_network(self) -> Network:
        """Return the network as a :class:`bpnet.Network`, to be saved, exported or trained on."""
        check_is_fitted(self, "coefs_")
        # a regressor has no classes, and two letters stand for enough of them
        if len(getattr(self, "classes_", "ab")) < 2:
            msg = f"the estimator knows one class, {self.classes_[0]}; a network tells at least two"
            raise InputError(msg)
        return self._network()

    def _network(self) -> Network:
        # coefs_ are (n_in, n_out), and a Network takes W as (n_out, n_in)
        init = [(a[0].T, *a[1:]) if a else () for a in self._parameters()]
        return bpnet.Network(list(self._layers), init=init)

    def _check_classes(self, y: Any, *, incremental: bool) -> None:
        """Compare the classes of targets with those of earlier fits; a regressor has none."""

    def _weigh(self, y: Any, sample_weight: Host | None) -> Host | None:
        """Return the weights of the examples, by their own and by their class."""
        return sample_weight

    def _build(self, sizes: list[int], dtype: str | None) -> Any:
        self._validate_params()
        self._random_state = check_random_state(self.random_state)
        self.n_features_in_ = sizes[0]
        sizes = [sizes[0], *self._hidden_sizes(), sizes[-1]]
        self._initialize(sizes, dtype or self.dtype or "float64")
        return self

    def _goes_by_batches(self) -> bool:
        # available_if hides the method where this raises an AttributeError
        if self.solver == "lbfgs":
            msg = "partial_fit is only available for stochastic optimizers. "
            raise AttributeError(f"{msg}{self.solver} is not stochastic.")
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
