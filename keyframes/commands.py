"""Command lines that a person can paste into the shell of this system."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# What neither cmd.exe nor PowerShell makes anything of; a comma is a list to the latter.
_PLAIN_ON_WINDOWS = re.compile(r"[\w.:/\\+=-]+")


def join_words(words: Iterable[str]) -> str:
    """Return a command line of these words, quoted where the shell asks for it.

    On Windows in double quotes, which no name of a file holds there.
    """
    if sys.platform == "win32":
        return " ".join(
            word if _PLAIN_ON_WINDOWS.fullmatch(word) else f'"{word}"' for word in words
        )
    return shlex.join(words)
