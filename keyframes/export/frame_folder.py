"""Folders of frames as DeepLabCut and Lightning Pose keep them: ``labeled-data/<name>/img<N>.png``.

The frame number is the only number in a picture's name, or the only one behind its ``img``
(``cam2_img0042.png``); what has several (``img3_labeled4.png``) is no frame of the recording.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import cv2

from keyframes.errors import OutputError
from keyframes.export.history import LABELLED, NOT_OURS
from keyframes.files import check_writable
from keyframes.images import is_ours, png_size, read_label, read_picture
from keyframes.names import fold_name, is_of_system
from keyframes.resizing import shrink
from keyframes.words import to_count

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from keyframes.export.sources import Source
    from keyframes.records import Image

# Versions of FFmpeg turn one frame into colours that differ by a few levels at most; programs
# that know other colour spaces, by more.
SAME_LEVELS = 8
ALIKE_LEVELS = 40
_SMALL = 64  # pixels
# What a picture's label says of its frame, whatever was chosen with it.
_OF_THE_FRAME = ("Software", "sha256_of_samples", "frame_index")
_PICTURE = re.compile(r"(?:.*img)?\D*(\d+)\D*\.(?:png|jpe?g)", re.ASCII | re.IGNORECASE)
# In tables of labels: what stands between cells, or between the parts of a path.
_SEPARATOR = re.compile(r"[,;\t/\\]")
_SUFFIXES = (".png", ".jpg", ".jpeg")
_OF_FILES = (".csv", ".json", ".slp", ".txt", ".xml", ".zip")
_HEADERS = ("", "scorer", "individuals", "bodyparts", "coords")


def is_called_a_file(destination: Path) -> bool:
    """Say whether a destination has the name of a file, and isn't a folder nevertheless."""
    return destination.suffix.lower() in _OF_FILES and not destination.is_dir()


def check_folder(destination: Path) -> None:
    """Raise OutputError where no folder can be made, or where its name is that of a file."""
    if is_called_a_file(destination):
        raise OutputError(f"{destination}: would be a folder of a file's name; name a folder")
    check_writable(destination / "images")


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
        if not is_of_system(name) and (match := _PICTURE.fullmatch(name)):
            other = found.setdefault(int(match[1]), name)
            if other != name:
                raise OutputError(
                    f"{folder}: {other} and {name} are the same frame; remove the one that "
                    "isn't labelled"
                )
    return found


def sizes_in(folder: Path) -> dict[tuple[int, int], Path]:
    """Return the sizes of the PNGs in a folder, each with one that has it."""
    names = find_pictures(folder).values()
    pngs = [folder / name for name in names if name.lower().endswith(".png")]
    return {png_size(png): png for png in reversed(pngs)}


def check_recording(folder: Path, source: Source) -> bool:
    """Refuse frames of another recording; say whether it is a guess that they are of this one.

    Only our own pictures tell, and only of the content that their recording had.

    Raises
    ------
    OutputError
        Some are of another recording, by its content.
    """
    labels = [read_label(folder / name) for name in find_pictures(folder).values()]
    digests = {label["sha256_of_samples"] for label in labels if "sha256_of_samples" in label}
    if digests - {source.identity["sha256_of_samples"]}:
        raise OutputError(
            f"{folder}: holds frames of another recording of this name, not of {source.video}; "
            "rename one of the recordings, or export to another project"
        )
    return bool(labels) and not digests


def find_kept(
    folder: Path, gone: Mapping[int, Path], labelled: Collection[int] = ()
) -> dict[int, str]:
    """Return why a frame must stay in a folder, by its number.

    Parameters
    ----------
    folder
        Where copies of our pictures are, and other people's pictures.
    gone
        Our pictures of frames that are keyframes no more, by frame number.
    labelled
        Frames that are labelled.
    """
    kept = {}
    for frame, name in find_pictures(folder).items():
        if frame in gone and frame in labelled:
            kept[frame] = LABELLED
        elif frame in gone and not _is_copy(folder / name, gone[frame]):
            kept[frame] = NOT_OURS
    return kept


def withdraw(
    folder: Path, gone: Mapping[int, Path], labelled: Collection[int] = ()
) -> dict[int, str]:
    """Remove the pictures of frames from a folder; return why a frame stays, as `find_kept`."""
    kept = find_kept(folder, gone, labelled)
    remove_pictures(folder, gone.keys() - kept.keys())
    return kept


def is_same_frame(there: Path, ours: Path) -> bool:
    """Say whether a picture that is there already shows what ours does, going by small copies.

    Raises
    ------
    OutputError
        It doesn't, though keyframes wrote it: it is of another recording.
    """
    if there.read_bytes() == ours.read_bytes():
        return True
    one, other = read_picture(there), read_picture(ours)
    if one is None or other is None or one.shape != other.shape:
        return False
    if is_ours(there):
        if _difference(one, other) <= SAME_LEVELS:
            return True
        raise OutputError(
            f"{there}: is a frame of another recording of this name; rename one of the recordings, "
            "or export to another project"
        )
    return _difference(shrink(one, _SMALL), shrink(other, _SMALL)) <= ALIKE_LEVELS


def _is_copy(there: Path, ours: Path) -> bool:
    """Say whether we have put a picture there, which nobody has changed.

    What it says of its cluster may differ: growing a selection writes that anew, though not in
    the copies that were exported before.
    """
    if there.read_bytes() == ours.read_bytes():
        return True
    one, other = read_label(there), read_label(ours)
    if any(one.get(key) != other.get(key) for key in _OF_THE_FRAME):
        return False
    return _difference(read_picture(there), read_picture(ours)) <= SAME_LEVELS


def _difference(one: Image | None, other: Image | None) -> float:
    """Return the greatest difference of two pictures' pixels; of what can't be compared, inf."""
    if one is None or other is None or one.shape != other.shape:
        return math.inf
    return cv2.norm(one, other, cv2.NORM_INF)


def remove_pictures(folder: Path, frames: Collection[int]) -> None:
    """Remove the pictures of these frames, as far as they are there."""
    for frame, name in find_pictures(folder).items():
        if frame in frames:
            (folder / name).unlink()


def find_labelled(table: Path, folder_name: str = "") -> dict[int, str]:
    """Return the file names of the frames in a table of labels, by frame number.

    Rows count however programs and people spell the path of a picture: in one cell or in several,
    whole or in part. Labels that are overlooked may be lost.

    Parameters
    ----------
    table
        A CollectedData csv; it need not exist.
    folder_name
        The folder of the pictures that count, where a row names one; empty for any.

    Raises
    ------
    OutputError
        It is no CSV in UTF-8, as spreadsheets write it unless asked to, or names no pictures.
    """
    rows = _read_rows(table) if table.is_file() else []
    paths = [path for path in map(_path_in, rows) if path]
    if not paths and any(row[0] not in _HEADERS for row in rows):
        raise OutputError(
            f"{table}: can't be read as a table of labels, since its rows name no pictures; begin "
            "each with labeled-data/FOLDER/PICTURE"
        )
    found: dict[int, str] = {}
    for *folders, name in paths:
        is_elsewhere = folder_name and folders and fold_name(folders[-1]) != fold_name(folder_name)
        if not is_elsewhere and (match := _PICTURE.fullmatch(name)):
            found[int(match[1])] = name
    return found


def refuse_labelled(folder: Path, kept: Collection[str] = (), ways_out: Sequence[str] = ()) -> None:
    """Raise OutputError where pictures of ours are labelled that aren't among those kept.

    Beside ``ways_out``, what can be done is to move the table away.
    """
    ways_out = [*ways_out, "move the table away first if its labels may go, too"]
    for table in sorted(folder.glob("CollectedData*.csv")):
        names = set(find_labelled(table).values()) - set(kept)
        if ours := [name for name in sorted(names) if is_ours(folder / name)]:
            raise OutputError(
                f"{table}: labels {to_count(len(ours), 'picture')} that would go ({ours[0]}); "
                + ", or ".join(ways_out)
            )


def _read_rows(table: Path) -> list[list[str]]:
    """Return what stands between the separators of cells and of paths, row by row."""
    try:
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise OutputError(
            f"{table}: can't be read as CSV in UTF-8 ({error}); save it as that again"
        ) from error
    rows = ([part.strip(' "') for part in _SEPARATOR.split(line)] for line in text.splitlines())
    return [row for row in rows if any(row)]


def _path_in(row: list[str]) -> list[str]:
    """Return the parts of a row up to the name of a picture; none where there is no such name."""
    ends = (at for at, part in enumerate(row, start=1) if part.lower().endswith(_SUFFIXES))
    return row[: next(ends, 0)]


def padded_width(folder: Path, names: Iterable[str]) -> int | None:
    """Return to how many digits a folder's frame numbers are padded; None for no names.

    Raises
    ------
    OutputError
        The names are padded differently.
    """
    digits = sorted((re.findall(r"\d+", name)[-1] for name in names), key=len)
    if not digits:
        return None
    width = len(digits[0])
    for number in digits:
        if len(number) > width and number.startswith("0"):
            raise OutputError(
                f"{folder}: has frame numbers of {width} and {len(number)} digits ({digits[0]}, "
                f"{number}), which the labelling tools would sort wrongly; rename them to one width"
            )
    return width
