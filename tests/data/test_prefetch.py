"""Work one item ahead: the same results in the same order, errors in their turn, no thread left."""

import threading

import pytest

from bpnet.data import prefetch


def test_the_next_is_under_way_and_no_more_than_that():
    begun, third = [], threading.Event()

    def work(i):
        begun.append(i)
        if i == 2:
            third.set()
        return i

    items = prefetch.ahead(work, range(10))
    assert next(items) == 0
    assert next(items) == 1
    assert third.wait(10)
    assert begun == [0, 1, 2]
    assert list(items) == list(range(2, 10))


def test_an_error_is_raised_in_its_turn():
    items = prefetch.ahead(lambda i: 1 // i, [1, 2, 0, 3])
    assert [next(items), next(items)] == [1, 0]
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_no_thread_is_left():
    before = threading.active_count()
    items = prefetch.ahead(abs, range(100))
    next(items)
    assert threading.active_count() == before + 1
    items.close()
    assert threading.active_count() == before
