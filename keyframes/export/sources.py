"""What exporters know of a video before its keyframes are chosen, and which video a path means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from keyframes.errors import OutputError, VideoError
from keyframes.files import count_shared_parts, identify

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from keyframes.records import Crop


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A video whose keyframes are exported, or will be once they are chosen.

    Attributes
    ----------
    video
        The recording, as an absolute path.
    place
        What its results are called in the output folder: the name of the video without its
        suffix, below the folders that ``--tree`` mirrors.
    folder
        Where its pictures are.
    size
        (width, height) of the pictures, pixels.
    crop
        What they are cut to; None for whole frames.
    frames
        The keyframes, by number, ascending; None while they aren't chosen.
    """

    video: Path
    place: PurePosixPath
    folder: Path
    size: tuple[int, int]
    crop: Crop | None
    frames: tuple[int, ...] | None

    @property
    def stem(self) -> str:
        """The video's file name without its suffix."""
        return self.place.name


def is_same_video(recorded: str, video: Path) -> bool:
    """Say whether a path that a project recorded, maybe on another machine, means this video.

    The file names must be equal. Where both files are there, so must be their content; a
    recorded path that leads nowhere is taken for a moved file. A video that can't be read is none
    but the one at its own place.
    """
    if PureWindowsPath(recorded).name != video.name:
        return False
    there = Path(recorded)
    if there == video or not (there.is_file() and video.is_file()):
        return True
    try:
        identity = identify(video)
    except VideoError:
        return False  # said when its turn comes
    return identify(there) == identity


def find_recorded(recorded: Iterable[str], video: Path) -> str | None:
    """Return which of the paths that a project recorded means this video; None for none.

    Of several that lead nowhere, it is the one whose folders have the same names, from the file
    upward.

    Raises
    ------
    OutputError
        Several of them could be it.
    """
    same = [path for path in recorded if is_same_video(path, video)]
    there = [path for path in same if Path(path).is_file()]
    if there or len(same) < 2:
        return next(iter(there or same), None)
    likeness = {path: count_shared_parts(path, str(video)) for path in same}
    best = [path for path in same if likeness[path] == max(likeness.values())]
    if len(best) > 1:
        raise OutputError(
            f"{video}: could be {' or '.join(best)}, which the project holds but which lead "
            "nowhere; mend the paths in the project first"
        )
    return best[0]
