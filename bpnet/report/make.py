"""Make a page on the disk from the folders of runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpnet
from bpnet import backends
from bpnet.arguments import checked
from bpnet.data.sources import read_from
from bpnet.errors import InputError
from bpnet.pages import drawing
from bpnet.report import page, several, single, subject
from bpnet.report.subject import Subject
from bpnet.runs import folder as run_folder
from bpnet.runs import read_config


@checked
def write(
    runs: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    data: str | None = None,
    backend: Any = "numpy",
    device: Any = None,
) -> Path:
    """Write the report of a run, or the comparison of several.

    Parameters
    ----------
    runs : sequence of str or Path
        Folders that ``bpnet train`` left.
    out : str or Path, optional
        Folder for the page and its pictures; the default is ``report`` in the run, or
        ``comparison-TIME`` beside the first of several. An earlier report there gives way,
        and nothing else does.
    data : str, optional
        Data to evaluate the models on; by default, the rows that each run held out.
    backend, device : optional
        Where the models are run.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If a folder is not that of a run, ``out`` holds something else, or a library that draws is
        missing; nothing is written then.
    """
    return finish(*prepare(runs, out, data=data, backend=backend, device=device))


def prepare(
    runs: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    data: str | None = None,
    backend: Any = "numpy",
    device: Any = None,
) -> tuple[list[Subject], tuple[Path, bool]]:
    """Read and evaluate the runs; return them and the folder of the report for :func:`finish`."""
    folders = [Path(run) for run in runs]
    if not folders:
        msg = "no run was given; give the folder that `bpnet train` printed"
        raise InputError(msg)
    # a missing library is refused before models are evaluated, which takes longer
    drawing.pyplot()
    chosen = backends.select(backend, device).backend
    # every folder is checked before the first model is evaluated
    for folder in folders:
        subject.check(folder)
    # the page must not replace a file that a run is read from
    reads = [part for run in folders for part in run_folder.input_files(run, read_config(run)[0])]
    reads += [] if data is None else read_from(data)
    where = page.folder_for(folders, None if out is None else Path(out), reads)
    return [subject.read(folder, data, chosen) for folder in folders], where


def finish(subjects: Sequence[Subject], place: tuple[Path, bool]) -> Path:
    """Draw, lay out and write the page, and return its path.

    ``place`` is the folder, and whether it must be a new one, as :func:`prepare` returns them.
    """
    folder, fresh = place
    made = single.page(subjects[0]) if len(subjects) == 1 else several.page(subjects)
    return page.write(made, folder, bpnet.__version__, fresh=fresh)
