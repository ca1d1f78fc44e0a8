"""What `bpnet` alone says, and how the options of a long help are grouped."""

import typer
from typer.core import TyperCommand

from bpnet.cli import screen
from bpnet.runs.configuration import COURSE, LAYOUT
from bpnet.training.recipe import OPTIONS, PLACE, REGULAR

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
    "Training": ("score", "seeds"),
    "Data": (
        "target",
        "task",
        "drop",
        "categorical",
        "numeric",
        "separator",
        "validation",
        "test",
        "folds",
        "stream",
        "shuffle",
        "buffer",
    ),
    PLACE: ("timeout",),
    "The run": ("out", "resume", "live", "tensorboard", "tensorboard_folder", "json_", "quiet"),
}
"""Of the options that are not declared with one."""

PANELS = {
    **{
        about.flag: about.panel for about in {**LAYOUT, **COURSE, **OPTIONS}.values() if about.panel
    },
    **{option: panel for panel, held in _PANELS.items() for option in held},
}
"""Panel of the help that an option of a training command stands in."""


_ORDER = f"Network, Training, {REGULAR}, Data, {PLACE}, The run"


class Grouped(TyperCommand):
    """A command whose options stand in the panels of :data:`PANELS`."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        for option in self.params:
            if option.name in PANELS and hasattr(option, "rich_help_panel"):
                option.rich_help_panel = PANELS[option.name]
        self.params.sort(key=lambda option: _ORDER.find(PANELS.get(str(option.name), "")))
