"""Command lines, as the shell of this system takes them from a person, and gives them."""

from __future__ import annotations

import re
import shlex
import sys
from glob import glob
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


def spell_out(words: Iterable[str]) -> list[str]:
    """Put the files that a pattern such as ``*.mp4`` matches in its place, on Windows.

    Elsewhere the shell has done so. Brackets are no pattern: they are in many names.
    """
    spelled_out: list[str] = []
    for word in words:
        is_pattern = sys.platform == "win32" and not {*word}.isdisjoint("*?")
        files = sorted(glob(word.replace("[", "[[]"))) if is_pattern else []  # noqa: PTH207
        spelled_out += files or [word]
    return spelled_out
