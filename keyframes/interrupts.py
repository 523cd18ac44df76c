"""Ctrl-C, and the SIGTERM with which schedulers end a job that runs out of time.

Either raises KeyboardInterrupt. While modules are loaded that isn't safe: it may come up in a
callback of C code, which shows it and goes on. There the process ends at once.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

EXIT_INTERRUPTED = 130
STOPPED = "stopped; the same command goes on where this one ended"
_IMPORTING = "<frozen importlib._bootstrap>"


def heed_interrupts() -> None:
    """Stop on both signals, unless Ctrl-C is passed over, as of what runs in the background."""
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _stop)


def _stop(_: int, frame: FrameType | None) -> None:
    while frame:
        if frame.f_code.co_filename == _IMPORTING:
            with suppress(OSError):
                os.write(2, f"keyframes: {STOPPED}\n".encode())
            os._exit(EXIT_INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt
