"""Pages as files: one HTML file that needs no other, and its pictures beside it."""

import base64
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from bpnet import disk
from bpnet.errors import InputError
from bpnet.report.content import Page
from bpnet.requirements import install

_NAME = "index.html"
_MARK = b'<meta name="generator" content="bpnet'


def folder_for(runs: Sequence[Path], out: Path | None) -> Path:
    """Folder of a report, looked at before any work is done.

    Parameters
    ----------
    runs : sequence of Path
        The runs.
    out : Path or None
        The default is ``report`` in the run, or ``comparison-TIME`` beside the first of several.

    Raises
    ------
    InputError
        If it holds something else than a report, or cannot be written to.
    """
    if out is None:
        beside = runs[0].resolve().parent / f"comparison-{time.strftime('%Y%m%d-%H%M%S')}"
        out = runs[0] / "report" if len(runs) == 1 else beside
    disk.makeable(out)
    if out.is_dir() and not _is_report(out) and any(out.iterdir()):
        msg = f"{out} is there and no report; give --out another name"
        raise InputError(msg)
    if disk.followed(out) == Path.cwd():
        msg = f"{out} is the folder that you are in; give --out another name"
        raise InputError(msg)
    return out


def _is_report(folder: Path) -> bool:
    try:
        with (folder / _NAME).open("rb") as file:
            return _MARK in file.read(2000)
    except OSError:
        return False


def html(page: Page, version: str) -> str:
    """A page as HTML that asks nothing of any other file or place.

    Parameters
    ----------
    page : Page
        What is in it; all its text is escaped.
    version : str
        Of bpnet.

    Raises
    ------
    InputError
        If jinja2 is missing.
    """
    try:
        import jinja2
    except ImportError as error:
        msg = f"a report needs jinja2; {install('matplotlib', 'jinja2')}"
        raise InputError(msg) from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bpnet.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data"] = _data
    made = time.strftime("%Y-%m-%d %H:%M")
    return environment.get_template("page.html").render(page=page, version=version, made=made)


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def write(page: Page, folder: Path, version: str) -> Path:
    """Write the page and its pictures; an earlier report in the folder gives way to it.

    Returns
    -------
    Path
        The page.
    """
    text = html(page, version)
    named, folder = folder, disk.followed(folder)
    partial = folder.with_name(f".{folder.name[:50]}.{os.getpid()}.partial")
    old = folder.with_name(f".{folder.name[:50]}.{os.getpid()}.old")
    try:
        partial.mkdir(parents=True)
        (partial / _NAME).write_bytes(text.encode("utf-8", "replace"))
        for picture in page.pictures:
            (partial / f"{picture.name}.png").write_bytes(picture.light)
        if folder.exists():
            folder.replace(old)
        partial.replace(folder)
    finally:
        if old.exists() and not folder.exists():
            old.replace(folder)
        for left in (partial, old):
            shutil.rmtree(left, ignore_errors=True)
    return named / _NAME
