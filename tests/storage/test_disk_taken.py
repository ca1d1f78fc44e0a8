"""Files that another process has made meanwhile, or that this one's own output goes to."""

import subprocess
import sys

import pytest

from bpnet.storage import disk

REFUSED = """
from bpnet.storage import disk
from bpnet.errors import InputError
try:
    disk.writable("said")
except InputError as error:
    assert "it is standard output, a pipe or a device" in str(error)
else:
    raise SystemExit("said was taken")
"""


def test_a_file_that_is_there_stays_where_it_is_not_to_be_replaced(tmp_path):
    (tmp_path / "config").write_bytes(b"another's")
    with pytest.raises(FileExistsError):
        disk.write(tmp_path / "config", b"ours", replace=False)
    assert (tmp_path / "config").read_bytes() == b"another's"
    assert [path.name for path in tmp_path.iterdir()] == ["config"]
    disk.write(tmp_path / "new", b"ours", replace=False)
    assert (tmp_path / "new").read_bytes() == b"ours"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_file_that_a_stream_goes_to_is_refused(tmp_path, stream):
    other = {"stdout": "stderr", "stderr": "stdout"}[stream]
    with (tmp_path / "said").open("wb") as said:
        done = subprocess.run(
            [sys.executable, "-c", REFUSED], cwd=tmp_path, check=False,
            **{stream: said, other: subprocess.PIPE},
        )  # fmt: skip
    assert done.returncode == 0
