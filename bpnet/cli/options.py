"""Options that several commands share."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from bpnet.cli import completion
from bpnet.errors import InputError
from bpnet.training.declared import Option
from bpnet.training.recipe import OPTIONS

Command = TypeVar("Command", bound=Callable[..., Any])

DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Data set: digits, fashion-mnist, mnist, a folder of IDX files, an .npz file, a pair "
        "x.npy,y.npy, or a table: .csv, .tsv (also compressed: .gz, .bz2, .xz), .parquet, .arrow; "
        "- reads CSV from standard input.",
        show_default=True,
        autocompletion=completion.data_sources,
    ),
]
RunArgument = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", help="Folder of a run, or a model file.", autocompletion=completion.runs
    ),
]
Backend = Annotated[
    str | None, typer.Option(help=OPTIONS["backend"].help, autocompletion=completion.backends)
]
Device = Annotated[str | None, typer.Option(help=OPTIONS["device"].help)]
Target = Annotated[
    str | None,
    typer.Option(help="Column of the table to predict; several columns of amounts with commas."),
]
Drop = Annotated[
    str | None, typer.Option(help="Columns of the table that are not used as inputs, with commas.")
]
Categorical = Annotated[
    str | None,
    typer.Option(
        help="Columns whose values are categories, with commas; needed where the categories are "
        "numbers."
    ),
]
Numeric = Annotated[
    str | None,
    typer.Option(
        help="Columns of numbers, with commas; cells that hold anything else count as missing."
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(
        help="Character between the cells of a text file. By default, it is recognized: a comma, "
        "semicolon, tab or bar."
    ),
]
Task = Annotated[
    str,
    typer.Option(
        help="Whether the target has classes (classify) or amounts (regress); auto decides by the "
        "values."
    ),
]
Test = Annotated[
    float | None,
    typer.Option(
        help="Share of the rows that is held out for the test. By default, 0.1, or 0 where DATA "
        "has a test part or with --validation 0."
    ),
]
Metric = Annotated[str, typer.Option(help=OPTIONS["metrics"].help)]
Stream = Annotated[
    bool,
    typer.Option(
        "--stream",
        help="Read each batch of DATA from the disk, for data larger than memory: x.npy,y.npy, "
        "also patterns (x-*.npy,y-*.npy), IDX files, and folders or patterns of .parquet or .arrow "
        "files.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Write JSON, and nothing else, to standard output.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show the results, but not the progress.")
]


def columns(
    drop: str | None, categorical: str | None, numeric: str | None, separator: str | None
) -> dict[str, str] | None:
    """Settings of a table's columns from their options; None without any such option."""
    settings = {
        "drop": drop, "categorical": categorical, "numeric": numeric, "separator": separator,
    }  # fmt: skip
    return {name: value for name, value in settings.items() if value is not None} or None


def sizes(text: str) -> list[int]:
    """Whole numbers of a list such as ``128,64``; an empty text is an empty list."""
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        msg = f"--hidden is {text!r}; give neurons of each hidden layer, such as 128,64"
        raise InputError(msg) from None


def numbers(option: str, text: str | None, kind: type = float) -> list[Any]:
    """Numbers of a list such as ``0.01,0.1``; an option that is left out gives an empty list."""
    if text is None:
        return []
    try:
        # a comma at the end makes a list of one value
        return [kind(part) for part in text.strip().rstrip(",").split(",")]
    except ValueError:
        word = "whole numbers" if kind is int else "numbers"
        msg = f"--{option} is {text!r}; give {word}, several with commas"
        raise InputError(msg) from None


def names(text: str) -> str | list[str]:
    """One name, or a list of the names between commas."""
    parts = [part.strip() for part in text.split(",")]
    return parts[0] if len(parts) == 1 else parts


def add_options(
    options: Mapping[str, Option], *, lists: bool = False, **helps: str
) -> Callable[[Command], Command]:
    """Decorator that gives a command a parameter for each declared option.

    Parameters
    ----------
    options : mapping
        Declared options by their names. The command takes their values as ``**keywords``.
    lists : bool
        Whether an option that can be swept takes several values, with commas.
    **helps
        Help texts of this command, by the options' names, in place of the declared ones.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        parameters = [_parameter(o, helps.get(o.name, o.help), lists) for o in options.values()]
        # typer reads the parameters from the signature and their types from the annotations.
        command.__signature__ = signature.replace(parameters=[*own, *parameters])  # type: ignore[attr-defined]
        command.__annotations__ |= {p.name: p.annotation for p in parameters}
        return command

    return decorate


def _parameter(about: Option, text: str, lists: bool) -> inspect.Parameter:
    """Parameter of a command, with the type and the default of an option on the command line."""
    # The first type that the option has counts: text before numbers, as it can hold both.
    kinds, more = (bool, Path, str, int, float), dict[str, Any]()
    kind: Any = next((one for one in kinds if one in about.kinds), str)
    default = about.default
    if lists and about.swept:
        kind, default = str, None if default is None else f"{default:g}"
        text, more = f"{text} Several values with commas.", {"metavar": "LIST"}
    elif isinstance(default, tuple):
        default = ",".join(map(str, default))
    typed: Any = kind if default is not None else kind | None
    hint = Annotated[typed, typer.Option(help=text, **more)]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(about.flag, kind, default=default, annotation=hint)


def option_values(parameters: Mapping[str, Any], options: Mapping[str, Option]) -> dict[str, Any]:
    """Values of declared options by their names, from a command's parameters by their flags."""
    values = {name: parameters[about.flag] for name, about in options.items()}
    for name, about in options.items():
        if about.items is int:
            values[name] = sizes(values[name])
        elif about.items is str:
            values[name] = names(values[name]) if values[name] else []
    return values


def on_command_line(context: typer.Context, name: str) -> bool:
    """Whether the user has set a parameter, so that its value is no default."""
    return str(context.get_parameter_source(name)).endswith("COMMANDLINE")


def check_resume(context: typer.Context, allowed: set[str], whose: str) -> None:
    """Refuse an option beside ``--resume`` whose value the run or the sweep has stored.

    Raises
    ------
    InputError
        If an option on the command line is not ``allowed``; the message names the first.
    """
    for one in context.command.params:
        if one.name not in allowed and on_command_line(context, str(one.name)):
            name = one.opts[0] if one.opts[0].startswith("-") else one.metavar
            msg = f"--resume goes on with {whose}; leave {name} out"
            raise InputError(msg)
