"""Freed memory that is kept for the next step instead of given back to the system."""

import numpy as np

_LARGEST = 32 * 2**20 - 2**16
"""Just under the largest block that glibc's allocator learns from."""


def keep_freed() -> None:
    """Teach the C library's allocator that large blocks come and go.

    glibc gives a freed block back to the system if it is above a size that starts at 128 KiB and
    grows to that of the largest block freed so far, and the top of its heap above twice that. Each
    array of a step is then paid for again in page faults: 30 to 45 % of a step of 784-512-512-10
    at batch 128. One block, never touched, is enough; other allocators do not mind.
    """
    np.empty(_LARGEST, dtype=np.uint8)
