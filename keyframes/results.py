"""What an output folder holds: the finished results of many videos."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from keyframes.errors import OutputError
from keyframes.output import IMAGES, OutputFolder

if TYPE_CHECKING:
    from keyframes.run_record import Record


def find_results(root: Path) -> dict[str, Record]:
    """Return the run records in an output folder, by stem."""
    records = {}
    for path in sorted(root.glob("*.json")):
        with suppress(OutputError):  # other people's JSON may lie beside ours, and notes do
            if record := OutputFolder(root, path.stem).read_record():
                records[path.stem] = record
    return records


def find_results_below(root: Path) -> dict[OutputFolder, Record]:
    """Return the run records in an output folder and in the folders in it, by path.

    It looks only where there are pictures of ours, and not through these: there may be many.
    """
    records: dict[OutputFolder, Record] = {}
    pictures: set[Path] = set()
    for name, inner, _ in os.walk(root):
        folder = Path(name)
        if IMAGES in inner:
            found = find_results(folder)  # none in a labelling project, which has such a folder
            records |= {OutputFolder(folder, stem): found[stem] for stem in found}
            pictures |= {OutputFolder(folder, stem).images for stem in found}
        inner[:] = sorted(each for each in inner if folder / each not in pictures)
    return records


def require_results(root: Path) -> dict[OutputFolder, Record]:
    """Return what `find_results_below` does; OutputError where there are none."""
    if results := find_results_below(root):
        return results
    raise OutputError(f"{root}: holds no finished keyframes; run keyframes extract first")
