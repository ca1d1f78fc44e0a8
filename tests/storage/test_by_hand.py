"""Files one at a time: refusals word by word, what is left behind, what is read and what hashed."""

import json
import os

import numpy as np
import pytest

from bpnet.errors import InputError
from bpnet.storage import checkpoint, checksummed, disk, lock, owned, reads, strict_json
from bpnet.storage.checkpoint import Snapshot
from tests.assertions import error_message


@pytest.fixture
def place(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gone/x", "{0}/gone/x can't be written: there is no folder {0}/gone; make it first"),
        ("folder", "{0}/folder can't be written: it is a folder; give a file"),
        ("pipe", "{0}/pipe can't be written: it is standard output, a pipe or a device; "
                 "give a file"),
        ("file", "{0}/file can't be written: it is an input file; give another name"),
        ("link", "{0}/link can't be written: it is an input file; give another name"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_written(place, name, text):
    assert error_message(disk.writable, place / name, [place / "file"]) == text.format(place)
    assert (place / "file").read_text() == "mine"


def test_files_that_can_be_written(place):
    assert disk.writable(place / "new", [place / "file"]) == place / "new"
    assert disk.writable(place / "file") == place / "file"


@pytest.mark.parametrize(
    ("name", "option", "text"),
    [
        ("file", "--out", "{0}/file is not a folder; give --out another name"),
        ("file/x", "--plot", "{0}/file can't be written to; give --plot a folder that can"),
        ("read", "--out",
         "{0}/read can't be made: it is an input file; give --out another name"),
        ("read", "--plot",
         "{0}/read can't be made: it is an input file; give --plot another name"),
    ],
)  # fmt: skip
def test_folders_that_cannot_be_made(place, name, option, text):
    assert error_message(disk.makeable, place / name, option, [place / "read"]) == text.format(
        place
    )
    assert error_message(disk.makeable, disk.Path("-"), option) == (
        f"- is no folder's name; give {option} another name"
    )
    disk.makeable(place / "new" / "newer", option, [place / "read"])
    disk.makeable(place / "folder", option)


@pytest.mark.parametrize(("length", "whole"), [(100, True), (101, False)])
def test_a_long_path_is_cut_in_a_message(length, whole):
    path = disk.Path("x" * 60 + "y" * (length - 60))
    text = disk._short(path)
    assert (text == str(path)) is whole
    if not whole:
        assert text == "x" * 50 + "..." + "y" * 25


@pytest.mark.parametrize(
    ("name", "follow", "kind"),
    [("file", False, "file"), ("folder", False, "folder"), ("pipe", False, "pipe"),
     ("link", False, "link"), ("link", True, "file"), ("gone", False, ""), ("\0", False, "")],
)  # fmt: skip
def test_kinds(place, name, follow, kind):
    assert disk.kind(place / name, follow=follow) == kind


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("name", ["new", "file", "link"])
def test_a_file_is_whole_or_as_it_was(place, fails, name):
    before = {path.name: path.is_file() and path.read_bytes() for path in place.iterdir()
              if path.name != "pipe"}  # fmt: skip
    try:
        with disk.writing(place / name, text=True) as file:
            file.write("new\n")
            assert {p.name for p in place.iterdir()} - {"pipe", *before} == {
                f".{'file' if name == 'link' else name}.{os.getpid()}.partial"
            }  # fmt: skip
            if fails:
                raise ArithmeticError
    except ArithmeticError:
        after = {path.name: path.is_file() and path.read_bytes() for path in place.iterdir()
                 if path.name != "pipe"}  # fmt: skip
        assert after == before
        return
    assert (place / name).read_bytes() == b"new\n"
    assert (place / "link").is_symlink()
    assert {p.name for p in place.iterdir()} == {*before, "pipe", name}


def test_without_replace_a_file_made_meanwhile_is_kept(place):
    with pytest.raises(FileExistsError):
        disk.write(place / "file", b"new", replace=False)
    assert (place / "file").read_text() == "mine"
    disk.write(place / "new", b"new", replace=False)
    assert (place / "new").read_bytes() == b"new"
    assert not list(place.glob(".*.partial"))


@pytest.mark.parametrize(
    ("name", "intended"),
    [(".model.safetensors.123.partial", "model.safetensors"), ("model.safetensors", ""),
     (".a.partial", ""), (".a.b.1.partial", "a.b"), ("a.1.partial", ""), (".a.x.partial", "")],
)  # fmt: skip
def test_names_that_unfinished_files_would_have_got(name, intended):
    assert disk.intended(name) == intended


def test_leftovers_of_a_kind_are_taken_away_and_nothing_else(place):
    names = [".a.1.partial", ".b.1.partial", ".step-1.2.partial", "a"]
    for name in names:
        (place / name).touch()
    (place / ".a.2.partial").symlink_to(place / "file")
    owned.clear(place, ["a"])
    assert not (place / ".a.1.partial").exists()
    assert (place / ".a.2.partial").is_symlink()
    import re

    owned.clear(place, re.compile(r"step-\d"))
    left = {p.name for p in place.iterdir()} - {"folder", "file", "pipe", "link"}
    assert left == {".b.1.partial", ".a.2.partial", "a"}
    assert owned.leftovers(place / "gone", ["a"]) == []


def test_what_has_the_name_of_bpnets_own_is_refused(place):
    owned.check(place, ["file", "gone"], ["folder", "gone"])
    for files, folders, name, kind, expected in (
        (["folder"], [], "folder", "folder", "file"), ([], ["file"], "file", "file", "folder"),
        (["link"], [], "link", "link", "file"), (["pipe"], [], "pipe", "pipe", "file"),
    ):  # fmt: skip
        assert error_message(owned.check, place, files, folders) == (
            f"{place / name} is a {kind} where bpnet's own {expected} belongs, and nothing is "
            "written to or through it; remove it"
        )


def test_folders_that_were_made_are_taken_away_the_innermost_first(place):
    folder, made = owned.claim(place / "a" / "b", fresh=False)
    assert (folder, made) == (place / "a" / "b", [place / "a" / "b", place / "a"])
    (place / "a" / "kept").touch()
    owned.unmake(made)
    assert not folder.exists()
    assert (place / "a").is_dir()
    assert owned.claim(place / "folder", fresh=False) == (place / "folder", [])
    names = [owned.claim(place / "folder", fresh=True)[0].name for _ in range(3)]
    assert names == ["folder-2", "folder-3", "folder-4"]
    assert owned.claim(place / "c" / "d", fresh=True) == (
        place / "c" / "d", [place / "c" / "d", place / "c"]
    )  # fmt: skip


def test_of_several_files_all_are_written_or_none(place):
    owned.write_all(place / "folder", {"one": b"1", "two": b"2"})
    (place / "folder" / "two").unlink()
    (place / "folder" / "two").mkdir()
    with pytest.raises(InputError, match="two is a folder where"):
        owned.write_all(place / "folder", {"one": b"new", "two": b"new"})
    assert (place / "folder" / "one").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("read", "path", "expected"),
    [
        ("{0}/file", "{0}/file", True), ("{0}/file", "{0}/link", True),
        ("{0}/link", "{0}/file", True), ("{0}/folder/../file", "{0}/file", True),
        ("{0}/file", "{0}/hard", True), ("{0}/file", "{0}/other", False),
        ("{0}/fi*", "{0}/file", True), ("{0}/fi*", "{0}/first", True), ("{0}/fi*", "{0}/x", False),
        ("{0}/*", "{0}/folder/x", False), ("{0}/fil[e]", "{0}/file", True),
        ("{0}/fi?e", "{0}/fine", True), ("{0}/fi?e", "{0}/fie", False),
    ],
)  # fmt: skip
def test_what_is_read_under_any_name(place, read, path, expected):
    os.link(place / "file", place / "hard")
    assert (
        reads.holds([place / "none", read.format(place)], disk.Path(path.format(place))) is expected
    )


def test_a_folder_is_locked_by_one_process(place):
    first, second = lock.FolderLock(place), lock.FolderLock(place)
    first.take()
    assert error_message(second.take) == (
        f"another process is training in {place}; wait for it, or stop it first"
    )
    assert (place / lock.NAME).exists()
    first.release()
    first.release()
    assert not (place / lock.NAME).exists()
    second.take()
    second.release()


TENSORS = {"b": np.asarray([[1.0, 2.0]]), "a": np.asarray([3], np.int32)}


@pytest.mark.parametrize(
    "change",
    [
        lambda text, t: (text + " ", t), lambda text, t: (text, {"a": t["a"]}),
        lambda text, t: (text, {**t, "b": t["b"].T.copy()}),
        lambda text, t: (text, {**t, "b": t["b"].astype(np.float32)}),
        lambda text, t: (text, {**t, "b": t["b"] + 1}),
        lambda text, t: (text, {"c": t["b"], "a": t["a"]}),
        lambda text, t: (text, {**t, "a": t["a"].view(np.uint32)}),
    ],
)  # fmt: skip
def test_every_part_of_a_file_is_under_its_checksum(change):
    expected = checksummed.digest("text", TENSORS)
    assert checksummed.digest(*change("text", TENSORS)) != expected
    assert checksummed.digest("text", dict(reversed(TENSORS.items()))) == expected


def test_a_file_with_a_checksum_is_read_and_another_format_refused(tmp_path):
    from safetensors.numpy import save

    path = tmp_path / "x"
    path.write_bytes(checksummed.encode("text", TENSORS))
    content = checksummed.read(path)
    assert (content.text, content.has_checksum) == ("text", True)
    np.testing.assert_array_equal(content.tensors["b"], TENSORS["b"])
    assert checksummed.encode("text", TENSORS) == path.read_bytes()
    assert checksummed.decode(path.read_bytes()).text == "text"
    path.write_bytes(save(TENSORS, metadata={"bpnet": "text"}))
    assert not checksummed.read(path).has_checksum
    path.write_bytes(save(TENSORS))  # of another library
    with pytest.raises(ValueError, match="bpnet"):
        checksummed.read(path)
    path.write_bytes(save(TENSORS, metadata={"bpnet": "text", "sha256": "0" * 64}))
    with pytest.raises(ValueError, match="its SHA-256 does not fit"):
        checksummed.read(path)


def snapshot(at, **arrays):
    return Snapshot(arrays or {"0 x": (np.arange(3.0), (), (np.ones(2),))}, {"at": at})


def test_of_checkpoints_the_last_two_are_kept_and_later_ones_stay(tmp_path):
    for step in (1, 9, 20, 100, 10):
        path = checkpoint.write(tmp_path, snapshot(step))
        assert path.name == f"step-{step:012d}.safetensors"
    assert [int(name[5:17]) for name in checkpoint.names(tmp_path)] == [10, 20, 100]
    checkpoint.write(tmp_path, snapshot(110))
    assert [int(name[5:17]) for name in checkpoint.names(tmp_path)] == [100, 110]
    (tmp_path / "step-000000000110.safetensors").unlink()
    checkpoint.write(tmp_path, snapshot(20))
    assert checkpoint.latest(tmp_path).step == 100
    (tmp_path / "step-000000000100.safetensors").write_bytes(b"damaged")
    assert checkpoint.latest(tmp_path).step < 100


def test_trees_come_back_with_their_empty_places():
    tree = {"p": ((np.ones(2), np.zeros(1)), (), (np.full(1, 3.0),)), "n": np.arange(2)}
    snapshot = checkpoint.decode(checkpoint.encode(Snapshot(tree, {"at": 7})))
    assert snapshot.step == 7
    assert [len(part) for part in snapshot.arrays["p"]] == [2, 0, 1]
    np.testing.assert_array_equal(snapshot.arrays["p"][2][0], [3.0])
    np.testing.assert_array_equal(snapshot.arrays["n"], [0, 1])
    many = {"p": tuple(np.full(1, i) for i in range(12))}  # in the order of numbers, not of text
    snapshot = checkpoint.decode(checkpoint.encode(Snapshot(many, {"at": 1})))
    assert [int(a[0]) for a in snapshot.arrays["p"]] == list(range(12))


@pytest.mark.parametrize(
    ("change", "text"),
    [({"format": "x"}, "it is of another format"), ({"version": 0}, "it is of version 0"),
     ({"version": True}, "it is of version True"),
     ({"version": 6}, "written by a later bpnet (version 6 of the format); update bpnet")],
)  # fmt: skip
def test_checkpoints_that_are_none(tmp_path, change, text):
    path = tmp_path / "step-000000000001.safetensors"
    numbers = {"format": "bpnet checkpoint", "version": 5, "at": 1, **change}
    path.write_bytes(checksummed.encode(json.dumps(numbers), {"x": np.ones(1)}))
    message = error_message(checkpoint.read, path)
    assert text in message
    assert message.startswith(str(path))


@pytest.mark.parametrize(
    ("text", "bad"),
    [("[NaN]", "NaN"), ("[Infinity]", "Infinity"), ("[1e999]", "1e999"), ("[-1e999]", "-1e999"),
     (f"[{2**64}]", str(2**64)), (f"[-{2**64}]", f"-{2**64}"), ("[" * 99_999, "nested too deep")],
)  # fmt: skip
def test_json_that_is_no_number(text, bad):
    with pytest.raises(ValueError, match=bad):
        strict_json.loads(text)
    assert strict_json.loads(f"[{2**64 - 1}, -1.5, 1e308]") == [2**64 - 1, -1.5, 1e308]


@pytest.mark.parametrize("length", range(9))
def test_numbers_of_a_file_begin_at_a_multiple_of_eight_bytes(length):
    """As the format asks, so that readers may map them; the header is JSON with spaces behind."""
    content = checksummed.encode("x" * length, TENSORS)
    size = int.from_bytes(content[:8], "little")
    assert size % 8 == 0
    header = json.loads(content[8 : 8 + size])
    assert list(header["__metadata__"]) == ["bpnet", "sha256"]
    start, end = header["b"]["data_offsets"]
    values = np.frombuffer(content[8 + size :][start:end], "f8")
    np.testing.assert_array_equal(values, TENSORS["b"].ravel())
