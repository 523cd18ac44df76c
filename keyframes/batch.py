"""Many videos: find them, and extract one after the other; a bad one never stops the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyframes.errors import KeyframesError, SettingsError
from keyframes.output import OutputFolder
from keyframes.pipeline import extract

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from keyframes.pipeline import Progress
    from keyframes.records import Selection
    from keyframes.settings import Settings

# Only for looking into folders; a file named on the command line may end in anything.
VIDEO_SUFFIXES = frozenset(
    ".264 .265 .3gp .asf .avi .flv .gif .h264 .h265 .hevc .ivf .m2ts .m4v .mjpeg .mjpg .mkv .mov "
    ".mp4 .mpeg .mpg .mts .mxf .nut .ogv .ts .vob .webm .wmv .y4m".split()
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one video: a selection and its run record, or the error that stopped it."""

    video: Path
    record: Path
    selection: Selection | None = None
    error: KeyframesError | None = None


def find_videos(paths: Iterable[Path]) -> list[Path]:
    """Return the videos that the paths name: files as they are, folders by what lies in them.

    Raises
    ------
    SettingsError
        A path isn't there, a folder holds no video, or two videos would share one output.
    """
    videos: dict[Path, None] = {}
    for path in paths:
        videos.update(dict.fromkeys(_videos_in(path) if path.is_dir() else [path]))
    by_stem: dict[str, Path] = {}
    for video in videos:
        if not video.exists():
            raise SettingsError(f"{video}: no such file or folder; check the path")
        other = by_stem.setdefault(video.stem.casefold(), video)
        if other != video:
            raise SettingsError(
                f"{other} and {video} would both be written as '{video.stem}'; "
                "extract them one by one into different -o folders"
            )
    return list(videos)


def extract_all(
    videos: Iterable[Path],
    output: Path,
    settings: Settings,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Iterator[Outcome]:
    """Extract each video; yield its outcome when it is done."""
    for video in videos:
        record = OutputFolder(output, video.stem).record
        try:
            selection = extract(video, output, settings, overwrite=overwrite, progress=progress)
        except KeyframesError as error:
            yield Outcome(video, record, error=error)
        else:
            yield Outcome(video, record, selection)


def _videos_in(folder: Path) -> list[Path]:
    """Return the videos that lie directly in a folder, by name; SettingsError when none does."""
    videos = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()
    )
    if not videos:
        raise SettingsError(f"{folder}: holds no video; name a folder of recordings or the files")
    return videos
