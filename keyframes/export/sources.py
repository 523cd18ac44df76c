"""What exporters know of a video before its keyframes are chosen, and which video a path means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from keyframes.errors import OutputError, VideoError
from keyframes.files import count_shared_parts, identify

if TYPE_CHECKING:
    from collections.abc import Mapping
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
    identity
        What tells the video's content from another's, as `identify` does.
    frames
        The keyframes, by number, ascending; None while they aren't chosen.
    """

    video: Path
    place: PurePosixPath
    folder: Path
    size: tuple[int, int]
    crop: Crop | None
    identity: dict[str, Any]
    frames: tuple[int, ...] | None

    @property
    def stem(self) -> str:
        """The video's file name without its suffix."""
        return self.place.name


def is_same_video(recorded: str, video: Path, digest: str | None = None) -> bool:
    """Say whether a path that a project recorded, maybe on another machine, means this video.

    The file names must be equal, and the content, where both files are there or the project has
    kept the ``digest`` of its own: its ``sha256_of_samples``. Any other path that leads nowhere is
    taken for that of a moved file. A video that can't be read is none but the one at its own place.
    """
    if PureWindowsPath(recorded).name != video.name:
        return False
    there = Path(recorded)
    if there == video or not video.is_file():
        return True
    try:
        asked = identify(video)["sha256_of_samples"]
    except VideoError:
        return False  # said when its turn comes
    known = identify(there)["sha256_of_samples"] if there.is_file() else digest
    return known in (None, asked)


def find_recorded(recorded: Mapping[str, str | None], video: Path) -> str | None:
    """Return which of the paths that a project recorded means this video; None for none.

    Of several that lead nowhere and have no digest, it is the one whose folders have the same
    names, from the file upward.

    Parameters
    ----------
    recorded
        The digest of each path's video, as far as the project has kept it; see `is_same_video`.
    video
        The recording.

    Raises
    ------
    OutputError
        Several of them could be it.
    """
    same = [path for path, digest in recorded.items() if is_same_video(path, video, digest)]
    there = [path for path in same if Path(path).is_file()]
    sure = there or [path for path in same if recorded[path] is not None]
    if sure or len(same) < 2:
        return next(iter(sure or same), None)
    likeness = {path: count_shared_parts(path, str(video)) for path in same}
    best = [path for path in same if likeness[path] == max(likeness.values())]
    if len(best) > 1:
        raise OutputError(
            f"{video}: could be {' or '.join(best)}, which the project holds but which lead "
            "nowhere; mend the paths in the project first"
        )
    return best[0]


def describe_guess(recorded: str, video: Path) -> str:
    """Say that a path which leads nowhere, of unknown content, is taken for a video's."""
    return f"{video.name} is taken for the moved {recorded}; check that it is"
