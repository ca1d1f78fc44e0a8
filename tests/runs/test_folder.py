"""Folders that a new run may have."""

import pytest

from bpnet.runs import folder
from tests.assertions import error_message


def test_folders_that_runs_may_have(tmp_path):
    assert folder.choose(tmp_path / "new", "digits") == tmp_path / "new"
    (tmp_path / "full").mkdir()
    assert folder.choose(tmp_path / "full", "digits") == tmp_path / "full"
    (tmp_path / "full" / ".model.safetensors.1.partial").touch()  # of a killed process
    (tmp_path / "full" / ".lock").touch()
    assert folder.choose(tmp_path / "full", "digits") == tmp_path / "full"
    (tmp_path / "full" / "x").touch()
    assert error_message(folder.choose, tmp_path / "full", "digits") == (
        f"{tmp_path / 'full'} is not an empty folder; give --out another name"
    )
    (tmp_path / "full" / "sweep.json").touch()
    assert error_message(folder.choose, tmp_path / "full", "digits") == (
        f"{tmp_path / 'full'} is the folder of a sweep; go on with: bpnet sweep --resume "
        f"{tmp_path / 'full'}; or give --out another name"
    )


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a/b.csv", "b"), ("-", "stdin"), ("digits", "digits"), ("x.tar.gz", "x.tar")],
)
def test_folders_that_are_named_by_data_and_time(name, stem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = folder.choose(None, name)
    assert path.parent.name == "runs"
    assert path.name.startswith(f"{stem}-20")
