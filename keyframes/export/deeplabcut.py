"""DeepLabCut: frames into a project's ``labeled-data``.

Only frames and new videos are written. CollectedData files are DeepLabCut's own: an empty one
would lose rows in its conversion, and an existing one holds somebody's labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from keyframes.errors import OutputError
from keyframes.export.delivery import Delivery
from keyframes.export.dlc_config import DlcConfig
from keyframes.export.frame_folder import (
    check_recording,
    find_labelled,
    find_pictures,
    is_same_frame,
    padded_width,
    sizes_in,
    withdraw,
)
from keyframes.export.sources import Source, describe_guess, is_same_video
from keyframes.names import fold_name, is_of_system

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from keyframes.export.delivery import Exported
    from keyframes.export.history import PastExport
    from keyframes.export.results import Result

SomeSource = TypeVar("SomeSource", bound=Source)


def existing_frames(destination: Path, videos: Iterable[Path]) -> list[set[int]]:
    """Return the frame numbers of each video that a project holds, extracted or labelled."""
    config = DlcConfig.load(destination)
    return [set(_names_in(config.frames(video.stem))) for video in videos]


def check_deeplabcut(
    sources: Sequence[Source], destination: Path, *, add_videos: bool = True
) -> None:
    """Refuse what `export_deeplabcut` would refuse, before there are keyframes."""
    _find_new(DlcConfig.load(destination), sources, add_videos=add_videos)


def export_deeplabcut(
    results: Sequence[Result], destination: Path, *, add_videos: bool = True
) -> Exported:
    """Put the keyframes into a project, and videos that are new to it into its config.yaml.

    Frames are named with the padding that the video's folder has, else with DeepLabCut's. A
    frame that is there already stays.

    Parameters
    ----------
    results
        The keyframes.
    destination
        The project's folder, or its ``config.yaml``.
    add_videos
        Add videos that ``video_sets`` doesn't have; otherwise they are refused.

    Raises
    ------
    OutputError
        There is no project, two videos share a folder, or the frames there are of another size or
        another recording.
    VideoError
        A video to be added isn't where it was.
    MissingExtraError
        ruamel.yaml isn't installed.
    """
    config = DlcConfig.load(destination)
    delivery = Delivery()
    new = _find_new(config, results, add_videos=add_videos)
    for result in results:
        moved = _find_moved(config, result)
        if moved and check_recording(config.frames(result.stem), result):
            delivery.note(describe_guess(moved, result.video))
        _add_frames(delivery, config.frames(result.stem), result)
    for result in new:
        result.check_video()
        config.add(result)
    if new:
        delivery.add(config.path, config.dump(), replace=True)
        names = ", ".join(result.video.name for result in new)
        delivery.note(f"new in video_sets of {config.path.name}: {names}")
    return delivery.carry_out()


def withdraw_from_deeplabcut(
    past: PastExport, video: Path, gone: Mapping[int, Path]
) -> dict[int, str]:
    """Take back pictures that are ours to the byte and that no table names; see `Exporter`."""
    folder = DlcConfig.load(past.destination).frames(video.stem)
    tables = _tables_in(folder, "csv")
    unread = _tables_in(folder, "h5").keys() - tables.keys()
    if unread:
        raise OutputError(
            f"{folder / min(unread)}.h5: has no .csv beside it that tells what is labelled"
        )
    labelled = {frame for table in tables.values() for frame in find_labelled(table)}
    return withdraw(folder, gone, labelled)


def _find_new(
    config: DlcConfig, sources: Sequence[SomeSource], *, add_videos: bool
) -> list[SomeSource]:
    """Return the videos that the project doesn't have yet; OutputError where one doesn't fit."""
    owners: dict[str, SomeSource] = {}
    for source in sources:
        owner = owners.setdefault(fold_name(source.stem), source)
        if owner is not source:
            raise config.shared_folder(str(owner.video), str(source.video))
    # Whose folder it is comes first: frames of another video are often of another size, too.
    new = [source for source in sources if not _is_listed(config, source)]
    for source in sources:
        check_recording(config.frames(source.stem), source)
        _check_folder(config.frames(source.stem), source)
    if new and not add_videos:
        raise OutputError(
            f"{config.path}: video_sets has no {new[0].video.name}, so DeepLabCut would "
            "ignore its frames; add it there, or leave --no-add-videos out"
        )
    return new


def _is_listed(config: DlcConfig, source: Source) -> bool:
    """Say whether video_sets has the video; OutputError when another one has its folder."""
    keys = config.keys_of(source.stem)
    if not keys:
        return False
    if len(keys) > 1:
        raise config.shared_folder(*keys)
    if not all(is_same_video(place, source.video) for place in config.places(keys[0])):
        raise config.shared_folder(keys[0], str(source.video))
    return True


def _find_moved(config: DlcConfig, source: Source) -> str | None:
    """Return the path that video_sets has for the video, where that leads nowhere."""
    return next((key for key in config.keys_of(source.stem) if config.find(key) is None), None)


def _check_folder(folder: Path, source: Source) -> None:
    """Refuse a folder of mixed padding, or with frames of another size."""
    padded_width(folder, _names_in(folder).values())
    for size, picture in sizes_in(folder).items():
        if size != source.size:
            raise OutputError(
                f"{picture}: is {_to_text(size)} pixels, the keyframes are "
                f"{_to_text(source.size)}, and DeepLabCut needs one size in a folder; extract "
                "with the crop of those frames and --crop-output"
            )


def _add_frames(delivery: Delivery, folder: Path, result: Result) -> None:
    """Plan a video's frames, named like those that are there."""
    there = _names_in(folder)
    width = padded_width(folder, there.values()) or len(str(result.selection.video.n_frames - 1))
    others = []
    for keyframe, picture in result.items():
        name = there.get(keyframe.frame_index, f"img{keyframe.frame_index:0{width}d}.png")
        if (folder / name).exists():
            delivery.keep(folder / name)
            if not is_same_frame(folder / name, picture):
                others.append(name)
        else:
            delivery.add(folder / name, picture)
    if others:
        delivery.note(
            f"pictures in {folder.name} that don't look like the frames of {result.video.name} "
            f"that they are named after: {', '.join(others)}; they were extracted by seeking, or "
            "from another recording of this name"
        )


def _tables_in(folder: Path, suffix: str) -> dict[str, Path]:
    """Return the tables of labels in a folder, by stem; machinelabels are predictions."""
    return {
        path.stem: path
        for path in sorted(folder.glob(f"*.{suffix}"))
        if not (path.name.startswith("machinelabels") or is_of_system(path.name))
    }


def _names_in(folder: Path) -> dict[int, str]:
    """Return the names of frames that are in the folder or in its tables of labels."""
    names = find_pictures(folder)
    for table in sorted(folder.glob("CollectedData_*.csv")):
        names = {**find_labelled(table), **names}
    return names


def _to_text(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
