"""Words of other libraries for what bpnet has, and what to answer to a name that it does not know.

A word is answered with what means the same here, or not at all: the name that is spelled most alike
may be another thing, as ``mae`` is beside ``mse`` and ``--l2`` beside ``--lr``.
"""

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher

ABSENT = ""
"""Stands for what bpnet has not: its words are never taken for slips of another."""

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
"""For each kind of name bpnet's own, and the words that mean it; what follows ``;`` is said too."""


def learn(kind: str, words: Mapping[str, str]) -> None:
    """Add names of a kind, each with the words that mean it, declared where the name is."""
    WORDS[kind].update({name: said for name, said in words.items() if said})


def hint(kind: str, given: object, names: Iterable[str]) -> str:
    """End of the message on an unknown name: the one that was meant, or all there are.

    Examples
    --------
    >>> hint("cost", "mse", ["quadratic", "mae"])
    "did you mean 'quadratic'? (half the squared error)"
    >>> hint("cost", "rmse", ["quadratic", "mae"])
    'choose one of quadratic, mae'
    """
    names = list(names)
    name, note = meant(kind, given, names)
    if not name:
        return f"choose one of {', '.join(names)}"
    said = name if kind == "option" else repr(name)
    return f"did you mean {said}?" + (f" ({note})" if note else "")


def meant(kind: str, given: object, names: Iterable[str]) -> tuple[str, str]:
    """The name, or the argument, that a word stands for, and what is to be said of it; or empty.

    A word of another library is taken by its meaning; anything else for a slip of the name or the
    word that it is nearest to.
    """
    names, word = list(names), _bare(str(given))
    own = {_bare(name): name for name in reversed(names)}
    if word in own:
        return own[word], ""
    others = _meanings(kind, names)
    if word not in others:
        nearest = _nearest(word, own, others)
        if nearest in own:
            return own[nearest], ""
        word = nearest
    name, _, note = others.get(word, ABSENT).partition("; ")
    return name, note


def _meanings(kind: str, names: list[str]) -> dict[str, str]:
    """Words of a kind, each with the first meaning that is among the names."""
    found: dict[str, str] = {}
    for meaning, words in WORDS.get(kind, {}).items():
        there = meaning == ABSENT or meaning.partition("; ")[0].partition("=")[0] in names
        for word in words.split():
            if there or meaning != ABSENT:
                found.setdefault(_bare(word), ABSENT)
            if there and found[_bare(word)] == ABSENT:
                found[_bare(word)] = meaning
    return found


def _nearest(word: str, own: Iterable[str], others: Iterable[str]) -> str:
    """What a word may be a slip of; names come before words that are as near."""
    if len(word) < 3:
        return ""
    alike = [(_ratio(word, one), 1, one) for one in own]
    alike += [(_ratio(word, one), 0, one) for one in others]
    ratio, _, nearest = max(alike, default=(0.0, 0, ""))
    return nearest if ratio >= (0.66 if len(word) < 5 else 0.72) else ""


def _ratio(word: str, other: str) -> float:
    """How much alike two words are; letters that changed places count as the likeliest slip."""
    same = sorted(word) == sorted(other)
    return SequenceMatcher(None, word, other).ratio() + (0.2 if same else 0.0)


def _bare(name: str) -> str:
    """A name without case, blanks, hyphens and underscores."""
    return "".join(c for c in name.lower() if c.isalnum())
