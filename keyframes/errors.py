"""What can go wrong, as a small tree.

::

    KeyframesError
    ├── SettingsError      an option or argument has a value that can't work  (also a ValueError)
    │   └── RowError           there is no row of this number  (also an IndexError)
    ├── VideoError         a recording can't be read, or not exactly
    │   └── UnrepeatableError  it decodes differently each time
    ├── OutputError        the output can't be written, or isn't ours to replace
    ├── MissingExtraError  an optional dependency isn't installed  (also an ImportError)
    └── NotFittedError     a KMeans was used before `fit`  (also a ValueError, an AttributeError)

Every message is one line: what happened, with which value, and what to do.
"""

from __future__ import annotations


class KeyframesError(Exception):
    """Base of every error that keyframes raises on purpose."""


class SettingsError(KeyframesError, ValueError):
    """An option or argument has a value that can't work."""


class RowError(SettingsError, IndexError):
    """There is no row of this number."""


class VideoError(KeyframesError):
    """A recording can't be read, or not exactly."""


class UnrepeatableError(VideoError):
    """A recording decodes differently each time, or it was changed meanwhile.

    Attributes
    ----------
    frame
        The number of a frame that came out otherwise.
    """

    def __init__(self, message: str, frame: int = -1) -> None:
        super().__init__(message)
        self.frame = frame


class OutputError(KeyframesError):
    """The output can't be written, or what is there isn't ours to replace."""


class MissingExtraError(KeyframesError, ImportError):
    """An optional dependency isn't installed; the message names the install command."""


class NotFittedError(KeyframesError, ValueError, AttributeError):
    """A KMeans was used before `fit`."""
