"""What exporters know of a video before its keyframes are chosen, and which video a path means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from keyframes.errors import OutputError, VideoError
from keyframes.files import identify
from keyframes.names import count_shared_parts, fold_name, is_same_file

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import PurePosixPath

    from keyframes.output import OutputFolder
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
        The files of its results.
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
    folder: OutputFolder
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
    there, name = Path(recorded), PureWindowsPath(recorded).name
    if name != video.name:  # unless it is another spelling, where the system knows it by both
        return fold_name(name) == fold_name(video.name) and is_same_file(there, video)
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
        Several of them could be it, or the project holds another recording under its path.
    """
    same = [path for path, digest in recorded.items() if is_same_video(path, video, digest)]
    there = [path for path in same if Path(path).is_file()]
    for path in there:
        if recorded[path] not in (None, identify(Path(path))["sha256_of_samples"]):
            raise OutputError(
                f"{video}: isn't the recording that the project holds under this path; give one "
                "of them another name, or export to another place"
            )
    sure = there or [path for path in same if recorded[path] is not None]
    best = _most_alike(sure or same, str(video))
    if len(best) > 1 and not sure:
        raise OutputError(
            f"{video}: could be {' or '.join(best)}, which the project holds but which lead "
            "nowhere; mend the paths in the project first"
        )
    return next(iter(best), None)


def settle(found: Mapping[Path, str | None]) -> dict[Path, str]:
    """Return which recorded path each video has, where `find_recorded` names one for several.

    The video has it whose folders have the same names, from the file upward; another one has none.

    Raises
    ------
    OutputError
        Several are as near.
    """
    settled = {}
    for path in dict.fromkeys(path for path in found.values() if path is not None):
        videos = {str(video): video for video, its in found.items() if its == path}
        best = _most_alike(videos, path)
        if len(best) > 1:
            raise OutputError(
                f"{path}: is in the project and leads nowhere, but could be {' or '.join(best)}; "
                "mend the path in the project first"
            )
        settled[videos[best[0]]] = path
    return settled


def _most_alike(paths: Collection[str], path: str) -> list[str]:
    """Return those of the paths that have most names in common with another."""
    likeness = {each: count_shared_parts(each, path) for each in paths}
    return [each for each in paths if likeness[each] == max(likeness.values())]


def describe_guess(recorded: str, video: Path) -> str:
    """Say that a path which leads nowhere, of unknown content, is taken for a video's."""
    return f"{video.name} is taken for the moved {recorded}; check that it is"
