"""Do work in other threads, in order, with little of it in memory."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from keyframes.checks import check_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")

# Threads that may be started on any machine; of more than both these and the cores, some would
# only wait for others.
FEW_THREADS = 16

_END: Any = object()


def count_cores() -> int:
    """Return how many cores this process may use."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    # Not every SLURM binds its jobs to the cores that it gave them.
    granted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return min(cores, int(granted)) if granted.isdecimal() else cores


def count_threads(asked: int | None) -> int:
    """Return how many threads to start where so many are asked for, None for one a core.

    Raises
    ------
    SettingsError
        It is no whole number of at least 1.
    """
    if asked is None:
        return count_cores()
    check_count("threads", asked, otherwise=", or None for one a core")
    return min(asked, max(FEW_THREADS, count_cores()))


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, threads: int, waiting: int
) -> Iterator[tuple[Item, Result]]:
    """Apply a function in other threads while the next items are being made.

    Parameters
    ----------
    function
        What to apply; safe to be called in several threads.
    items
        Made one after the other in the calling thread.
    threads
        How many threads apply the function.
    waiting
        How many items are in hand at most.

    Yields
    ------
    item, result
        In the order of the items.
    """
    pending: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            pending.append((item, pool.submit(function, item)))
            if len(pending) == waiting:
                first, result = pending.popleft()
                yield first, result.result()
        for first, result in pending:
            yield first, result.result()


@contextmanager
def run_ahead(items: Iterator[Item], *, waiting: int) -> Iterator[Iterator[Item]]:
    """Take items out of an iterator in another thread, before they are asked for.

    Parameters
    ----------
    items
        Makes one after the other in that thread.
    waiting
        How many items are there at most that nobody has asked for.

    Yields
    ------
    Iterator
        The items, in their order; an error comes out in its place. When the context ends, the
        item that is just being made is waited for, and no more are begun.
    """
    pool = ThreadPoolExecutor(1)
    pending = deque(pool.submit(next, items, _END) for _ in range(waiting))

    def take() -> Item:
        first = pending.popleft()
        pending.append(pool.submit(next, items, _END))
        return first.result()

    try:
        yield iter(take, _END)
    finally:
        pool.shutdown(cancel_futures=True)
