"""What an output folder holds: the finished results of many videos."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from keyframes.errors import OutputError
from keyframes.output import IMAGES, OutputFolder
from keyframes.run_record import DamagedRecordError

if TYPE_CHECKING:
    from keyframes.run_record import Record


def find_results(root: Path, *, is_strict: bool = False) -> dict[str, Record]:
    """Return the run records in an output folder, by stem.

    One that isn't whole is left out; to be strict, `DamagedRecordError` where its pictures are.
    """
    records = {}
    for path in sorted(root.glob("*.json")):
        folder = OutputFolder(root, path.stem)
        try:
            record = folder.read_record()
        except OutputError as error:  # other people's JSON may lie beside ours, and notes do
            if is_strict and isinstance(error, DamagedRecordError) and folder.images.is_dir():
                raise
            continue
        if record:
            records[path.stem] = record
    return records


def find_results_below(root: Path, *, is_strict: bool = False) -> dict[OutputFolder, Record]:
    """Return the run records in an output folder and in the folders in it, by path.

    It looks only where there are pictures of ours, and not through these: there may be many.
    ``is_strict`` as for `find_results`; OSError where a folder can't be looked into, too.
    """

    def refuse(error: OSError) -> None:
        if is_strict and not isinstance(error, FileNotFoundError):  # which holds nothing
            raise error

    records: dict[OutputFolder, Record] = {}
    pictures: set[Path] = set()
    for name, inner, _ in os.walk(root, onerror=refuse):
        folder = Path(name)
        if IMAGES in inner:
            # None in a labelling project, which has such a folder.
            found = find_results(folder, is_strict=is_strict)
            records |= {OutputFolder(folder, stem): found[stem] for stem in found}
            pictures |= {OutputFolder(folder, stem).images for stem in found}
        inner[:] = sorted(each for each in inner if folder / each not in pictures)
    return records


def require_results(root: Path) -> dict[OutputFolder, Record]:
    """Return what `find_results_below` does; OutputError where there are none, or not all whole."""
    if results := find_results_below(root, is_strict=True):
        return results
    raise OutputError(f"{root}: holds no finished keyframes; run keyframes extract first")
