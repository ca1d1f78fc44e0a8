"""What the Tab key offers, from the root of the file system and from the folder one is in."""

from pathlib import Path

import pytest

from bpnet.cli import completion


def test_paths_from_the_root_are_of_the_root(tmp_path, monkeypatch):
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path)
    top = tmp_path.parts[1]
    assert f"/{top}/" in completion.data_sources(f"/{top}")
    assert completion.data_sources("/inside") == [
        f"{path}/" for path in Path("/").glob("inside*") if path.is_dir()
    ]
    assert completion.data_sources("in") == ["inside/"]


@pytest.mark.parametrize("start", ["", "./", "."])
def test_what_is_hidden_is_not_offered(start, tmp_path, monkeypatch):
    (tmp_path / ".hidden.csv").touch()
    (tmp_path / "shown.csv").touch()
    monkeypatch.chdir(tmp_path)
    offered = completion.data_sources(start)
    assert not any("hidden" in one for one in offered)
    assert ("shown.csv" in offered) == (start != ".")
