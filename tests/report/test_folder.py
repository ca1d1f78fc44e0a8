"""The folder of a report: its page and its pictures are replaced, and nothing else is."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bpnet.cli import main
from bpnet.errors import InputError
from bpnet.report import page
from bpnet.storage import owned


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def site(made, tmp_path):
    """A report, and what somebody has put beside it."""
    folder = tmp_path / "site"
    page.write(made["digits"], folder, "1")
    (folder / "thesis").mkdir()
    for name in ("notes.txt", "photo.png", "thesis/chapter.tex", ".hidden", ".a.txt.1.partial"):
        (folder / name).write_bytes(b"mine")
    os.symlink("photo.png", folder / "link.png")
    return folder


def test_files_that_are_not_of_the_report_stay(made, site):
    mine = {name: held for name, held in contents(site).items() if held == b"mine"}
    assert len(mine) == 6
    before = page.pictures(site)
    page.write(made["numbers"], site, "2")
    assert mine.items() <= contents(site).items()
    now = page.pictures(site)
    assert {picture.name for picture in made["numbers"].pictures} == {n[:-4] for n in now}
    assert not any((site / name).exists() for name in before.keys() - now.keys())
    assert {path.name for path in site.iterdir()} == {
        "index.html", "thesis", *now, *(path.name for path in map(Path, mine))
    } - {"chapter.tex"}  # fmt: skip


def changed(folder):
    with (folder / "index.html").open("ab") as file:
        file.write(b"<!-- mine -->")


def a_page_of_another_program(folder):
    head = '<meta name="generator" content="bpnet 1">'
    (folder / "index.html").write_text(head)


def a_link(folder):
    (folder / "index.html").rename(folder / "page.html")
    (folder / "index.html").symlink_to("page.html")


def a_pipe(folder):
    (folder / "index.html").unlink()
    os.mkfifo(folder / "index.html")


@pytest.mark.parametrize("change", [changed, a_page_of_another_program, a_link, a_pipe])
def test_a_page_that_is_not_as_it_was_left_is_refused(made, runs, site, capsys, change):
    change(site)
    before = contents(site)
    assert main(["report", str(runs.digits), "--out", str(site)]) == 2
    error = capsys.readouterr().err
    assert "no report as bpnet left it; give --out another name" in error
    assert error.count("\n") == 1
    with pytest.raises(InputError, match="is not of a report"):
        page.write(made["digits"], site, "2")
    assert contents(site) == before


@pytest.mark.parametrize("how", ["another picture", "a link", "a folder", "a pipe"])
def test_a_picture_of_somebody_else_is_never_replaced(made, site, how):
    path, mine = site / "cost.svg", site.parent / "mine.svg"
    shutil.copy(path, mine)
    path.unlink()
    {
        "another picture": lambda: path.write_bytes(b"mine"),
        "a link": lambda: path.symlink_to(mine),
        "a folder": path.mkdir,
        "a pipe": lambda: os.mkfifo(path),
    }[how]()
    before = contents(site.parent)
    with pytest.raises(InputError, match="is not of a report"):
        page.write(made["digits"], site, "2")
    assert contents(site.parent) == before


def test_a_report_in_a_run_is_written_through_no_link(runs, tmp_path, capsys):
    run, www = tmp_path / "run", tmp_path / "www"
    shutil.copytree(runs.digits, run, ignore=shutil.ignore_patterns("report"))
    shutil.copytree(runs.digits, www, ignore=shutil.ignore_patterns("*"))
    (run / "report").symlink_to(www)
    assert main(["report", str(run)]) == 2
    assert "report is a link" in capsys.readouterr().err
    assert list(www.iterdir()) == []
    assert main(["report", str(run), "--out", str(tmp_path / "link")]) == 0
    (tmp_path / "again").symlink_to("link")
    assert main(["report", str(run), "--out", str(tmp_path / "again")]) == 0  # the user's own link


KILLS = """
import os, pickle, signal, sys
from pathlib import Path
from bpnet.report import page

first, second = pickle.loads(Path(sys.argv[1]).read_bytes())
for count in range(1, int(sys.argv[2])):
    folder = Path(sys.argv[3]) / str(count)
    page.write(first, folder, "1")
    pid = os.fork()
    if pid:
        status = os.waitpid(pid, 0)[1]
        assert os.WIFSIGNALED(status) == (count <= len(second.pictures)), (count, status)
        continue
    replace, done = Path.replace, []

    def killing(path, target):
        if len(done) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        done.append(target)
        return replace(path, target)

    Path.replace = killing
    page.write(second, folder, "2")
    os._exit(0)
"""
"""A process of its own: this one may have threads of a library, which do not survive a fork."""


def test_two_comparisons_begun_in_one_second_get_a_folder_each(made, tmp_path):
    (folder, fresh), _ = (page.folder_for([tmp_path / "a", tmp_path / "b"], None) for _ in range(2))
    first = page.write(made["digits"], folder, "1", fresh=fresh)
    before = contents(first.parent)
    second = page.write(made["classes"], folder, "1", fresh=fresh)
    assert (first.parent, second.parent) == (folder, folder.with_name(f"{folder.name}-2"))
    assert contents(first.parent) == before
    assert page.pictures(second.parent)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="its processes are forked")
def test_killed_between_any_two_files_the_next_report_takes_its_place(made, tmp_path):
    """Pictures of both pages lie there then, and both are known to be of a report."""
    whole, pages = tmp_path / "whole", tmp_path / "pages"
    page.write(made["classes"], whole, "2")
    wanted = page.pictures(whole)
    pages.write_bytes(pickle.dumps((made["digits"], made["classes"])))
    kills = [sys.executable, "-c", KILLS, str(pages), str(len(wanted) + 2), str(tmp_path)]
    subprocess.run(kills, check=True, timeout=300)
    for count in range(1, len(wanted) + 2):
        folder = tmp_path / str(count)
        page.folder_for([tmp_path], folder)
        page.write(made["classes"], folder, "2")
        assert page.pictures(folder) == wanted
        assert {path.name for path in folder.iterdir()} == {"index.html", *wanted}


def test_killed_before_its_first_page_a_report_can_be_written_there(made, tmp_path):
    for name in (".index.html.12.partial", ".cost.svg.12.partial"):
        (tmp_path / name).write_bytes(b"half")
    assert page.folder_for([tmp_path], tmp_path) == (tmp_path, False)
    page.write(made["numbers"], tmp_path, "1")
    assert not list(tmp_path.glob(".*"))
    assert owned.leftovers(tmp_path, ["index.html"]) == []
