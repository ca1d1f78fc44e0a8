"""Where a data set is looked for: a folder that holds all of its files, or none."""

import pytest

from bpnet.data import download
from bpnet.data.idx import FILES


@pytest.mark.parametrize("lacking", FILES)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_folder_that_lacks_a_file_is_passed_over(lacking, ending, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "SYSTEM", tmp_path / "system")
    monkeypatch.setenv("BPNET_DATA", str(tmp_path / "own"))
    for place in ("system", "own"):
        (tmp_path / place / "mnist").mkdir(parents=True)
        for name in FILES:
            if (place, name) != ("system", lacking):
                (tmp_path / place / "mnist" / f"{name}{ending}").touch()
    assert download.find("mnist") == tmp_path / "own" / "mnist"
    (tmp_path / "system" / "mnist" / lacking).touch()
    assert download.find("mnist") == tmp_path / "system" / "mnist"
    (tmp_path / "system" / "mnist" / lacking).unlink()
    (tmp_path / "own" / "mnist" / f"{lacking}{ending}").unlink()
    assert download.find("mnist") is None
