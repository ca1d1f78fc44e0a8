"""Nothing in a file runs: no pickle, no code object, whatever it holds or is called."""

import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import bpnet

ROOT = Path(__file__).parents[1]

WATCH = """
import random, sys, sysconfig, tempfile
from pathlib import Path
from tests.fuzz import targets, worker

place = Path(tempfile.mkdtemp())
targets.prepare(place)
targets.decode_here()
CODE = {"pickle.find_class", "marshal.loads", "marshal.load", "code.__new__"}
CODE |= {"os.system", "os.exec", "os.posix_spawn", "subprocess.Popen"}
own = tuple(str(Path(p).resolve()) for p in (sys.prefix, sys.base_prefix, sys.argv[1]))
seen = []

def watch(event, arguments):
    if event in CODE:
        seen.append((event, str(arguments)[:200]))
    if event == "exec" and not arguments[0].co_filename.startswith(own):
        seen.append((event, arguments[0].co_filename))
    if event == "compile" and arguments[1] not in {None, "<unknown>"}:  # ast.literal_eval: no code
        seen.append((event, str(arguments[1])))
    if event == "import" and arguments[0].partition(".")[0] in {"pickle", "_pickle", "marshal"}:
        seen.append((event, arguments[0]))

def go(first, last):
    for index in range(first, last):
        folder = place / str(index)
        folder.mkdir()
        wrong = worker.attempt(5, index, place, folder)
        assert not wrong, wrong

go(0, 300)  # all that is imported on use is imported by now
sys.addaudithook(watch)
go(300, 900)
for path in map(Path, sys.argv[2:]):
    idx = targets.bpnet.data.mapped.open_idx
    for call in (targets.bpnet.load, targets.bpnet.data.load, lambda path: idx(path, "x")):
        try:
            call(path)
        except targets.REFUSALS:
            pass
print(*seen, sep="\\n")
"""


class Payload:
    """What a pickle would run."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def pickled(folder, mark):
    """Files with a pickle inside, under names of all kinds."""
    poison = pickle.dumps(Payload(mark))
    objects = np.empty(2, dtype=object)
    objects[:] = [Payload(mark), 1]
    np.save(folder / "objects.npy", objects, allow_pickle=True)
    np.savez(folder / "objects.npz", x=objects, y=np.arange(2))
    names = ("p.npy", "p.npz", "p.json", "p.safetensors", "p.csv", "p.parquet", "p.idx", "p.pt")
    for name in names:
        (folder / name).write_bytes(poison)
    for name in ("torch.npz", "model.safetensors"):  # as torch.save packs it
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("archive/data.pkl", poison)
            archive.writestr("x.npy", poison)
            archive.writestr("y.npy", poison)
    return sorted(folder.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="the fuzzer's worker needs /proc")
def test_no_file_runs_code(tmp_path):
    """600 damaged files of all formats and a dozen pickles, under an audit hook."""
    pytest.importorskip("polars")
    folder, mark = tmp_path / "files", tmp_path / "was-run"
    folder.mkdir()
    files = pickled(folder, mark)
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(ROOT), *map(str, files)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
    assert not mark.exists()


def test_a_payload_would_run(tmp_path):
    mark = tmp_path / "was-run"
    pickle.loads(pickle.dumps(Payload(mark)))
    assert mark.exists()
    assert bpnet.__all__  # and nothing of bpnet does that
