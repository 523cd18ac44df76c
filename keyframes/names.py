"""What names of files mean, whichever system wrote them.

Windows and macOS don't tell ``Mouse.mp4`` from ``mouse.mp4``, and macOS not an ``é`` of one letter
from one of two. macOS puts a ``._name`` beside each ``name`` on disks that aren't its own.
"""

from __future__ import annotations

import os
import unicodedata
from contextlib import suppress
from itertools import takewhile
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_OF_WINDOWS = ("desktop.ini", "thumbs.db")


def fold_name(name: str) -> str:
    """Return what names have in common that are one name to some system."""
    return unicodedata.normalize("NFC", name).casefold()


def is_of_system(name: str) -> bool:
    """Say whether a file of this name is one that macOS or Windows puts into people's folders."""
    return name.startswith("._") or name.casefold() in _OF_WINDOWS


def list_names(folder: Path) -> frozenset[str]:
    """Return the names in a folder; none where one may open its files, but not look around."""
    with suppress(OSError):
        return frozenset(path.name for path in folder.iterdir())
    return frozenset()


def as_listed(path: Path, names: Collection[str]) -> Path:
    """Return the path of a file with the name that its folder lists, however it was typed."""
    if path.name in names:
        return path
    alike = (path.with_name(name) for name in names if fold_name(name) == fold_name(path.name))
    return next((each for each in alike if is_same_file(each, path)), path)


def is_same_file(one: Path, other: Path) -> bool:
    """Say whether two paths lead to one file; False where either leads nowhere."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def to_absolute(path: Path) -> Path:
    """Return a path as it is called from any folder; that of another system stays as it is."""
    is_absolute_elsewhere = PureWindowsPath(path).is_absolute() or path.as_posix().startswith("/")
    if is_absolute_elsewhere and not (path.is_absolute() or path.exists()):
        return path
    return type(path)(os.path.abspath(path))  # noqa: PTH100 - a link stays what it is called


def count_shared_parts(one: str, other: str) -> int:
    """Return how many names two paths of any system have in common, from the file upward."""
    ends = zip(_names_upward(one), _names_upward(other), strict=False)
    return sum(1 for _ in takewhile(lambda names: names[0] == names[1], ends))


def _names_upward(path: str) -> list[str]:
    return [fold_name(part) for part in reversed(PureWindowsPath(path).parts)]
