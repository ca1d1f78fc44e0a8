"""The built-in data sets: what they are, and how each is read."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bpnet.arguments import checked
from bpnet.data.dataset import Dataset
from bpnet.data.download import ORIGINS, cache, download, find
from bpnet.data.naming import near
from bpnet.data.opening import in_memory, open_folder, open_npz
from bpnet.data.splits import split
from bpnet.errors import InputError

FOLDER = Path(__file__).parent / "builtin"

# The test fifth of the digits: this seed, for ever, or published accuracies mean nothing.
DIGITS_TEST_FRACTION = 0.2
DIGITS_TEST_SEED = 1998


@dataclass(frozen=True)
class Entry:
    """A built-in data set.

    Parameters
    ----------
    name, what : str
        Its name, and one line of what it is.
    rows, test_rows, features, classes : int
        Its size: training and test examples, values an example, classes.
    license, attribution : str
        Under what terms, and whom to credit.
    ready : bool
        Whether it is on this machine.
    where : str
        The folder that it is in, or the address that it is fetched from.
    labels : tuple of str
        What the classes 0, 1 and so on are, where they are no digits.
    """

    name: str
    what: str
    rows: int
    test_rows: int
    features: int
    classes: int
    license: str
    attribution: str
    ready: bool
    where: str
    labels: tuple[str, ...] = ()


_CLOTHES = "T-shirt,trouser,pullover,dress,coat,sandal,shirt,sneaker,bag,ankle boot"
_ENTRIES = {entry.name: entry for entry in (
    Entry(
        "digits", "handwritten digits, 8x8 pixels of 0 to 16", 1438, 359, 64, 10, "CC BY 4.0",
        "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine "
        "Learning Repository, https://doi.org/10.24432/C50P49, CC BY 4.0", True, str(FOLDER),
    ),
    Entry(
        "fashion-mnist", "pictures of clothes, 28x28 pixels of 0 to 255", 60_000, 10_000, 784, 10,
        "MIT", "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, Zalando SE, MIT license", False,
        ORIGINS["fashion-mnist"].url, tuple(_CLOTHES.split(",")),
    ),
    Entry(
        "mnist", "handwritten digits, 28x28 pixels of 0 to 255", 60_000, 10_000, 784, 10,
        "CC BY-SA 3.0", "Y. LeCun and C. Cortes, the MNIST database of handwritten digits, "
        "CC BY-SA 3.0", False, ORIGINS["mnist"].url,
    ),
)}  # fmt: skip

NAMES = tuple(_ENTRIES)


def catalog() -> list[Entry]:
    """List the built-in data sets and where they are.

    Returns
    -------
    list of Entry
        Nothing is fetched.

    Examples
    --------
    >>> [entry.name for entry in catalog()]
    ['digits', 'fashion-mnist', 'mnist']
    """
    folders = {name: find(name) for name in ORIGINS}
    return [
        replace(entry, ready=True, where=str(folder)) if (folder := folders.get(name)) else entry
        for name, entry in _ENTRIES.items()
    ]


@checked
def fetch(name: str) -> Path:
    """Make a built-in data set available on this machine.

    Parameters
    ----------
    name : str
        One of `catalog`.

    Returns
    -------
    Path
        The folder that holds its files. Those in the cache are compared with their SHA-256
        and fetched again where it differs; those of a system package are used as they are.

    Raises
    ------
    InputError
        If there is no such data set, or it can't be fetched.
    """
    if name not in _ENTRIES:
        raise InputError(unknown(name))
    if name not in ORIGINS:
        return FOLDER
    folder, root = find(name), cache()
    if folder is not None and (root is None or folder != root / name):
        return folder
    return download(name)


def labels(name: str) -> tuple[str, ...]:
    """Names of the classes of a built-in data set; empty for digits and for other data."""
    return _ENTRIES[name].labels if name in _ENTRIES else ()


def unknown(name: str) -> str:
    """Return the message for a name that is neither a data set nor a file."""
    return (
        f"no data set and no file is named '{name}': {near(name, NAMES)}give {', '.join(NAMES)}, "
        "a folder of IDX files, a .npz, 'x.npy,y.npy', a .csv or a .parquet"
    )


def read_standard(name: str) -> Dataset:
    """Read a built-in data set with its own test split, its pixels in uint8.

    The digits come without a split of their own; their test part is a stratified fifth, drawn with
    a seed that never changes.
    """
    entry = _ENTRIES[name]
    if name == "digits":
        folder = FOLDER
        data = in_memory(open_npz(folder / "digits.npz", need_target=True))
        x, y = np.asarray(data.x), np.asarray(data.y)
        kept, test = split(y, DIGITS_TEST_FRACTION, DIGITS_TEST_SEED, stratify=True)
        data = replace(data, x=x[kept], y=y[kept], test=(x[test], y[test]))
    else:
        folder = find(name) or download(name)
        data = in_memory(open_folder(folder))
    test_rows = 0 if data.test is None else len(data.test[0])
    # Files that somebody put into the folder have not been compared with a checksum.
    sizes = (len(data.x), test_rows, data.x.shape[1], len(np.unique(np.asarray(data.y))))
    if sizes != (entry.rows, entry.test_rows, entry.features, entry.classes):
        raise InputError(
            f"these files are not {name}: {sizes[0]} + {sizes[1]} examples of {sizes[2]} values in "
            f"{sizes[3]} classes; delete them from {folder} and get them again"
        )
    return replace(data, name=name, task="classify", attribution=entry.attribution)
