"""Run a function in a process of its own, whose memory goes with it.

A child's peak memory counts from its parent's at the time of the start, so a program that
measures children has to stay small itself.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def run_apart(function, *arguments):
    """Return what the function returns."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()
