"""The welcome that ``bpnet`` prints without a command."""

import typer

from bpnet.cli import screen

WELCOME = """\
bpnet trains feed-forward neural networks, with the same code on every
array library: NumPy, CuPy on a GPU, PyTorch, JAX, dpnp.

First steps:

  bpnet train                              train on handwritten digits
  bpnet evaluate RUN                       evaluate that run on its test rows
  bpnet train houses.csv --target price    train on a table of your own
  bpnet backends                           list the libraries that work here

More:

  bpnet --help                             list every command
  bpnet train --help                       list the options of train
  bpnet --install-completion               complete commands with the Tab key
"""


def welcome(context: typer.Context) -> None:
    """Print the first commands to type, unless the user has named a command."""
    if context.invoked_subcommand is None:
        screen.say(*WELCOME.splitlines())
