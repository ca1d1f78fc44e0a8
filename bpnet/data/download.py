"""Where the built-in data sets lie, and how those that don't ship are fetched."""

import os
from dataclasses import dataclass
from pathlib import Path

from bpnet.data.idx import FILES, find_idx
from bpnet.errors import InputError, one_line
from bpnet.requirements import install

# where Debian's ``dataset-*`` packages put their files (re-compressed, so with other hashes)
SYSTEM = Path("/usr/share/datasets")
RETRIES = 2
TIMEOUT = 30  # seconds without a byte


@dataclass(frozen=True)
class Origin:
    """A data set's address, the SHA-256 of each file, and the Debian package that has it."""

    url: str
    hashes: tuple[str, ...]
    package: str = ""

    @property
    def sha256(self) -> dict[str, str]:
        """Hashes by the names of the files, which are those of ``FILES``, compressed."""
        return dict(zip((f"{file}.gz" for file in FILES), self.hashes, strict=True))


# Addresses and hashes as TensorFlow Datasets has them:
# https://github.com/tensorflow/datasets/blob/31f1255e57e519a6c004f0b097a2f5cfcf0dde7d/tensorflow_datasets/url_checksums/mnist.txt
# https://github.com/tensorflow/datasets/blob/333639b37af6c6fedf3610a4a2d42f1c6ef6f7d5/tensorflow_datasets/url_checksums/fashion_mnist.txt
# Fashion-MNIST's own address there has no https; its authors' repository has the same files.
ORIGINS = {
    "mnist": Origin("https://storage.googleapis.com/cvdf-datasets/mnist/", (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    )),
    "fashion-mnist": Origin(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/", (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ), "dataset-fashion-mnist"),
}  # fmt: skip


def cache() -> Path | None:
    """Return the folder of downloads: ``BPNET_DATA``, or the system's cache if pooch is there."""
    if named := os.environ.get("BPNET_DATA"):
        return Path(named).expanduser()
    try:
        import pooch
    except ImportError:
        return None
    return Path(pooch.os_cache("bpnet"))


def find(name: str) -> Path | None:
    """Return the folder that holds all files of a data set, a system package's before the cache."""
    root = cache()
    folders = [SYSTEM / name, *([root / name] if root else [])]
    return next((f for f in folders if all(find_idx(f, file) for file in FILES)), None)


def download(name: str) -> Path:
    """Fetch what the cache lacks of a data set, such as "mnist", and return its folder there.

    A file gets its name only once its SHA-256 is right; one that is there with another is fetched
    again, and one without ``.gz``, put there by hand, is left alone.
    """
    origin = ORIGINS[name]
    try:
        import pooch
    except ImportError:
        message = f"{name} has to be fetched, which needs pooch: {install('pooch', 'requests')}"
        raise InputError(f"{message}; {_otherwise(name, cache())}") from None
    root = cache() or Path(pooch.os_cache("bpnet"))
    folder = root / name
    registry = {file: f"sha256:{value}" for file, value in origin.sha256.items()}
    store = pooch.create(
        path=folder, base_url=origin.url, registry=registry, retry_if_failed=RETRIES
    )
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("CRITICAL")  # standard error is for one line of ours, not for its progress
    try:
        for file in registry:
            if not (folder / file.removesuffix(".gz")).is_file():
                store.fetch(file, downloader=_get)
    except (OSError, ValueError) as error:  # no network, no space, or the wrong bytes
        message = f"can't fetch {name} from {origin.url}: {_cause(error)}"
        raise InputError(f"{message}; {_otherwise(name, root)}") from error
    finally:
        logger.setLevel(level)
    return folder


def _cause(error: Exception) -> str:
    """Return the first cause of an error, which requests and urllib3 each wrap in an error."""
    inner: object = error
    while (args := getattr(inner, "args", ())) and isinstance(args[0], Exception):
        inner = args[0]
    return one_line(getattr(inner, "reason", None) or inner)


def _otherwise(name: str, root: Path | None) -> str:
    """Message on other ways to get a data set: Debian's package, files by hand, or a folder."""
    package, files = ORIGINS[name].package, ", ".join(ORIGINS[name].sha256)
    debian = f"on Debian, `apt install {package}`; or " if package else ""
    set_first = "" if root else " after setting BPNET_DATA=FOLDER"
    return (
        f"other ways: {debian}put {files} into {(root or Path('FOLDER')) / name}{set_first}; or "
        f"name any folder with these files, packed or not, in place of {name}"
    )


def _get(url: str, path: str, _: object) -> None:
    """Download an address to a file; pooch's own downloader leaves a refused connection open."""
    import requests

    with (
        requests.get(url, timeout=TIMEOUT, stream=True) as answer,
        Path(path).open("wb") as file,
    ):
        answer.raise_for_status()
        for piece in answer.iter_content(chunk_size=1 << 16):
            file.write(piece)
