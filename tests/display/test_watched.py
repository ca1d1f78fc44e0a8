"""What ``verbose`` shows: nothing unwatched, lines on a terminal, a cell in a notebook."""

import base64
import io
import re
from contextlib import redirect_stdout

import pytest

import bpnet
from bpnet.callbacks import Progress


def train(count=1, **options):
    data = bpnet.data.load("digits", validation=0.1)
    nets = [bpnet.Network([64, 8, 10], seed=seed) for seed in range(count)]
    model = nets if count > 1 else nets[0]
    return bpnet.train(model, data, epochs=3, backend="numpy", **options)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


def lines(text):
    return [line for line in text.splitlines() if "epoch" in line and "validation" in line]


@pytest.mark.parametrize("options", [{}, {"verbose": 0}, {"verbose": 1}])
def test_nothing_is_shown_where_nobody_watches(capsys, options):
    train(**options)
    train(callbacks=[Progress()])
    assert capsys.readouterr().out == ""


def test_a_log_gets_lines_with_verbose_2(capsys):
    shown = train(verbose=2)
    (first, *_, last) = said = lines(capsys.readouterr().out)
    assert len(said) == 3
    assert first.startswith("epoch 1/3  cost ")
    assert f"validation cost {shown['validation_cost'][-1]:.4f}" in last


@pytest.mark.parametrize("options", [{"verbose": 1}, {"callbacks": [Progress()]}])
def test_a_terminal_gets_a_line_an_epoch(terminal, options):
    with redirect_stdout(terminal):
        history = train(**options)
    said = lines(terminal.getvalue())
    assert len(said) == 3
    assert f"validation {history['validation_cost'][-1]:.4f}, " in said[-1]


def test_the_networks_of_a_set_are_counted(terminal):
    with redirect_stdout(terminal):
        train(3, verbose=1)
    assert "3/3 networks" in terminal.getvalue()
    assert lines(terminal.getvalue()) == []


def test_a_log_gets_the_last_line_of_a_set_however_short_it_was(capsys):
    train(3, verbose=2)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("3/3 networks  0:00")


@pytest.mark.parametrize("count", [1, 2])
def test_the_terminal_is_restored_after_an_error(terminal, count):
    class Fails(bpnet.Callback):
        def on_epoch_end(self, run):
            raise ZeroDivisionError

    shown = Progress()
    with pytest.raises(ZeroDivisionError), redirect_stdout(terminal):
        train(count, callbacks=[shown, Fails()])
    assert shown._view is None
    assert terminal.getvalue().count("\x1b[?25h") == terminal.getvalue().count("\x1b[?25l") == 1


def test_another_verbosity_is_refused():
    with pytest.raises(bpnet.InputError, match="verbose is 3; give 1, or 2 for lines in a file"):
        train(verbose=3)


CELLS = [
    """
import bpnet
data = bpnet.data.load("digits", validation=0.1)
net = bpnet.Network([64, 16, 10], seed=0)
history = bpnet.train(net, data, epochs=30, verbose=1, backend="numpy")
""",
    "history",
    "history.plot()",
    """
nets = [bpnet.Network([64, 16, 10], seed=seed) for seed in range(3)]
_ = bpnet.train(nets, data, epochs=3, verbose=1, backend="numpy")
""",
    "!{__import__('sys').executable} -m bpnet train --epochs 60 --hidden 8 --out {folder}",
]


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """Outputs of a notebook's cells, as a browser gets them."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    folder = f"folder = {str(tmp_path_factory.mktemp('runs') / 'a')!r}\n"
    cells = [nbformat.v4.new_code_cell(text.strip()) for text in (folder + CELLS[0], *CELLS[1:])]
    book = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3").execute()
    return [cell.outputs for cell in book.cells]


def test_a_notebook_has_one_output_with_a_table_and_curves(notebook):
    (output,) = notebook[0]
    assert output.data["text/plain"].startswith("epoch 30/30  0:0")
    page = output.data["text/html"]
    assert '<progress value="1.0000" max="1">' in page
    assert "<td>30</td>" in page
    (drawn,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    picture = base64.b64decode(drawn).decode()
    assert all(word in picture for word in ("cost", "accuracy", "training", "validation"))


def test_a_history_is_a_table_and_a_plot_is_drawn_once(notebook):
    ((table,), plot) = notebook[1:3]
    assert table.data["text/plain"].startswith("History(30 epochs: ")
    assert "<td>30</td>" in table.data["text/html"]
    assert [output.output_type for output in plot if "image/png" in output.get("data", {})] == [
        "display_data"
    ]


def test_a_set_is_counted_in_a_notebook(notebook):
    (output,) = notebook[3]
    assert output.data["text/plain"].startswith("3/3 networks  0:0")


def test_the_command_in_a_notebook_writes_plain_lines(notebook):
    text = "".join(output.text for output in notebook[4])
    assert "\x1b" not in text
    assert len(lines(text)) == 31
