"""Which videos there are, what is asked of each, and how they are shared out."""

from __future__ import annotations

import os
import re
import stat
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from keyframes.errors import SettingsError
from keyframes.names import as_listed, fold_name, is_of_system, list_names
from keyframes.output import INDEX, OutputFolder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from keyframes.settings import Settings

# Only for looking into folders; a file named on the command line may end in anything.
VIDEO_SUFFIXES = frozenset(
    ".264 .265 .3gp .asf .avi .flv .gif .h264 .h265 .hevc .ivf .m2ts .m4v .mjpeg .mjpg .mkv .mov "
    ".mp4 .mpeg .mpg .mts .mxf .nut .ogv .ts .vob .webm .wmv .y4m".split()
)


@dataclass(frozen=True, slots=True)
class Job:
    """One video, what is asked of it, and the folder its results go to."""

    video: Path
    output: Path
    settings: Settings

    @property
    def folder(self) -> OutputFolder:
        """The files of its results."""
        return OutputFolder(self.output, self.video.stem)

    def absolute(self) -> Job:
        """Return the job as it is called from any folder."""
        return replace(self, video=self.video.absolute(), output=self.output.absolute())


def find_videos(paths: Iterable[Path], *, recursive: bool | None = None) -> dict[Path, Path]:
    """Return the videos that the paths name, each with the folder it was looked for in.

    Parameters
    ----------
    paths
        Videos, and folders to look into for videos.
    recursive
        Look into the folders' folders, too, and into those that are linked to; None where
        nobody can ask for that.

    Raises
    ------
    SettingsError
        A path isn't there or is an address, or a folder holds no video.
    """
    names = cache(list_names)
    found: dict[Path, tuple[Path, Path]] = {}  # however its folder is named, a video counts once
    for path in paths:
        if path.is_dir():
            root, videos = path, _videos_in(path, recursive=recursive)
        elif path.exists():
            root, videos = path.parent, [as_listed(path, names(path.parent))]
        else:
            raise _absent(path)
        for video in videos:
            found.setdefault(video.parent.resolve() / video.name, (video, root))
    return dict(found.values())


def plan_jobs(
    videos: dict[Path, Path], output: Path, settings: Settings, *, tree: bool = False
) -> list[Job]:
    """Return a job for each video that was found, in the same order.

    Parameters
    ----------
    videos
        As from :func:`find_videos`.
    output, settings
        The output folder, and what is asked of every video.
    tree
        Mirror the folders that were looked into inside the output folder.

    Raises
    ------
    SettingsError
        Two videos would be written under one name, or one under a name that it can't have.
    """
    jobs = [
        Job(video, output / video.parent.relative_to(root) if tree else output, settings)
        for video, root in videos.items()
    ]
    refuse_shared_outputs(jobs)
    return jobs


def refuse_shared_outputs(jobs: Iterable[Job], project: Path | None = None) -> None:
    """Raise SettingsError where two videos would be written under one name, or under none.

    In a DeepLabCut ``project`` they would have one folder, wherever else they were written.
    """
    owners: dict[tuple[Path, str], Path] = {}
    for job in jobs:
        if os.path.isdir(job.video):  # noqa: PTH112 - False where it can't be told
            continue  # it can't be looked into: nothing is written
        _refuse_name(job)
        # Folded, since some file systems don't tell a.mp4 from A.mp4.
        owner = owners.setdefault((job.output, fold_name(job.video.stem)), job.video)
        if owner != job.video and project:
            raise SettingsError(
                f"{owner} and {job.video} would share labeled-data/{job.video.stem} of {project}; "
                "rename one of them, or use a project for each"
            )
        if owner != job.video:
            way_out = (
                "rename one of them"
                if owner.parent == job.video.parent
                else "name a folder above both with --tree, or use a different -o for each"
            )
            raise SettingsError(
                f"{owner} and {job.video} would both be written as '{job.video.stem}'; {way_out}"
            )


def take_shard(jobs: Sequence[Job], index: int, n_shards: int) -> list[Job]:
    """Return the share of the jobs that shard ``index`` (from 0) of ``n_shards`` has to do.

    Every shard makes the same division on its own: the videos, largest first, each go to the
    shard with the fewest bytes so far (Graham 1969, longest processing time first).
    """
    sizes = [size_of(job.video) for job in jobs]
    loads = [0] * n_shards
    share = []
    for at in sorted(range(len(jobs)), key=lambda at: (-sizes[at], str(jobs[at].video))):
        lightest = loads.index(min(loads))
        loads[lightest] += sizes[at] + 1
        if lightest == index:
            share.append(at)
    return [jobs[at] for at in sorted(share)]


def size_of(video: Path) -> int:
    """Return a video's size, bytes; 0 where it can't be looked at."""
    try:
        return video.stat().st_size
    except OSError:
        return 0


def _refuse_name(job: Job) -> None:
    """Raise SettingsError where a video's results can't be called as the video is."""
    if sys.platform == "win32" and job.video.stem.endswith((" ", ".")):
        raise SettingsError(
            f"{job.video}: Windows makes no folder '{job.video.stem}', whose name ends in a "
            "space or a dot; rename the recording"
        )
    if job.video.stem in (".", ".."):
        raise SettingsError(
            f"{job.video}: no folder of its own can be called '{job.video.stem}'; rename the "
            "recording"
        )
    if job.folder.page.name.casefold() == INDEX:
        raise SettingsError(
            f"{job.video}: its report would be {INDEX}, where the folder's overview goes; "
            "rename the recording"
        )


def _absent(path: Path) -> SettingsError:
    scheme, *rest = path.parts or ("",)
    if re.fullmatch(r"[a-z]{2,}:", scheme):  # a drive has one letter
        address = f"{scheme}//{'/'.join(rest)}"
        return SettingsError(f"{address}: addresses aren't read; download the video first")
    return SettingsError(f"{path}: no such file or folder; check the path")


def _videos_in(folder: Path, *, recursive: bool | None) -> list[Path]:
    """Return the videos in a folder, by path; SettingsError when there is none.

    Folders in it that can't be looked into are among them: each fails as a video would.
    """
    closed: list[Path] = []
    found = _walk(folder, closed) if recursive else folder.iterdir()
    videos = sorted([*filter(_is_video, found), *closed])
    if not videos:
        deeper = ", or look deeper with --recursive" if recursive is False else ""
        raise SettingsError(f"{folder}: holds no video; name a folder of recordings{deeper}")
    return videos


def _is_video(path: Path) -> bool:
    """Say whether a file is a recording, by its name."""
    if path.suffix.lower() not in VIDEO_SUFFIXES or is_of_system(path.name):
        return False
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:  # a link to nowhere, or a folder that lets nobody in: said when its turn comes
        return True


def _walk(folder: Path, closed: list[Path]) -> Iterator[Path]:
    """Yield the files below a folder, each once; folders that can't be read become ``closed``.

    What links lead to comes last, so that a folder that lies below keeps its own path.
    """
    roots, seen = [folder], set()

    def close(error: OSError) -> None:
        closed.append(Path(error.filename))

    for root in roots:  # links are added on the way
        for path, folders, files in os.walk(root, onerror=close):
            here, real = Path(path), os.path.realpath(path)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            folders.sort()
            roots += [here / name for name in folders if os.path.islink(here / name)]  # noqa: PTH114 - False where it can't be told
            yield from (here / name for name in files)
