"""Downloads, from a server of our own: nothing gets its name before its hash is right."""

import gzip
import hashlib
import http.server
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pooch
import pytest

from bpnet.data import download, fetch
from bpnet.data.idx import FILES
from bpnet.errors import InputError


class Server(http.server.ThreadingHTTPServer):
    """Serve `files`; count what is asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut = 0  # bytes that are announced and not sent
        self.failures = 0  # requests to refuse before any is answered


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.removeprefix("/")
        self.server.asked.append(name)
        content = self.server.files.get(name)
        if self.server.failures:
            self.server.failures -= 1
            self.send_error(503)
        elif content is None:
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) - self.server.cut])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    for name in FILES:
        server.files[f"{name}.gz"] = gzip.compress(name.encode() * 100)
    hashes = tuple(hashlib.sha256(server.files[f"{n}.gz"]).hexdigest() for n in FILES)
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    monkeypatch.setitem(download.ORIGINS, "mnist", download.Origin(url, hashes))
    monkeypatch.setattr(download, "SYSTEM", tmp_path / "system")
    monkeypatch.setattr(download, "RETRIES", 0)
    monkeypatch.setenv("BPNET_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def held(tmp_path: Path) -> dict[str, bytes]:
    folder = tmp_path / "cache" / "mnist"
    return {p.name: p.read_bytes() for p in folder.iterdir()} if folder.exists() else {}


def test_the_right_files_are_kept(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert fetch("mnist") == tmp_path / "cache" / "mnist"
    assert held(tmp_path) == server.files
    assert capfd.readouterr() == ("", "")


def test_what_is_there_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    fetch("mnist")
    server.asked.clear()
    fetch("mnist")
    assert server.asked == []
    (tmp_path / "cache" / "mnist" / f"{FILES[1]}.gz").write_bytes(b"damaged on disk")
    fetch("mnist")
    assert server.asked == [f"{FILES[1]}.gz"]
    assert held(tmp_path) == server.files


def test_files_put_there_by_hand_without_gz_are_left_alone(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "mnist"
    folder.mkdir(parents=True)
    (folder / FILES[0]).write_bytes(b"by hand")
    fetch("mnist")
    assert f"{FILES[0]}.gz" not in server.asked
    assert (folder / FILES[0]).read_bytes() == b"by hand"


def flip(server: Server) -> None:
    content = bytearray(server.files[f"{FILES[0]}.gz"])
    content[20] ^= 1
    server.files[f"{FILES[0]}.gz"] = bytes(content)


def shorten(server: Server) -> None:
    server.files[f"{FILES[0]}.gz"] = server.files[f"{FILES[0]}.gz"][:-1]


def break_off(server: Server) -> None:
    server.cut = 5


def lose(server: Server) -> None:
    del server.files[f"{FILES[0]}.gz"]


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (flip, "hash"),
        (shorten, "hash"),
        (break_off, "hash|incomplete|IncompleteRead"),
        (lose, "404"),
    ],
)
def test_nothing_is_left_under_the_name_of_a_refused_file(
    server: Server,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    harm: "object",
    why: str,
) -> None:
    harm(server)  # type: ignore[operator]
    with pytest.raises(InputError, match=f"(?i){why}") as caught:
        fetch("mnist")
    message = str(caught.value)
    assert "\n" not in message
    assert f"put {', '.join(f'{name}.gz' for name in FILES)} into" in message
    assert str(tmp_path / "cache" / "mnist") in message
    assert "name any folder with these files" in message
    assert held(tmp_path) == {}
    assert capfd.readouterr() == ("", "")


def test_a_passing_fault_is_tried_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "RETRIES", 2)
    monkeypatch.setattr("time.sleep", lambda _: None)
    server.failures = 2
    fetch("mnist")
    assert held(tmp_path) == server.files


def test_no_network_is_one_line(server: Server, tmp_path: Path) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(InputError, match="can't fetch mnist") as caught:
        fetch("mnist")
    message = str(caught.value)
    assert "\n" not in message
    assert "Connection refused" in message  # the cause itself, whole
    assert "..." not in message
    assert "apt install" not in message  # no package of Debian's has it
    assert held(tmp_path) == {}


def test_debians_package_is_named_where_there_is_one(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = replace(download.ORIGINS["mnist"], package="dataset-fashion-mnist")
    monkeypatch.setitem(download.ORIGINS, "fashion-mnist", origin)
    lose(server)
    with pytest.raises(InputError, match="`apt install dataset-fashion-mnist`"):
        fetch("fashion-mnist")


def test_addresses_are_encrypted_and_packages_are_named() -> None:
    assert all(one.url.startswith("https://") for one in download.ORIGINS.values())
    assert download.ORIGINS["fashion-mnist"].package == "dataset-fashion-mnist"


def test_without_pooch_one_line_names_the_cure(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(InputError, match=r'pip install "pooch>=1.8" "requests>=2.31"'):
        fetch("mnist")
    monkeypatch.delenv("BPNET_DATA")
    assert download.cache() is None
    with pytest.raises(InputError, match=r'pip install "pooch>=1.8" .* setting BPNET_DATA=FOLDER'):
        fetch("mnist")


def test_pooch_may_speak_again_afterwards(server: Server) -> None:
    level = pooch.get_logger().level
    fetch("mnist")
    assert pooch.get_logger().level == level


def test_hashes_are_of_four_files_each() -> None:
    for origin in download.ORIGINS.values():
        assert set(origin.sha256) == {f"{name}.gz" for name in FILES}
        assert all(len(bytes.fromhex(value)) == 32 for value in origin.sha256.values())
        assert len(set(origin.sha256.values())) == len(FILES)
    assert not np.intersect1d(*(list(o.sha256.values()) for o in download.ORIGINS.values())).size
