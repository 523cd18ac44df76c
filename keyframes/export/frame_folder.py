"""Folders of frames as DeepLabCut and Lightning Pose keep them: ``labeled-data/<name>/img<N>.png``.

The first run of digits in a picture's name is the frame number.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from keyframes.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PICTURE = re.compile(r"\D*(\d+)\D*\.(?:png|jpe?g)", re.ASCII | re.IGNORECASE)


def find_pictures(folder: Path) -> dict[int, str]:
    """Return the file names of the frames in a folder, by frame number; empty for no folder.

    Raises
    ------
    OutputError
        Two pictures have the same frame number.
    """
    found: dict[int, str] = {}
    if not folder.is_dir():
        return found
    for name in sorted(path.name for path in folder.iterdir()):
        if match := _PICTURE.fullmatch(name):
            other = found.setdefault(int(match[1]), name)
            if other != name:
                raise OutputError(
                    f"{folder}: {other} and {name} are the same frame; remove the one that "
                    "isn't labelled"
                )
    return found


def find_labelled(table: Path, folder_name: str) -> dict[int, str]:
    """Return the file names of the frames in a table of labels, by frame number.

    Parameters
    ----------
    table
        A CollectedData csv; it need not exist. Each row begins with the path of a picture, in
        one cell or in three.
    folder_name
        Only pictures in this folder of ``labeled-data`` count.
    """
    found: dict[int, str] = {}
    if not table.is_file():
        return found
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            cells = row[:3] if row[:1] == ["labeled-data"] else row[:1]
            parts = "/".join(cells).replace("\\", "/").split("/")
            match = _PICTURE.fullmatch(parts[-1])
            if match and parts[:-1] == ["labeled-data", folder_name]:
                found[int(match[1])] = parts[-1]
    return found


def padded_width(names: Iterable[str]) -> int | None:
    """Return to how many digits the frame numbers are padded; None when there are no names.

    Raises
    ------
    OutputError
        The names are padded differently.
    """
    digits = sorted((re.findall(r"\d+", name)[0] for name in names), key=len)
    if not digits:
        return None
    width = len(digits[0])
    for number in digits:
        if len(number) > width and number.startswith("0"):
            raise OutputError(
                f"frame numbers of {width} and {len(number)} digits ({digits[0]}, {number}) stand "
                "in one folder, and the labelling tools would sort them wrongly; rename them to "
                "one width"
            )
    return width
