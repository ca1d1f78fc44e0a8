"""``MLPClassifier``: a network that predicts classes, with scikit-learn's interface."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from bpnet import Network
from bpnet.core import metrics
from bpnet.data.labels import check_exact
from bpnet.sklearn import conventions
from bpnet.sklearn.base import Base
from bpnet.sklearn.conventions import COMMON
from bpnet.sklearn.fitting import Host


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, Base):  # type: ignore[misc]
    """A network that predicts classes, in place of :class:`sklearn.neural_network.MLPClassifier`.

    The parameters up to ``max_fun`` and the fitted attributes mean what they mean there, with the
    same defaults. With the same ``random_state`` the first weights and the batches are the same.
    With scikit-learn 1.9 or newer ``set_callbacks`` takes scikit-learn's callbacks
    (``ProgressBar``, ``ScoringMonitor``): each epoch, or iteration of lbfgs, is a task of the fit.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        Number of neurons of each hidden layer.
    activation : str, Activation or list with one per hidden layer
        ``"identity"``, ``"logistic"``, ``"tanh"``, ``"relu"``, or any other of bpnet.
    solver : str or Optimizer
        ``"lbfgs"``, ``"sgd"``, ``"adam"``, or any other optimizer of bpnet.
    alpha : float
        Strength of L2, which each step divides by the size of its batch.
    batch_size : int or "auto"
        Examples in a step; the default is 200, or all examples where there are fewer.
    learning_rate : str or Schedule
        ``"constant"``; ``"invscaling"`` and ``"adaptive"`` with sgd; or a schedule of bpnet.
    learning_rate_init : float
        Learning rate, eta.
    power_t : float
        Exponent of ``"invscaling"``.
    max_iter : int
        Largest number of epochs, or of iterations of lbfgs.
    shuffle : bool
        Whether every epoch draws an order of its own.
    random_state : int, RandomState or None
        Seed of the first weights, the order, the examples held out, and the masks of dropout.
    tol : float
        Smallest improvement of the loss or score that counts; for lbfgs the largest gradient.
    verbose : bool
        Whether to print the loss of each epoch.
    warm_start : bool or "exact"
        Whether ``fit`` goes on from the weights of the last fit; with "exact" also from the state
        of its optimizer, its learning rate and its random state.
    momentum : float
        Momentum of sgd, mu.
    nesterovs_momentum : bool
        Whether the momentum is Nesterov's.
    early_stopping : bool
        Whether a share of the examples is held out, and the fit ends when their score no longer
        improves; the weights are then those of the best score.
    validation_fraction : float
        Share of the examples that is held out.
    beta_1, beta_2, epsilon : float
        Parameters of adam.
    n_iter_no_change : int
        Epochs without an improvement after which the fit ends.
    max_fun : int
        Largest number of evaluations of lbfgs.
    class_weight : dict, "balanced" or None
        Weight of each class, on top of ``sample_weight``.
    output_activation : str or Activation, optional
        The default is softmax; sigmoid for two classes, and for labels of which an example may
        have several.
    initializer : str or Initializer
        The default is scikit-learn's.
    cost : str or object with ``value`` and ``delta``, optional
        The default is cross-entropy.
    dropout : float
        Probability with which a value of a hidden layer is dropped in training.
    norm : {"batch", "layer"}, optional
        Normalization after the hidden layers.
    l1, max_norm, clip_norm : float
        As in :func:`bpnet.train`; like ``alpha``, L1 is divided by the size of the batch.
    scoring : str, callable or None
        What early stopping watches: a scorer of scikit-learn, ``"loss"``, or None for accuracy.
    callbacks : list of bpnet.Callback, optional
        Called between epochs.
    backend, device : optional
        As in :func:`bpnet.train`, without "fastest"; the default is where ``X`` is.
    dtype : {"float64", "float32", "float16", "bfloat16"}, optional
        Dtype of the fit. None is that of ``X``, and float64 where that is not float32.
    precision : {"tf32"}, optional
        Precision of the products of a fit, as in :func:`bpnet.train`.
    threads : int, optional
        As in :func:`bpnet.train`.

    Attributes
    ----------
    classes_ : array or list of arrays
        Labels of the classes.
    coefs_, intercepts_ : list of arrays, (n_in, n_out) and (n_out,)
        Weights and biases; NumPy, whatever the backend.
    loss_, best_loss_, loss_curve_ : float, float or None, list
        Loss of the last epoch, the smallest loss, and the loss of every epoch.
    validation_scores_, best_validation_score_ : list or None, float or None
        Scores on the validation examples, where there are some.
    n_iter_, t_ : int
        Epochs of this fit, and examples taken since the first weights.
    n_features_in_, n_layers_, n_outputs_ : int
        Numbers of features, of layers and of outputs.
    feature_names_in_ : array
        Names of the columns, if ``X`` is a frame.
    out_activation_ : str
        Name of the output's activation.
    history_ : dict of lists
        As :func:`bpnet.train` returns it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> est = MLPClassifier(16, tol=1e-2, dropout=0.1, learning_rate_init=0.01, random_state=1)
    >>> est.fit(X, y).score(X, y) > 0.9
    True
    """

    # the first two may be positional, as in scikit-learn
    hidden_layer_sizes: Any = (100,)
    activation: Any = "relu"
    class_weight: Any = field(default=None, kw_only=True)

    loss = "log_loss"
    _metric = staticmethod(accuracy_score)
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **COMMON,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def build(self, n_features: int, classes: Any, dtype: str | None = None) -> Any:
        """Draw first weights without a fit.

        Parameters
        ----------
        n_features : int
            Number of features.
        classes : array
            Labels of all classes.
        dtype : str, optional
            The default is ``dtype`` of the estimator, or float64.
        """
        self._label_binarizer = LabelBinarizer().fit(classes)
        self.classes_ = self._label_binarizer.classes_
        # one sigmoid tells two classes apart
        n_outputs = len(self.classes_) if len(self.classes_) > 2 else 1
        return self._build([n_features, n_outputs], dtype)

    @available_if(lambda est: est._goes_by_batches())  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Fit one more epoch; three calls give the bits of one ``fit`` of three epochs.

        Parameters
        ----------
        X, y, sample_weight
            As in :meth:`fit`.
        classes : array, optional
            Labels of all classes; they are needed in the first call.
        """
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            # for rows of labels the binarizer is fitted to rows, not to the names of labels
            labels = y if type_of_target(y).startswith("multilabel") else classes
            self._label_binarizer.fit(labels)
        self._fit(X, y, sample_weight, incremental=True)
        return self

    @available_if(lambda est: est._gives_probabilities())  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Host:
        """Return the probability of each class, (m, n_classes), in the order of ``classes_``."""
        a = self._outputs(X)
        # one output is the probability of the second class
        return np.hstack([1 - a, a]) if a.shape[1] == 1 else a

    @available_if(lambda est: est._gives_probabilities())  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Host:
        """Return the logarithm of :meth:`predict_proba`."""
        probabilities = self.predict_proba(X)
        return np.asarray(np.log(probabilities, out=probabilities))

    def _gives_probabilities(self) -> bool:
        output = self.output_activation
        return output is None or metrics.is_probability(conventions.activation(output))

    def _check_classes(self, y: Any, *, incremental: bool) -> None:
        check_exact(np.asarray(y), "y")
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            return
        labels = unique_labels(y)
        if self.warm_start and not incremental and set(labels) != set(self.classes_):
            msg = "warm_start can only be used where `y` has the same classes as in the previous "
            msg += f"call to fit. Previously got {self.classes_}, `y` has {labels}"
            raise ValueError(msg)
        if len(np.setdiff1d(labels, self.classes_)):
            msg = f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
            raise ValueError(f"{msg}'y' has {labels}.")

    def _values(self, y: Any) -> Host:
        """Return class numbers, (m,), of exclusive classes; else rows of 0 and 1."""
        # classes_ are sorted; class numbers become one-hot rows batch by batch
        if self._label_binarizer.y_type_ == "multiclass":
            return np.asarray(np.searchsorted(self.classes_, y), dtype=np.int32)
        rows = self._label_binarizer.transform(y)
        # the binarizer returns a sparse matrix for sparse rows of labels
        return np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, dtype=np.float64)

    def _decode(self, a: Host) -> Host:
        # outputs that are no probabilities are decided at 0
        middle = metrics.middle(self._layers[-1].activation)
        flat = a.ravel() if a.shape[1] == 1 else a
        return np.asarray(self._label_binarizer.inverse_transform(flat, threshold=middle))

    def _network(self) -> Network:
        network = super()._network()
        network.labels = self._label_binarizer.y_type_.startswith("multilabel")
        # labels do not exclude one another, and a Network's classes do
        network.classes = None if network.labels or len(self.classes_) < 2 else self.classes_
        return network

    def _suited_output(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "sigmoid"

    def _weigh(self, y: Any, sample_weight: Host | None) -> Host | None:
        if self.class_weight is None:
            return sample_weight
        weights: Host = compute_sample_weight(self.class_weight, y)
        return weights if sample_weight is None else weights * sample_weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
