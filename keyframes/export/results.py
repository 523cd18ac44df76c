"""What exporters start from: the finished results of an output folder."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from keyframes.errors import OutputError, VideoError
from keyframes.files import identify
from keyframes.images import read_label
from keyframes.output import find_results
from keyframes.records import Crop
from keyframes.run_record import selection_from_record

if TYPE_CHECKING:
    from collections.abc import Collection

    from keyframes.records import Keyframe, Selection
    from keyframes.run_record import Record

_SIZE_OFFSET = 16  # signature, length and type of the first chunk, IHDR


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """The keyframes of one video.

    Attributes
    ----------
    stem
        The video's file name without its suffix.
    selection
        The keyframes, in frame order, and the video they are from.
    pictures
        The PNG of each keyframe.
    size
        (width, height) of the pictures, pixels.
    settings
        What was asked, as the run record has it.
    identity
        What tells the video's content from another's.
    """

    stem: str
    selection: Selection
    pictures: tuple[Path, ...]
    size: tuple[int, int]
    settings: Record
    identity: Record

    @property
    def video(self) -> Path:
        """The recording, as an absolute path."""
        return self.selection.video.path

    @property
    def crop(self) -> Crop | None:
        """What the pictures were cut to; None when they are whole frames."""
        return Crop(**self.settings["crop"]) if self.settings["crop_output"] else None

    def items(self) -> list[tuple[Keyframe, Path]]:
        """Each keyframe with its picture, in frame order."""
        return list(zip(self.selection.keyframes, self.pictures, strict=True))

    def check_video(self) -> None:
        """Raise VideoError unless the recording still lies where it was read, unchanged."""
        if not self.video.is_file():
            raise VideoError(
                f"{self.video}: the video that {self.stem} was extracted from isn't there any "
                "more; put it back, or extract again from where it is now"
            )
        if identify(self.video) != self.identity:
            raise VideoError(
                f"{self.video}: isn't the video that {self.stem} was extracted from; put that "
                "back, or extract again with --overwrite"
            )


def read_results(root: Path, stems: Collection[str] | None = None) -> list[Result]:
    """Return the finished results of an output folder, by stem.

    Parameters
    ----------
    root
        The output folder.
    stems
        Of which videos; None for all.

    Raises
    ------
    OutputError
        There are none, or a picture is missing or isn't the one that the record names.
    """
    return [
        _read_result(root, stem, record)
        for stem, record in find_results(root).items()
        if stems is None or stem in stems
    ]


def is_same_video(recorded: str, video: Path) -> bool:
    """Say whether a path that a project recorded, maybe on another machine, means this video.

    The file names must be equal. Where both files are there, so must be their content; a
    recorded path that leads nowhere is taken for a moved file.
    """
    if PureWindowsPath(recorded).name != video.name:
        return False
    there = Path(recorded)
    return not (there.is_file() and video.is_file()) or identify(there) == identify(video)


def picture_size(path: Path) -> tuple[int, int]:
    """Return (width, height) of a PNG, pixels; OutputError when it is none."""
    with path.open("rb") as file:
        head = file.read(_SIZE_OFFSET + 8)
    if head[12:_SIZE_OFFSET] != b"IHDR" or len(head) < _SIZE_OFFSET + 8:
        raise OutputError(f"{path}: is no PNG; move it out of the folder of the frames")
    width, height = struct.unpack(">II", head[_SIZE_OFFSET:])
    return int(width), int(height)


def _read_result(root: Path, stem: str, record: Record) -> Result:
    # Not resolved: a link may have another name than the file that it leads to.
    video = Path(os.path.abspath(record["video"]["path"]))  # noqa: PTH100
    selection = selection_from_record(video, record)
    pictures = tuple(root / row["image"] for row in record["keyframes"])
    for keyframe, picture in zip(selection.keyframes, pictures, strict=True):
        if not picture.is_file():
            raise OutputError(f"{picture}: is missing; extract {stem} again with --overwrite")
        if read_label(picture).get("frame_index") != str(keyframe.frame_index):
            raise OutputError(
                f"{picture}: isn't the picture that keyframes wrote; extract {stem} again "
                "with --overwrite"
            )
    return Result(
        stem=stem,
        selection=selection,
        pictures=pictures,
        size=picture_size(pictures[0]),
        settings=record["identity"]["settings"],
        identity=record["identity"]["video"],
    )
