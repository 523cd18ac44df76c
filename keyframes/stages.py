"""What a video goes through, told to whoever watches."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Stage = Literal["waiting", "reading", "clustering", "writing"]
    # Called with the stage, how much of it is done, and how much it is in all.
    Progress = Callable[[Stage, int, int], None]

logger = logging.getLogger(__name__)


class Stages:
    """What a video goes through: tells how far each stage is, and keeps how long it took.

    Attributes
    ----------
    seconds
        How long each stage took, in their order.
    """

    def __init__(self, video: Path, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self._video = video
        self._progress = progress

    def wait(self) -> None:
        """Tell that another run is at work on the video."""
        logger.warning("%s: another run is at work on it; this one waits", self._video)
        if self._progress:
            self._progress("waiting", 0, 0)

    @contextmanager
    def enter(self, stage: Stage) -> Iterator[Callable[[int, int], None]]:
        """Time a stage; yield what is to be called with (done, total)."""
        report = partial(self._progress, stage) if self._progress else _ignore
        report(0, 0)  # how much there is to do isn't known yet
        start = time.perf_counter()
        yield report
        took = time.perf_counter() - start
        self.seconds[stage] = self.seconds.get(stage, 0.0) + took
        logger.info("%s: %s took %.2f s", self._video, stage, took)


def _ignore(done: int, total: int) -> None:
    """Report progress to nobody."""
