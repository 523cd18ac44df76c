"""Work in other threads, in order."""

import threading
import time

import pytest

from keyframes.ahead import map_ahead


def test_results_come_in_the_order_of_the_items():
    def late_if_even(x):
        time.sleep(0.01 * (x % 2 == 0))
        return x * x

    done = list(map_ahead(late_if_even, range(10), threads=3, waiting=4))
    assert done == [(x, x * x) for x in range(10)]


def test_no_more_items_are_taken_than_may_wait():
    taken = []

    def items():
        for x in range(20):
            taken.append(x)
            yield x

    for n_done, _ in enumerate(map_ahead(abs, items(), threads=2, waiting=5)):
        assert len(taken) - n_done <= 5


def test_the_function_runs_beside_the_making_of_items():
    made_the_second = threading.Event()

    def items():
        yield 1
        made_the_second.set()
        yield 2

    def wait(item):
        return made_the_second.wait(timeout=10) and item

    assert [result for _, result in map_ahead(wait, items(), threads=1, waiting=2)] == [1, 2]


def test_an_error_in_a_thread_comes_out():
    with pytest.raises(ZeroDivisionError):
        list(map_ahead(lambda x: 1 // x, [1, 0, 1], threads=2, waiting=3))
