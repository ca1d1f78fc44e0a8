"""``History``: the figures of each epoch of a run, as a dict that draws itself."""

from html import escape
from typing import Any

from bpnet.display.figures import display_name, pyplot, value_text
from bpnet.errors import InputError

_ROWS = 10
"""Most epochs in the table of a history; of a longer one the first and last are shown."""


class History(dict[str, list[float]]):
    """A dict from the name of a figure to a list with one value for each epoch.

    Examples
    --------
    >>> history = History(cost=[0.5, 0.25], validation_accuracy=[0.8, 0.9])
    >>> history
    History(2 epochs: cost 0.2500, validation accuracy 90.0 %)
    >>> history["cost"]
    [0.5, 0.25]
    """

    def __missing__(self, name: str) -> list[float]:
        raise KeyError(f"the history has no {name!r}; it has {', '.join(self)}")

    @property
    def epochs(self) -> int:
        """Number of epochs of which there is a value."""
        return max(map(len, self.values()), default=0)

    def plot(self) -> list[Any]:
        """Draw each figure that varies against the epochs, training and validation together.

        Returns
        -------
        list of matplotlib.axes.Axes
            A notebook shows the figure by itself; elsewhere ``matplotlib.pyplot.show()`` does.

        Raises
        ------
        InputError
            If matplotlib is missing.
        """
        names = self._drawn
        size = (4.2 * max(len(names), 1), 3.0)
        figure, axes = pyplot().subplots(1, max(len(names), 1), squeeze=False, figsize=size)
        self.draw(dict(zip(names, axes[0], strict=False)))
        figure.tight_layout()
        return list(axes[0])

    def draw(self, axes: dict[str, Any]) -> None:
        """Draw curves on axes of matplotlib, by the names of the figures."""
        for name, one in axes.items():
            # a figure may have been computed in validation only, as metrics are
            for label, key in (("training", name), ("validation", f"validation_{name}")):
                values = self.get(key, [])
                if values:
                    one.plot(range(1, len(values) + 1), values, ".-", label=label, markersize=4)
            one.set(title=display_name(name), xlabel="epoch")
            # there are no halves of epochs
            one.xaxis.get_major_locator().set_params(integer=True)
            one.grid(alpha=0.3)
            one.legend()

    def to_frame(self, library: str = "pandas") -> Any:
        """Return a frame with a row for each epoch, of pandas or of polars.

        Parameters
        ----------
        library : {"pandas", "polars"}
            Library of the frame. That of pandas has the epochs, from 1, as its index, that of
            polars as its first column.

        Raises
        ------
        InputError
            If it is another library, or one that is not installed.
        """
        if library not in {"pandas", "polars"}:
            msg = f"library is {library!r}; give 'pandas' or 'polars'"
            raise InputError(msg)
        epochs = range(1, self.epochs + 1)
        try:
            if library == "polars":
                import polars

                return polars.DataFrame({"epoch": epochs, **self})
            import pandas
        except ImportError:
            other = "polars" if library == "pandas" else "pandas"
            msg = f"{library} is not installed; pip install {library}, or give library={other!r}"
            raise InputError(msg) from None
        return pandas.DataFrame(dict(self), index=pandas.Index(epochs, name="epoch"))

    @property
    def _drawn(self) -> list[str]:
        """Names of the figures to draw; a figure and its validation share one plot."""
        names = [name.removeprefix("validation_") for name in self]
        return [n for n in dict.fromkeys(names) if n not in {"learning_rate", "seconds"}]

    def __repr__(self) -> str:
        shown = [name for name in self if name not in {"learning_rate", "seconds"}]
        # a callback may name a figure before it has a value
        figures = [f"{_label(name)} {_text(name, self[name][-1])}" for name in shown if self[name]]
        epochs = f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}"
        return f"History({epochs}: {', '.join(figures)})" if figures else f"History({epochs})"

    def _repr_html_(self) -> str:
        """Return the epochs as a table in HTML."""
        half, n = _ROWS // 2, self.epochs
        rows = [*range(n)] if n <= _ROWS else [*range(half), None, *range(n - half, n)]
        heads = "".join(f"<th>{escape(_label(name))}</th>" for name in ("epoch", *self))
        lines = "".join(f"<tr>{self._cells(i)}</tr>" for i in rows)
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"

    def _cells(self, i: int | None) -> str:
        if i is None:
            return "<td>&#8942;</td>" * (len(self) + 1)
        # a figure that a callback writes may have fewer values than there are epochs
        texts = [_text(name, values[i]) if i < len(values) else "" for name, values in self.items()]
        return "".join(f"<td>{text}</td>" for text in (str(i + 1), *texts))


def _label(name: str) -> str:
    rest = name.removeprefix("validation_")
    return (
        display_name(rest).replace("_", " ") if rest == name else f"validation {display_name(rest)}"
    )


def _text(name: str, value: float) -> str:
    return value_text(name.removeprefix("validation_"), value)
