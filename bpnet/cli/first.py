"""What `bpnet` alone says, and how the options of a long help are grouped."""

import typer
from typer.core import TyperCommand

from bpnet.cli import screen

WELCOME = """\
bpnet trains feed-forward neural networks, with the same lines on every array
library: NumPy here, CuPy on a GPU, PyTorch, JAX, dpnp.

Type first:

  bpnet train                              handwritten digits; takes a second
  bpnet evaluate RUN                       judged on what it never saw
  bpnet train houses.csv --target price    your own table
  bpnet backends                           what works here; is there a GPU?

And then:

  bpnet --help                             every command
  bpnet train --help                       every option of one, with examples
  bpnet --install-completion               the Tab key completes what you type
"""


def welcome(context: typer.Context) -> None:
    """Say what to type first, where no command was given."""
    if context.invoked_subcommand is None:
        screen.say(*WELCOME.splitlines())


_PANELS = {
    "Network": ("hidden", "activation", "output", "norm", "init"),
    "Training": (
        "cost", "optimizer", "learning_rate", "schedule", "epochs", "batch_size", "micro_batch",
        "momentum", "patience", "metric", "score", "seed", "seeds",
    ),
    "Against overfitting": ("l2", "l1", "max_norm", "clip_norm", "dropout"),
    "Data": (
        "target", "task", "validation", "folds", "sample_weight", "class_weight", "stream",
        "shuffle", "buffer",
    ),
    "Where it runs": (
        "backend", "device", "dtype", "threads", "precision", "compiled", "reduce", "shards",
        "timeout",
    ),
    "The run": (
        "out", "resume", "checkpoint_minutes", "on_error", "live", "tensorboard",
        "tensorboard_folder", "json_", "quiet",
    ),
}  # fmt: skip

PANELS = {option: panel for panel, held in _PANELS.items() for option in held}
"""Panel of the help that an option of a training command stands in."""


class Grouped(TyperCommand):
    """A command whose options stand in the panels of :data:`PANELS`."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        for option in self.params:
            if option.name in PANELS and hasattr(option, "rich_help_panel"):
                option.rich_help_panel = PANELS[option.name]
