"""What can go wrong, as a small tree.

::

    KeyframesError
    ├── SettingsError      an option or argument has a value that can't work  (also a ValueError)
    ├── VideoError         a recording can't be read, or not exactly
    ├── OutputError        the output can't be written, or isn't ours to replace
    └── MissingExtraError  an optional dependency isn't installed  (also an ImportError)

Every message is one line: what happened, with which value, and what to do.
"""

from __future__ import annotations


class KeyframesError(Exception):
    """Base of every error that keyframes raises on purpose."""


class SettingsError(KeyframesError, ValueError):
    """An option or argument has a value that can't work."""


class VideoError(KeyframesError):
    """A recording can't be read, or not exactly."""


class OutputError(KeyframesError):
    """The output can't be written, or what is there isn't ours to replace."""


class MissingExtraError(KeyframesError, ImportError):
    """An optional dependency isn't installed; the message names the install command."""
