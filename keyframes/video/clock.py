"""The times of frames, from timestamps that may not make sense."""

from __future__ import annotations


class Clock:
    """Seconds after the first frame, from the timestamps as far as they make sense.

    A frame whose timestamp is missing, or doesn't lie behind the one before, gets the time one
    frame later at the header's rate.

    Parameters
    ----------
    tick_s
        Seconds in one unit of the timestamps.
    frame_s
        Seconds from one frame to the next, as the header claims.
    """

    def __init__(self, tick_s: float, frame_s: float) -> None:
        self.time_s = 0.0
        self._tick_s = tick_s
        self._frame_s = frame_s
        self._origin: int | None = None
        self._anchor_s, self._n_since = 0.0, -1  # the last time from a timestamp, frames since

    def tick(self, stamp: int | None) -> float:
        """Return the time of the next frame, given its timestamp."""
        self._n_since += 1
        if stamp is not None:
            if self._origin is None:
                self._origin = stamp
            time_s = (stamp - self._origin) * self._tick_s
            if time_s > self.time_s:
                self._anchor_s, self._n_since = time_s, 0
        self.time_s = self._anchor_s + self._n_since * self._frame_s
        return self.time_s
