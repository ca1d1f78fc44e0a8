"""Write a page as one HTML file that needs no other, with its pictures beside it."""

import hashlib
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from bpnet.errors import InputError
from bpnet.pages.content import Page, Picture
from bpnet.pages.drawing import in_light
from bpnet.pages.markup import as_data, html
from bpnet.storage import disk, owned

_NAME = "index.html"
_SEAL = re.compile(rb"\n<!-- bpnet report ([0-9a-f]{64}) -->\n?")
_PICTURES = re.compile(r'<meta name="bpnet-pictures" content="([0-9a-f ]*)">')
_FILES = re.compile(r"index\.html|.+\.(svg|png)", re.DOTALL)


def folder_for(
    runs: Sequence[Path], out: Path | None, reads: Iterable[str | Path] = ()
) -> tuple[Path, bool]:
    """Return the folder of a report, checked before any work, and whether it must be new.

    Parameters
    ----------
    runs : sequence of Path
        The runs.
    out : Path or None
        The default is ``report`` in the run, or ``comparison-TIME`` beside the first of several.
    reads : iterable of str or Path
        What is read, as :func:`bpnet.storage.reads.holds` takes it.

    Raises
    ------
    InputError
        If it holds files and no report, or cannot be written to.
    """
    if out is None and len(runs) > 1:
        stem = f"comparison-{time.strftime('%Y%m%d-%H%M%S')}"
        out = runs[0].resolve().parent / stem
        disk.makeable(out)
        return out, True  # whoever comes first has it, see `owned.claim`
    if out is None:
        # a link of this name would lead the page out of the run
        owned.check(runs[0], folders=["report"])
        out = runs[0] / "report"
    disk.makeable(out, reads=reads)
    if disk.followed(out) == Path.cwd():
        msg = f"{out} is the folder that you are in; give --out another name"
        raise InputError(msg)
    mine = sealed_page(out) is not None or not out.is_dir()
    # partial files of a report that was killed do not make the folder somebody else's
    if not mine and {*out.iterdir()} - {*owned.leftovers(out, _FILES)}:
        msg = f"{out} is there and no report as bpnet left it"
        raise InputError(f"{msg}; give --out another name, or take it away")
    return out, False


def sealed_page(folder: Path) -> str | None:
    """Return the page of a folder; None if there is none, or if it was edited."""
    path = folder / _NAME
    if disk.kind(path) != "file":
        return None
    with suppress(OSError, ValueError), disk.opened(path) as file:
        content = file.read()
        text, seal = content[:_SEALED], _SEAL.fullmatch(content[_SEALED:])
        # a page whose seal does not fit its text was edited, and is not bpnet's to replace
        if seal and seal[1].decode() == hashlib.sha256(text).hexdigest():
            return text.decode("utf-8")
    return None


_SEALED = -len(f"\n<!-- bpnet report {'0' * 64} -->\n")
"""Position at which the seal of a page begins, counted from its end."""


def pictures(folder: Path) -> dict[str, str]:
    """Return the names of a report's pictures in a folder, and the SHA-256 of each.

    A picture is the report's own if the page lists its SHA-256. The page also lists the pictures
    of the report before it, which remain where the process was killed between the page and its
    pictures. Links and other pictures are left alone.
    """
    page, sealed = sealed_page(folder), {}
    if page is None:
        return {}
    listed = _PICTURES.search(page)
    for path in folder.glob("*.*"):
        if not _FILES.fullmatch(path.name) or path.name == _NAME or disk.kind(path) != "file":
            continue
        with suppress(OSError), disk.opened(path) as file:
            content = file.read()
            seal = hashlib.sha256(content).hexdigest()
            # pages of older versions list none, and hold all as PNG
            if (listed and seal in listed[1].split()) or as_data(content) in page:
                sealed[path.name] = seal
    return sealed


def write(page: Page, folder: Path, version: str, *, fresh: bool = False) -> Path:
    """Write the page and its pictures; only the files of an earlier report are replaced.

    Where the folder must be ``fresh`` and exists by now, the name of the new one gets a number.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If something that is not of a report has the name of one of its files.
    OSError
        If it could not be written; an earlier report is as it was.
    """
    # messages name the folder as it was given, also where that is a link
    named, folder = folder, disk.followed(folder)
    folder, made = owned.claim(folder, fresh=fresh)
    named = folder if fresh else named
    try:
        before = pictures(folder)
        files = dict(map(_file, page.pictures))
        # a report that is killed before its pictures are written leaves those of the one before it
        known = {
            *before.values(),
            *(hashlib.sha256(content).hexdigest() for content in files.values()),
        }
        listed = " ".join(sorted(known))
        markup = html("report.html", page=page, version=version, pictures=listed)
        text = markup.encode("utf-8", "replace")
        seal = f"\n<!-- bpnet report {hashlib.sha256(text).hexdigest()} -->\n".encode()
        # what is not known as a picture of an earlier report is somebody's own file
        mine = before.keys() | ({_NAME} if sealed_page(folder) is not None else set())
        taken = [name for name in (_NAME, *files) if name not in mine and disk.kind(folder / name)]
        if taken:
            msg = f"{named / taken[0]} is not of a report; give --out another name, or take it away"
            raise InputError(msg)
        owned.clear(folder, _FILES)
        owned.write_all(folder, {_NAME: text + seal, **files})  # the page, which knows both, first
    finally:
        # removes folders only while they are empty: those of a page that was not written
        owned.unmake(made)
    for name in before.keys() - files.keys():
        with suppress(OSError):
            (folder / name).unlink()
    return named / _NAME


def _file(picture: Picture) -> tuple[str, bytes]:
    """Return name and content of the file of a picture."""
    if picture.svg:
        return f"{picture.name}.svg", in_light(picture.svg)
    return f"{picture.name}.png", picture.png
