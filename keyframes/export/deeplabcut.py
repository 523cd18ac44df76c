"""DeepLabCut: frames into a project's ``labeled-data``, and what a project asks for.

Only frames and new videos are written. CollectedData files are DeepLabCut's own: an empty one
would lose rows in its conversion, and an existing one holds somebody's labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, TypeVar

from keyframes.errors import OutputError, SettingsError
from keyframes.export.delivery import Delivery
from keyframes.export.dlc_config import DlcConfig, stem_of
from keyframes.export.frame_folder import (
    check_recording,
    find_labelled,
    find_pictures,
    is_same_frame,
    padded_width,
    withdraw,
)
from keyframes.export.results import picture_size
from keyframes.export.sources import Source, describe_guess, is_same_video
from keyframes.records import Crop
from keyframes.video import Position, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from keyframes.export.delivery import Exported
    from keyframes.export.history import PastExport
    from keyframes.export.results import Result

SomeSource = TypeVar("SomeSource", bound=Source)


@dataclass(frozen=True, slots=True)
class DlcVideo:
    """A video of a project.

    Attributes
    ----------
    path
        Where it lies.
    crop
        The part of the picture that ``video_sets`` names; None when it names none.
    crop_output
        The frames that the project has of this video are cut to ``crop``.
    """

    path: Path
    crop: Crop | None
    crop_output: bool


@dataclass(frozen=True, slots=True)
class DlcProject:
    """What a project's ``config.yaml`` asks for.

    Attributes
    ----------
    root
        The project's folder: where ``config.yaml`` lies, whatever its ``project_path`` says.
    videos
        The videos that are there, in the order of ``video_sets``.
    missing
        Paths in ``video_sets`` that lead nowhere.
    count
        ``numframes2pick``: frames per video.
    span
        ``start`` and ``stop``, as percentages.
    """

    root: Path
    videos: tuple[DlcVideo, ...]
    missing: tuple[str, ...]
    count: int
    span: Span

    def find(self, path: Path) -> DlcVideo:
        """Return the project's video that lies there; one without a crop where it has none."""
        same = (video for video in self.videos if is_same_video(str(video.path), path))
        return next(same, DlcVideo(path, None, crop_output=False))


def read_project(destination: Path) -> DlcProject:
    """Read what a project asks for.

    A video that doesn't lie where ``video_sets`` says is looked for in the project's own
    ``videos`` folder, so that a project can be moved.

    Parameters
    ----------
    destination
        The project's folder, or its ``config.yaml``.

    Raises
    ------
    OutputError
        There is no readable config.yaml, or two of its videos share a folder.
    SettingsError
        A value in it can't work.
    MissingExtraError
        ruamel.yaml isn't installed.
    """
    config = DlcConfig.load(destination)
    found: list[DlcVideo] = []
    missing: list[str] = []
    for key, entry in config.videos.items():
        if config.keys_of(stem_of(key)) != [key]:
            raise config.shared_folder(*config.keys_of(stem_of(key)))
        candidates = map(Path, _places(config, key))
        path = next((path for path in candidates if path.is_file()), None)
        if path is None:
            missing.append(key)
        else:
            crop = _parse_crop(config.path, key, entry)
            found.append(DlcVideo(path, crop, _is_cropped(config.frames(stem_of(key)), crop)))
    return DlcProject(
        root=config.root,
        videos=tuple(found),
        missing=tuple(missing),
        count=_parse_count(config),
        span=_parse_span(config),
    )


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
    tables = sorted(folder.glob("*.csv"))
    unread = {table.stem for table in folder.glob("*.h5")} - {table.stem for table in tables}
    if unread:
        raise OutputError(
            f"{folder / min(unread)}.h5: has no .csv beside it that tells what is labelled"
        )
    labelled = {frame for table in tables for frame in find_labelled(table, folder.name)}
    return withdraw(folder, gone, labelled)


def _find_new(
    config: DlcConfig, sources: Sequence[SomeSource], *, add_videos: bool
) -> list[SomeSource]:
    """Return the videos that the project doesn't have yet; OutputError where one doesn't fit."""
    owners: dict[str, SomeSource] = {}
    for source in sources:
        owner = owners.setdefault(source.stem.casefold(), source)
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
    if not all(is_same_video(place, source.video) for place in _places(config, keys[0])):
        raise config.shared_folder(keys[0], str(source.video))
    return True


def _find_moved(config: DlcConfig, source: Source) -> str | None:
    """Return the path that video_sets has for the video, where that leads nowhere."""
    for key in config.keys_of(source.stem):
        if not any(Path(place).is_file() for place in _places(config, key)):
            return key
    return None


def _places(config: DlcConfig, key: str) -> tuple[str, str]:
    """Return where a video of video_sets may lie: there, or in a moved project's own folder."""
    return key, str(config.root / "videos" / PureWindowsPath(key).name)


def _check_folder(folder: Path, source: Source) -> None:
    """Refuse a folder of mixed padding, or with frames of another size."""
    padded_width(_names_in(folder).values())
    for size, picture in _sizes_in(folder).items():
        if size != source.size:
            raise OutputError(
                f"{picture}: is {_to_text(size)} pixels, the keyframes are "
                f"{_to_text(source.size)}, and DeepLabCut needs one size in a folder; extract "
                "with the crop of those frames and --crop-output"
            )


def _add_frames(delivery: Delivery, folder: Path, result: Result) -> None:
    """Plan a video's frames, named like those that are there."""
    there = _names_in(folder)
    width = padded_width(there.values()) or len(str(result.selection.video.n_frames - 1))
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


def _names_in(folder: Path) -> dict[int, str]:
    """Return the names of frames that are in the folder or in its tables of labels."""
    names = find_pictures(folder)
    for table in sorted(folder.glob("CollectedData_*.csv")):
        names = {**find_labelled(table, folder.name), **names}
    return names


def _sizes_in(folder: Path) -> dict[tuple[int, int], Path]:
    """Return the sizes of the PNGs in a folder, each with one that has it."""
    names = find_pictures(folder).values()
    pngs = [folder / name for name in names if name.lower().endswith(".png")]
    return {picture_size(png): png for png in reversed(pngs)}


def _is_cropped(folder: Path, crop: Crop | None) -> bool:
    """Say whether the frames in the folder have the size of the crop."""
    return crop is not None and _sizes_in(folder).keys() == {crop.size}


def _parse_crop(config: Path, key: str, entry: Any) -> Crop | None:  # noqa: ANN401 - from YAML
    text = entry.get("crop") if isinstance(entry, dict) else None
    if text is None:
        return None
    try:
        x1, x2, y1, y2 = (int(number) for number in str(text).split(","))
    except ValueError:
        raise SettingsError(
            f"{config}: the crop of {key} is {text!r}; DeepLabCut writes 'x1, x2, y1, y2'"
        ) from None
    return Crop(x1, y1, x2, y2)


def _parse_count(config: DlcConfig) -> int:
    count = config.values.get("numframes2pick", 20)
    if not isinstance(count, int) or count < 1:
        raise SettingsError(f"{config.path}: numframes2pick is {count!r}; give a number from 1 on")
    return count


def _parse_span(config: DlcConfig) -> Span:
    start, stop = config.values.get("start", 0), config.values.get("stop", 1)
    numbers = isinstance(start, (int, float)) and isinstance(stop, (int, float))
    if not numbers or not 0 <= start < stop <= 1:
        raise SettingsError(
            f"{config.path}: start {start!r} and stop {stop!r} are no part of a video; give "
            "fractions with 0 <= start < stop <= 1"
        )
    return Span(
        Position(_percent(start), "%") if start > 0 else None,
        Position(_percent(stop), "%") if stop < 1 else None,
    )


def _percent(fraction: float) -> float:
    return round(fraction * 100, 9)  # 0.07 * 100 is 7.000000000000001


def _to_text(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
