"""What a DeepLabCut project's ``config.yaml`` asks for: its videos, how many frames, which part."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keyframes.errors import SettingsError
from keyframes.export.dlc_config import DlcConfig, stem_of
from keyframes.export.frame_folder import sizes_in
from keyframes.export.sources import is_same_video
from keyframes.records import Crop
from keyframes.video import Position, Span

if TYPE_CHECKING:
    from pathlib import Path


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
    videos
        The videos that are there, in the order of ``video_sets``.
    missing
        Paths in ``video_sets`` that lead nowhere.
    count
        ``numframes2pick``: frames per video.
    span
        ``start`` and ``stop``, as percentages.
    """

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
        path = config.find(key)
        if path is None:
            missing.append(key)
        else:
            crop = _parse_crop(config.path, key, entry)
            found.append(DlcVideo(path, crop, _is_cropped(config.frames(stem_of(key)), crop)))
    return DlcProject(
        videos=tuple(found),
        missing=tuple(missing),
        count=_parse_count(config),
        span=_parse_span(config),
    )


def _is_cropped(folder: Path, crop: Crop | None) -> bool:
    """Say whether the frames in the folder have the size of the crop."""
    return crop is not None and sizes_in(folder).keys() == {crop.size}


def _parse_crop(config: Path, key: str, entry: Any) -> Crop | None:  # noqa: ANN401 - from YAML
    text = entry.get("crop") if isinstance(entry, dict) else None
    if text is None:
        return None
    with suppress(ValueError):
        x1, x2, y1, y2 = (int(number) for number in str(text).split(","))
        if 0 <= x1 < x2 and 0 <= y1 < y2:
            return Crop(x1, y1, x2, y2)
    raise SettingsError(
        f"{config}: the crop of {key} is {text!r}; DeepLabCut writes 'x1, x2, y1, y2', with "
        "x1 < x2 and y1 < y2"
    )


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
