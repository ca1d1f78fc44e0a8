"""What `bpnet` alone says."""

import typer

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
