"""Other libraries' words for bpnet's names, and suggestions for unknown names.

For a word of another library the suggestion is the name of the same meaning, or none: a name of
similar spelling may mean another thing, as ``mae`` for ``mse``, or ``--l2`` for ``--lr``.
"""

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher

ABSENT = ""
"""Key of words for features that bpnet lacks, which are never taken for misspellings."""

_ADAM = "optimizer=bpnet.optimizers.Adam(learning_rate=0.001)"

WORDS: dict[str, dict[str, str]] = {
    "activation": {
        "identity": "linear none lin id",
        "sigmoid": "logistic logsig expit",
        "tanh": "tansig hyperbolic_tangent",
        "relu": "rectifier rectified_linear_unit poslin ramp",
        "leaky_relu": "lrelu",
        "gelu": "gelu_exact",
        "silu": "swish swish1",
        "softplus": "soft_plus",
        "exp": "exponential",
        "softmax": "soft_max",
        ABSENT: "relu6 prelu rrelu celu crelu glu geglu swiglu mish maxout softsign softmin "
        "log_softmax log_sigmoid hard_sigmoid hard_swish hard_tanh sparsemax sin step",
    },
    "cost": {
        "quadratic; half the squared error": "mse mse_loss mean_squared_error squared_error l2 "
        "l2_loss sse least_squares euclidean squared_loss",
        "cross_entropy": "bce bce_loss bce_with_logits binary_crossentropy ce ce_loss xent "
        "categorical_crossentropy sparse_categorical_crossentropy log_loss logloss nll nll_loss "
        "negative_log_likelihood cross_entropy_loss softmax_cross_entropy logistic deviance",
        "mae": "l1 l1_loss mean_absolute_error absolute_error",
        "huber": "smooth_l1 smooth_l1_loss huber_loss",
        "poisson": "poisson_nll poisson_nll_loss poisson_loss poisson_deviance",
        "hinge": "hinge_loss",
        ABSENT: "rmse mape msle smape kl kl_div kl_divergence focal focal_loss dice logcosh gamma "
        "squared_hinge categorical_hinge cosine_similarity contrastive triplet ctc quantile "
        "pinball tweedie",
    },
    "optimizer": {
        "sgd": "gd gradient_descent stochastic_gradient_descent batch_gradient_descent",
        "momentum": "sgd_momentum heavy_ball msgd",
        "nesterov": "nag nesterov_momentum nesterovs_momentum",
        "lbfgs": "l_bfgs_b bfgs",
        "adamw": "adam_weight_decay",
        ABSENT: "adadelta adamax nadam radam amsgrad adafactor adabelief lamb lars lion muon ftrl "
        "asgd rprop sophia sparse_adam newton cg",
    },
    "schedule": {
        "constant": "none fixed",
        "step": "step_lr step_decay",
        "exponential": "exponential_lr exponential_decay exp",
        "inverse_scaling": "invscaling inverse_sqrt inverse_time inverse_time_decay",
        "cosine": "cosine_annealing cosine_annealing_lr cosine_decay cos",
        "warm_up": "linear_warmup",
        "one_cycle": "one_cycle_lr",
        "on_plateau": "reduce_lr_on_plateau plateau adaptive",
        ABSENT: "polynomial polynomial_decay linear linear_lr multi_step multi_step_lr cyclic "
        "cyclic_lr cosine_restarts cosine_annealing_warm_restarts noam find",
    },
    "initializer": {
        "glorot_uniform": "xavier_uniform xavier_uniform_",
        "glorot_normal": "xavier_normal xavier_normal_",
        "glorot": "xavier",
        "he": "kaiming",
        "he_normal": "kaiming_normal kaiming_normal_",
        "he_uniform": "kaiming_uniform kaiming_uniform_",
        "zeros": "zero",
        ABSENT: "ones constant uniform random_uniform random_normal truncated_normal trunc_normal "
        "variance_scaling sparse dirac eye identity",
    },
    "norm": {
        "batch": "batch_norm bn batch_normalization batchnorm1d",
        "layer": "layer_norm ln layer_normalization",
        ABSENT: "group group_norm instance instance_norm rms rms_norm weight spectral",
    },
    "layer": {
        "dense": "linear fully_connected fc",
        "batch_norm": "batch bn batchnorm1d batch_normalization",
        "layer_norm": "layer ln layer_normalization",
        ABSENT: "conv conv2d embedding flatten lstm gru attention activation",
    },
    "metric": {
        "accuracy": "acc categorical_accuracy sparse_categorical_accuracy binary_accuracy "
        "accuracy_score",
        "balanced_accuracy": "balanced_acc balanced_accuracy_score bacc",
        "f1": "f1_score f1_macro f_score fscore f_measure",
        "auc": "auroc roc_auc auc_roc roc_auc_score roc",
        "log_loss": "logloss cross_entropy crossentropy nll bce ce xent neg_log_loss "
        "categorical_crossentropy binary_crossentropy",
        "top_5": "top5 top_k top_k_accuracy top_k_categorical_accuracy top_5_accuracy",
        "mse": "mean_squared_error neg_mean_squared_error l2 squared_error",
        "mae": "mean_absolute_error neg_mean_absolute_error l1 absolute_error",
        "rmse": "root_mean_squared_error neg_root_mean_squared_error",
        "r2": "r2_score r_squared rsquared explained_variance",
        ABSENT: "precision recall mcc matthews kappa pr_auc average_precision specificity "
        "sensitivity mape medae hamming jaccard",
    },
    "backend": {
        "cupy": "gpu cuda nvidia",
        "torch": "pytorch",
        "jax": "jaxlib xla",
        "dpnp": "intel oneapi sycl",
        "numpy": "np cpu",
        ABSENT: "tensorflow tf mlx dask paddle mxnet keras mps rocm tpu",
    },
    "dtype": {
        "float64": "float double fp64 f64 float_",
        "float32": "single fp32 f32",
        "float16": "half fp16 f16",
        "bfloat16": "bf16",
        ABSENT: "float8 fp8 tf32 float128 longdouble",
    },
    "option": {
        "learning_rate": "lr eta alpha0 learning_rate_init step_size initial_lr base_lr",
        _ADAM: "lr learning_rate eta learning_rate_init step_size momentum beta1 beta_1 beta2 "
        "beta_2 eps epsilon",
        "batch_size": "batch bs minibatch mini_batch mini_batch_size minibatch_size "
        "per_device_batch_size",
        "epochs": "epoch n_epochs num_epochs nepochs max_epochs nb_epoch max_iter iterations iters "
        "n_iter num_iterations steps",
        "l2; which is weight decay times the number of examples": "weight_decay wd decay",
        "l2": "alpha l2_regularization l2_reg reg reg_lambda lambda lambda_ lmbda regularization "
        "penalty l2_penalty",
        "cost": "loss criterion loss_function loss_fn objective cost_function",
        "optimizer": "opt optim solver algorithm optimiser",
        "activation": "activations hidden_activation nonlinearity transfer act",
        "sizes": "hidden_layer_sizes layers layer_sizes units hidden_sizes shape neurons dims",
        "hidden": "activation activations hidden_activation nonlinearity transfer act "
        "hidden_layer_sizes layers layer_sizes units hidden_sizes neurons",
        "n_in": "in_features n_features n_inputs",
        "n_out": "units out_features n_outputs neurons",
        "output": "output_activation out_activation final_activation last_activation",
        "init": "initializer kernel_initializer weight_init initialization initial_weights",
        "norm": "normalization batch_norm batchnorm layer_norm",
        "validation": "validation_data val_data eval_set validation_split validation_fraction val "
        "val_split valid validation_set dev test_size X_val",
        "metrics": "metric scoring scorer",
        "metric": "scoring scorer",
        "seed": "random_state random_seed rng manual_seed",
        "seeds": "n_seeds repeats",
        "patience": "early_stopping n_iter_no_change early_stopping_rounds",
        "callbacks=[bpnet.EarlyStopping(10)]": "early_stopping patience n_iter_no_change "
        "early_stopping_rounds",
        "callbacks; a bpnet.Callback may print what it is told after each epoch": "verbose "
        "verbosity progress progress_bar callback show_progress log disp",
        "backend=cupy": "gpu cuda use_gpu use_cuda gpus",
        "target": "label labels target_column y_column label_column response",
        "out": "output_dir out_dir save save_dir outdir directory output_file folder",
        "resume": "resume_from resume_from_checkpoint continue restart",
        "checkpoint": "checkpoint_dir checkpoint_path checkpoint_folder ckpt",
        "tensorboard_folder": "log_dir logdir",
        "folds": "cv n_splits kfold cross_validation",
        "sample_weight": "weights sample_weights",
        "quiet": "silent",
        "slope": "negative_slope alpha leak",
        "threshold": "delta beta",
        "rate": "p dropout prob",
        "beta1": "betas beta_1 b1",
        "beta2": "beta_2 b2",
        "epsilon": "eps",
        "rho": "smoothing decay_rate",
        "every": "step_size period",
        "factor": "gamma drop",
        "decay": "gamma decay_rate",
        "least": "min_delta tol threshold",
        "restore": "restore_best_weights restore_best",
        ABSENT: "verbose verbosity debug log_level version warm_start steps_per_epoch",
    },
}
"""For each kind of name bpnet's own names with their synonyms; a note may follow after ``;``."""


def learn(kind: str, words: Mapping[str, str]) -> None:
    """Add the synonyms of names that are declared elsewhere."""
    WORDS[kind].update({name: synonyms for name, synonyms in words.items() if synonyms})


def hint(kind: str, word: object, names: Iterable[str]) -> str:
    """Clause that ends the message on an unknown name: a suggestion, or all names.

    Examples
    --------
    >>> hint("cost", "mse", ["quadratic", "mae"])
    "did you mean 'quadratic'? (half the squared error)"
    >>> hint("cost", "rmse", ["quadratic", "mae"])
    'choose one of quadratic, mae'
    """
    names = list(names)
    name, note = meant(kind, word, names)
    if not name:
        return f"choose one of {', '.join(names)}"
    suggestion = name if kind == "option" else repr(name)
    return f"did you mean {suggestion}?" + (f" ({note})" if note else "")


def meant(kind: str, word: object, names: Iterable[str]) -> tuple[str, str]:
    """Name or argument that a word stands for, and a note on it; both empty without a suggestion.

    A synonym is translated; any other word is taken for a misspelling of the nearest name or
    synonym.
    """
    names, word = list(names), _bare(str(word))
    # of names that differ in case or hyphens only the first counts
    own = {_bare(name): name for name in reversed(names)}
    if word in own:
        return own[word], ""
    synonyms = _meanings(kind, names)
    if word not in synonyms:
        nearest = _nearest(word, own, synonyms)
        if nearest in own:
            return own[nearest], ""
        word = nearest
    name, _, note = synonyms.get(word, ABSENT).partition("; ")
    return name, note


def _meanings(kind: str, names: list[str]) -> dict[str, str]:
    """Synonyms of a kind of name, each with the first of its meanings that is among ``names``."""
    meanings: dict[str, str] = {}
    for meaning, words in WORDS.get(kind, {}).items():
        is_known = meaning.partition("; ")[0].partition("=")[0] in names
        for word in map(_bare, words.split()):
            if is_known and not meanings.get(word):
                meanings[word] = meaning
            # A word of another library is known without a meaning here, so it is no misspelling.
            meanings.setdefault(word, ABSENT)
    return meanings


def _nearest(word: str, names: Iterable[str], synonyms: Iterable[str]) -> str:
    """Most similar name or synonym, of equally similar ones a name; empty if none is near."""
    if len(word) < 3:  # too short to resemble one name more than others
        return ""
    # 1 before 0: at the same ratio a name is preferred to a synonym
    rated = [(_ratio(word, name), 1, name) for name in names]
    rated += [(_ratio(word, synonym), 0, synonym) for synonym in synonyms]
    ratio, _, nearest = max(rated, default=(0.0, 0, ""))
    return nearest if ratio >= (0.66 if len(word) < 5 else 0.72) else ""


def _ratio(word: str, other: str) -> float:
    """Similarity of two words, higher for transposed letters, the likeliest misspelling."""
    is_permutation = sorted(word) == sorted(other)
    return SequenceMatcher(None, word, other).ratio() + (0.2 if is_permutation else 0.0)


def _bare(name: str) -> str:
    """A name without case, blanks, hyphens and underscores."""
    return "".join(c for c in name.lower() if c.isalnum())
