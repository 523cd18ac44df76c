"""Do work in other threads, in order, with little of it in memory."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")


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
