"""Folders that bpnet made: new ones, half-written files, and several files at once."""

import os
import threading
from pathlib import Path

import pytest

from bpnet.errors import InputError
from bpnet.storage import disk, owned, reads


def test_folders_begun_at_one_moment_are_different_ones(tmp_path):
    made, ready = [], threading.Barrier(8)

    def make():
        ready.wait()
        made.append(owned.make_new(tmp_path / "runs" / "digits"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert {path.name for path in made} == {"digits", *(f"digits-{i}" for i in range(2, 9))}


def test_what_was_claimed_and_is_empty_goes_again(tmp_path):
    first = owned.claim(tmp_path / "new" / "run", fresh=True)
    other = owned.claim(tmp_path / "new" / "run", fresh=True)
    assert first[0] != other[0]
    (other[0] / "model").touch()
    for _, made in (other, first):
        owned.unmake(made)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [other[0].name]


def test_half_written_files_of_others_stay(tmp_path):
    for name in (".a.1.partial", ".a.b.1.partial", ".a.x.partial", "a.1.partial", ".a.1.partialx"):
        (tmp_path / name).touch()
    (tmp_path / ".a.2.partial").mkdir()
    owned.clear(tmp_path, ["a"])
    assert not (tmp_path / ".a.1.partial").exists()
    assert len(list(tmp_path.iterdir())) == 5
    owned.clear(tmp_path / "missing", ["a"])


@pytest.mark.parametrize("place", [".new.{}.partial", "new"])
def test_nothing_is_written_through_a_link_of_the_unfinished_file(tmp_path, place):
    """Its name can be guessed: it has the number of the process."""
    (tmp_path / "victim").write_bytes(b"mine")
    path = tmp_path / place.format(os.getpid())
    path.symlink_to(tmp_path / "victim")
    if place == "new":  # a name that a user gives is followed
        owned.check(tmp_path, ["other"])
        with pytest.raises(InputError, match="is a link where"):
            owned.write_all(tmp_path, {"new": b"after"})
    else:
        disk.write(tmp_path / "new", b"after")
        assert (tmp_path / "new").read_bytes() == b"after"
        assert not (tmp_path / "new").is_symlink()
    assert (tmp_path / "victim").read_bytes() == b"mine"


def test_where_one_of_several_files_fails_all_are_as_they_were(tmp_path, monkeypatch):
    (tmp_path / "b").write_bytes(b"before")
    replace, done = Path.replace, []

    def failing(path, target):
        done.append(target.name)
        if len(done) == 3:
            raise OSError(28, "No space left on device")
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing)
        with pytest.raises(OSError, match="No space"):
            owned.write_all(tmp_path, dict.fromkeys("abcd", b"after"))
    assert done[:3] == ["a", "b", "c"]  # in the order in which they are given
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"b": b"before"}
    owned.write_all(tmp_path, dict.fromkeys("abcd", b"after"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(
        "abcd", b"after"
    )


@pytest.mark.parametrize("follow", [True, False])
def test_only_files_are_opened_and_none_is_waited_for(tmp_path, follow):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "file").write_bytes(b"held")
    refused = ["pipe", "folder", os.devnull, *([] if follow else ["link"])]
    for name in refused:
        for flags in (os.O_RDONLY, os.O_RDWR | os.O_CREAT):
            with pytest.raises(InputError, match="where a file belongs; remove it"):
                disk.regular(tmp_path / name, flags, follow=follow)
    with disk.opened(tmp_path / "file") as file:
        assert file.read() == b"held"
    with pytest.raises(FileNotFoundError):
        disk.regular(tmp_path / "nothing", os.O_RDONLY, follow=follow)


READS = {
    "x-*.npy,y-*.npy": {"x-1.npy", "y-new.npy", "link", "hard", "sub/../x-2.npy"},
    "s*/x.npy": {"sub/x.npy", "sub2/x.npy"},
    "[[]odd]/*.npy": {"[odd]/new.npy", "[odd]/a.npy"},
    "x-1.npy": {"x-1.npy", "link", "hard"},
    "[odd]": {"[odd]"},
    "sub": {"sub"},
}


@pytest.mark.parametrize("patterns", READS)
def test_what_is_read_is_known_by_all_its_names(tmp_path, monkeypatch, patterns):
    monkeypatch.chdir(tmp_path)
    for folder in ("sub", "sub2", "[odd]"):
        Path(folder).mkdir()
    for name in ("x-1.npy", "y-1.npy", "z.npy", "sub/x.npy", "[odd]/a.npy"):
        Path(name).write_text(name)
    Path("link").symlink_to("x-1.npy")
    os.link("x-1.npy", "hard")
    Path("nowhere").symlink_to("gone")
    names = set().union(*READS.values(), {"z.npy", "new.csv", "nowhere", "sub/new.npy", "o/x.npy"})
    for form in (Path, lambda name: tmp_path / name):
        matching = {name for name in names if reads.holds(patterns.split(","), form(name))}
        assert matching == READS[patterns]
