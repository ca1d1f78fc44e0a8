"""Files under the names that users give: links followed, what is no file refused."""

import os
import re
import stat
from pathlib import Path

import pytest

from bpnet.errors import InputError
from bpnet.storage import disk


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Working folder with a file, a pipe, and links."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_bytes(b"before")
    os.mkfifo("pipe")
    for name, to in (
        ("link", "file"), ("dangling", "there/new"), ("to-pipe", "pipe"), ("circle", "circle"),
        ("nowhere", "gone/new"), ("to-device", os.devnull),
    ):  # fmt: skip
        (tmp_path / name).symlink_to(to)
    return tmp_path


REFUSED = {
    "": "folder", ".": "folder", "there": "folder", "pipe": "a pipe", "to-pipe": "a pipe",
    os.devnull: "device", "to-device": "device", "-": "standard output", "gone/new": "no folder",
    "nowhere": "no folder", "file/new": "no folder", "circle": "another name",
    "x" * 300: "name too long",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_file_is_refused_and_stays(place, name):
    before = {path: path.lstat().st_mode for path in place.rglob("*")}
    with pytest.raises(InputError, match=r"can't be written: ") as caught:
        disk.writable(name)
    assert REFUSED[name] in str(caught.value)
    assert len(str(caught.value)) < 200
    assert {path: path.lstat().st_mode for path in place.rglob("*")} == before


@pytest.mark.parametrize("name", ["file", "new", "link", "dangling", "ä" * 127, "x" * 255])
def test_a_file_is_written_where_its_links_lead(place, name):
    is_link = (place / name).is_symlink()
    disk.write(disk.writable(name), b"after")
    assert (place / name).read_bytes() == b"after"
    assert (place / name).is_symlink() == is_link
    assert disk.followed(place / name).read_bytes() == b"after"
    assert not list(place.rglob("*.partial"))


@pytest.mark.parametrize("name", ["pipe", "to-pipe"])
def test_a_pipe_is_never_replaced(place, name):
    with pytest.raises(InputError, match="a pipe"):
        disk.write(place / name, b"after")
    assert stat.S_ISFIFO((place / "pipe").stat().st_mode)


@pytest.mark.parametrize(("name", "protected"), [("file", "file"), ("new", ".")])
def test_what_is_protected_is_refused(place, monkeypatch, name, protected):
    which = disk.followed(place / protected)
    monkeypatch.setattr(os, "access", lambda path, mode: path != which)
    with pytest.raises(InputError, match="is protected; give another"):
        disk.writable(name)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no such folder here")
def test_a_pipe_without_a_path_is_refused():
    """What /dev/stdout is before a ``|``."""
    read, write = os.pipe()
    try:
        for function in (disk.writable, lambda path: disk.write(path, b"after")):
            with pytest.raises(InputError, match="a pipe"):
                function(Path(f"/dev/fd/{write}"))
    finally:
        os.close(read)
        os.close(write)


def test_where_standard_output_goes_is_refused(place, monkeypatch):
    with (place / "file").open("ab") as file:
        monkeypatch.setattr(disk, "_streams", lambda: [os.fstat(file.fileno())])
        with pytest.raises(InputError, match="standard output"):
            disk.writable("link")


def test_standard_output_is_known():
    kept, (read, write) = os.dup(1), os.pipe()
    try:
        os.dup2(write, 1)
        assert any(os.path.samestat(os.fstat(write), status) for status in disk._streams())
    finally:
        os.dup2(kept, 1)
        for handle in (kept, read, write):
            os.close(handle)


def test_what_is_read_is_not_replaced(place):
    with pytest.raises(InputError, match="it is an input file"):
        disk.writable("link", reads=["other", "file"])


def test_a_failure_leaves_what_was_there(place):
    def half():
        with disk.writing(place / "link", text=True) as file:
            file.write("half")
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        half()
    assert (place / "file").read_bytes() == b"before"
    assert not list(place.rglob("*.partial"))


@pytest.mark.parametrize("name", ["file", "file/new", "pipe/new", "circle", "x" * 300])
def test_a_folder_that_cannot_be_made_is_refused(place, name):
    with pytest.raises(InputError, match="--out"):
        disk.makeable(place / name)


@pytest.mark.parametrize("name", ["there", "new/newer", "dangling"])
def test_a_folder_that_can_be_made(place, name):
    disk.makeable(place / name)


@pytest.mark.parametrize("name", ["pipe", "to-pipe", os.devnull])
def test_a_pipe_is_not_read(place, name):
    for function in (disk.there, disk.text):
        with pytest.raises(InputError, match="a pipe or a device"):
            function(place / name)


def test_what_is_there(place):
    names = ["there", "file", "link", "dangling", "circle", "x" * 300, "no", "no/more", "a\0b"]
    existing = {name for name in names if disk.there(place / name)}
    assert existing == {"there", "file", "link"}
    assert disk.text(place / "link") == "before"


def test_no_folder_is_named_as_standard_output_is():
    with pytest.raises(InputError, match="no folder's name"):
        disk.makeable(Path("-"))


def test_a_message_that_a_file_made_very_long_is_cut():
    said = str(InputError("it has " + ", ".join(f"column {i}" for i in range(1000))))
    assert said.startswith("it has column 0, ")
    assert " ... " in said
    assert said.endswith("column 999")
    assert len(said) < 1100


def test_one_place_knows_how_unfinished_files_are_called(tmp_path):
    for name in ("a", "a.b", "two\nlines", "a.1.partial"):
        assert disk.intended(disk.unfinished(tmp_path / name).name) == name
    assert disk.intended(disk.unfinished(tmp_path / ("a" * 200)).name) == "a" * 50
    assert [disk.intended(name) for name in ("a", "a.1.partial", ".a.partial", "..1.partial")] == [
        "", "", "", "",
    ]  # fmt: skip
    package = Path(disk.__file__).parents[1]
    sources = {p.name: p.read_text(encoding="utf-8") for p in package.rglob("*.py")}
    pattern = re.compile(r"\.partial\b(?!\()")
    assert [name for name, code in sources.items() if pattern.search(code)] == ["disk.py"]
