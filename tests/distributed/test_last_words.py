"""What a rank says before it ends the job is taken from its pipe first."""

import os
import threading

from bpnet.distributed import mpi


def test_a_line_is_read_before_the_job_is_ended():
    end, start = os.pipe()
    os.write(start, b"bpnet: error\n")
    begun = threading.Event()

    def launcher():
        begun.wait()
        os.read(end, 100)

    reader = threading.Thread(target=launcher)
    reader.start()
    threading.Timer(0.05, begun.set).start()
    mpi._await_reader(start)
    assert begun.is_set()
    reader.join()


def test_a_pipe_that_nobody_reads_and_a_file_hold_up_nothing(tmp_path):
    end, start = os.pipe()
    os.write(start, b"bpnet: error\n")
    mpi._await_reader(start)
    assert os.read(end, 100) == b"bpnet: error\n"  # it is left to whoever comes
    with (tmp_path / "error").open("w+b", buffering=0) as file:
        file.write(b"bpnet: error\n")
        mpi._await_reader(file.fileno())
        assert file.tell() == 13
