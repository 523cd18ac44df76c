"""Work in other threads, in order."""

import itertools
import os
import threading
import time

import pytest

from keyframes.ahead import count_cores, count_threads, map_ahead, run_ahead
from keyframes.errors import SettingsError


def test_slurms_grant_counts(monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    assert count_cores() == 1
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "100000")
    assert count_cores() <= os.cpu_count()


def test_threads_are_those_asked_for_or_one_a_core():
    assert count_threads(3) == 3
    assert count_threads(100_000) == max(16, count_cores())
    assert count_threads(None) == count_cores()
    for none in (0, -1, 1.5, "2", True, float("nan")):
        with pytest.raises(SettingsError, match=f"threads must be a whole .* got {none!r}"):
            count_threads(none)


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


class TestRunAhead:
    def test_items_come_in_their_order_from_another_thread(self):
        made_by = set()

        def items():
            for x in range(10):
                made_by.add(threading.get_ident())
                yield x

        with run_ahead(items(), waiting=3) as ahead:
            assert list(ahead) == list(range(10))
        assert len(made_by) == 1
        assert threading.get_ident() not in made_by

    def test_items_are_made_before_they_are_asked_for(self):
        made_the_second = threading.Event()

        def items():
            yield 1
            made_the_second.set()
            yield 2

        with run_ahead(items(), waiting=2) as ahead:
            assert made_the_second.wait(timeout=10)
            assert list(ahead) == [1, 2]

    @pytest.mark.parametrize("waiting", [1, 4])
    def test_no_more_items_are_made_than_may_wait(self, waiting):
        made = []

        def items():
            for x in range(20):
                made.append(x)
                yield x

        with run_ahead(items(), waiting=waiting) as ahead:
            time.sleep(0.05)
            assert len(made) <= waiting
            for n_used, _ in enumerate(ahead, start=1):
                time.sleep(0.005)
                assert len(made) - n_used <= waiting

    def test_an_error_comes_out_in_its_place(self):
        with run_ahead((1 // x for x in [1, 1, 0, 1]), waiting=4) as ahead:
            assert [next(ahead), next(ahead)] == [1, 1]
            with pytest.raises(ZeroDivisionError):
                next(ahead)
            assert list(ahead) == []

    def test_when_it_ends_early_the_thread_ends_too(self):
        made = []

        def items():
            for x in itertools.count():
                made.append(x)
                yield x

        def interrupt():
            with run_ahead(items(), waiting=2) as ahead:
                next(ahead)
                raise KeyboardInterrupt

        before = threading.active_count()
        with pytest.raises(KeyboardInterrupt):
            interrupt()
        n_made = len(made)
        assert threading.active_count() == before
        time.sleep(0.02)
        assert len(made) == n_made <= 3
