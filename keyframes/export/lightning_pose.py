"""Lightning Pose: frames, neighbours in time, and the queue that its app labels from.

::

    DEST/
      project.yaml                           names of the views and of the keypoints
      CollectedData[_<view>].csv             the labels: headers only, until somebody labels
      CollectedData[_<view>].unlabeled.jsonl the queue
      labeled-data/<session>[_<view>]/img00000042.png
"""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keyframes.errors import OutputError, SettingsError
from keyframes.export.delivery import Delivery, Exported
from keyframes.export.frame_folder import (
    check_folder,
    check_recording,
    find_kept,
    find_labelled,
    find_pictures,
    remove_pictures,
)
from keyframes.export.sessions import group_sessions, place_of
from keyframes.extras import import_extra
from keyframes.files import make_folder, write_atomically
from keyframes.images import label_frame, read_label, write_images
from keyframes.records import ThumbnailSpec
from keyframes.resizing import cut
from keyframes.video import Position, Span, fetch_frames, index_video, read_thumbnails

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from keyframes.export.history import PastExport
    from keyframes.export.results import Result
    from keyframes.export.sources import Source

_PROJECT = "project.yaml"
_DIGITS = 8
_SCORER = "keyframes"


def check_lightning_pose(
    sources: Sequence[Source],
    destination: Path,
    *,
    views: Sequence[str] = (),
    keypoints: Sequence[str] = (),
    **_: Any,  # noqa: ANN401 - the context can't be wrong
) -> None:
    """Refuse what `export_lightning_pose` would refuse, before there are keyframes."""
    check_folder(destination)
    views = _agree(destination / _PROJECT, views, keypoints)[0]
    for view, sessions in group_sessions(sources, views).items():
        _read_queue(_queue_of(destination, view))
        for session, source in sessions.items():
            _check_folder(destination / "labeled-data" / session, source)


def export_lightning_pose(
    results: Sequence[Result],
    destination: Path,
    *,
    context: int = 0,
    views: Sequence[str] = (),
    keypoints: Sequence[str] = (),
) -> Exported:
    """Put the keyframes into a project's folder and into its labelling queue.

    What the project holds stays: its labels, its queue, its frames. Frames that are labelled or
    queued are not queued again.

    Parameters
    ----------
    results
        The keyframes.
    destination
        The project's data folder, new or existing.
    context
        Neighbours to write on either side of each frame, fewer at the ends of the video.
    views
        Names of the cameras, with which the videos' names end; none for a single camera. A
        project that is there knows its own.
    keypoints
        Names of the body points. A project that is there knows its own.

    Raises
    ------
    SettingsError
        Views or keypoints aren't the project's, or a video belongs to no view.
    OutputError
        Two videos would get one name, views differ in their frames, or a file isn't ours.
    VideoError
        The video of a neighbour can't be read again.
    """
    check_folder(destination)
    views, keypoints = _agree(destination / _PROJECT, views, keypoints)
    delivery = Delivery()
    neighbours: list[tuple[Result, dict[int, Path]]] = []
    for view, sessions in group_sessions(results, views).items():
        table = _table_of(destination, view)
        queue: list[str] = []
        for session, result in sessions.items():
            folder = destination / "labeled-data" / session
            if _check_folder(folder, result):
                delivery.note(f"the frames in {folder} are taken for frames of {result.video.name}")
            queue += _add_pictures(delivery, folder, result, table)
            neighbours.append((result, _find_missing(delivery, folder, result, context)))
        _add_queue(delivery, _queue_of(destination, view), queue)
        _add_once(delivery, table, _headers(keypoints), placeholder=_headers(()))
    project = destination / _PROJECT
    _add_once(delivery, project, _project(views, keypoints), placeholder=_project(views, ()))
    if not keypoints:
        delivery.note("no keypoints are named yet: repeat with --keypoints before you label")
    # First the neighbours: a frame in the queue has all it needs.
    written = [path for result, missing in neighbours for path in _write(result, missing)]
    exported = delivery.carry_out()
    return replace(exported, written=(*written, *exported.written))


def withdraw_from_lightning_pose(
    past: PastExport, video: Path, gone: Mapping[int, Path]
) -> dict[int, str]:
    """Take back what isn't labelled: the picture, its place in the queue, neighbours of no other.

    See `Exporter`.
    """
    options = past.options
    views = _agree(past.destination / _PROJECT, options.get("views", ()), ())[0]
    name, view = place_of(video.stem, views)
    folder = past.destination / "labeled-data" / name
    labelled = find_labelled(_table_of(past.destination, view), folder.name)
    kept = find_kept(folder, gone, labelled)
    leaving = gone.keys() - kept.keys()
    names = {**{frame: _name(frame) for frame in gone}, **find_pictures(folder)}
    places = {frame: f"labeled-data/{folder.name}/{name}" for frame, name in names.items()}
    queue = _queue_of(past.destination, view)
    lines = _read_queue(queue)
    left = {places[frame] for frame in leaving} & lines.keys()
    if left:
        stay = (line for place, line in lines.items() if place not in left)
        write_atomically(queue, _to_lines(stay))
    waiting = {frame for frame, place in places.items() if place in lines} - leaving
    context = options.get("context", 0)
    unused = _near(gone, context) - _near({*labelled, *waiting}, context)
    neighbours = {frame for frame in unused if _is_neighbour(folder, video, frame)}
    remove_pictures(folder, neighbours | (leaving & unused))
    return kept


def _is_neighbour(folder: Path, video: Path, frame: int) -> bool:
    """Say whether a picture is one that only the neighbours of a keyframe have."""
    picture = folder / _name(frame)
    label = read_label(picture) if picture.exists() else {}
    return (label.get("video"), label.get("frame_index")) == (video.name, str(frame)) and (
        "cluster" not in label
    )


def _table_of(destination: Path, view: str) -> Path:
    return destination / f"CollectedData{f'_{view}' if view else ''}.csv"


def _queue_of(destination: Path, view: str) -> Path:
    return _table_of(destination, view).with_suffix(".unlabeled.jsonl")


def _agree(
    project: Path, views: Sequence[str], keypoints: Sequence[str]
) -> tuple[Sequence[str], Sequence[str]]:
    """Return the project's views and keypoints, or those asked for where it names none."""
    if not project.exists():
        return views, keypoints
    values = _read_project(project)
    there = values.get("view_names") or (), values.get("keypoint_names") or ()
    if views and not there[0]:
        raise SettingsError(f"{project}: is a project of one camera; leave --views out")
    for option, names, asked in zip(("views", "keypoints"), there, (views, keypoints), strict=True):
        if names and asked and list(names) != list(asked):
            raise SettingsError(
                f"{project}: has the {option} {', '.join(names)}; leave --{option} out"
            )
    return there[0] or views, there[1] or keypoints


def _read_project(project: Path) -> dict[str, Any]:
    """Return what a project.yaml says; one like ours, of JSON a line, needs no extra package."""
    content = project.read_bytes()
    with suppress(ValueError):
        lines = (line.split(": ", 1) for line in content.decode().splitlines())
        if ours := {key: json.loads(value) for key, value in lines}:
            return ours
    yaml = import_extra("ruamel.yaml", "lightning-pose")
    try:
        values = yaml.YAML(typ="safe", pure=True).load(content.decode())
    except (yaml.error.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise OutputError(f"{project}: is no valid YAML ({reason}); correct it first") from error
    if not isinstance(values, dict):
        raise OutputError(f"{project}: is no Lightning Pose project; choose another place")
    return values


def _check_folder(folder: Path, source: Source) -> bool:
    """Refuse the folder of the frames themselves, and one with frames of another video.

    Say whether it is a guess that the frames there are this one's.
    """
    root = folder.parents[1]
    if root.resolve() == source.folder.root.resolve():
        raise OutputError(
            f"{root}: is the output folder itself, whose frames have other names than Lightning "
            "Pose needs; export to a folder of the project's own"
        )
    for name in find_pictures(folder).values():
        owner = read_label(folder / name).get("video", source.video.name)
        if owner != source.video.name:
            raise OutputError(
                f"{folder}: holds frames of {owner}, so those of {source.video.name} can't go "
                "there; rename the video, or export to another project"
            )
    return check_recording(folder, source)


def _add_pictures(delivery: Delivery, folder: Path, result: Result, table: Path) -> list[str]:
    """Plan a video's keyframes; return what goes into the queue: those not labelled yet."""
    labelled = find_labelled(table, folder.name)
    there = {**labelled, **find_pictures(folder)}
    queue = []
    for keyframe, picture in result.items():
        name = there.get(keyframe.frame_index, _name(keyframe.frame_index))
        if (folder / name).exists():
            delivery.keep(folder / name)
        else:
            delivery.add(folder / name, picture)
        if keyframe.frame_index not in labelled:
            queue.append(f"labeled-data/{folder.name}/{name}")
    return queue


def _find_missing(
    delivery: Delivery, folder: Path, result: Result, context: int
) -> dict[int, Path]:
    """Return the neighbours that the folder lacks, by frame number; the others are kept."""
    chosen, there = result.selection.frame_indices, find_pictures(folder)
    n_frames = result.selection.video.n_frames
    near = {frame for frame in _near(chosen, context) if 0 <= frame < n_frames} - {*chosen}
    for number in sorted(near & there.keys()):
        delivery.keep(folder / there[number])
    return {number: folder / _name(number) for number in sorted(near - there.keys())}


def _near(frames: Iterable[int], context: int) -> set[int]:
    return {near for frame in frames for near in range(frame - context, frame + context + 1)}


def _write(result: Result, missing: dict[int, Path]) -> Iterator[Path]:
    """Fetch the neighbours from the video, and write each; damaged frames are left out."""
    if not missing:
        return
    result.check_video()
    index, spec = index_video(result.video), ThumbnailSpec()
    span = Span(Position(min(missing), "f"), Position(max(missing) + 1, "f"))
    reading = read_thumbnails(index, spec, lambda _: None, span=span)
    frames = reading.frame_indices.tolist()
    rows = [row for row, frame in enumerate(frames) if frame in missing]
    for folder in {path.parent for path in missing.values()}:
        make_folder(folder)
    yield from write_images(
        (
            (
                missing[frames[row]],
                cut(image, result.crop),
                label_frame(result.identity, frames[row]),
            )
            for row, image in fetch_frames(index, reading, rows, spec)
        )
    )


def _read_queue(path: Path) -> dict[str, str]:
    """Return the lines of a queue by the frames that they are for; none for no queue."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return {json.loads(line)["frame_path"]: line for line in lines if line.strip()}
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{path}: is no queue of Lightning Pose; move it away") from error


def _add_queue(delivery: Delivery, path: Path, frames: list[str]) -> None:
    """Plan to add frames to the queue that it doesn't hold yet."""
    lines = _read_queue(path)
    new = [_queued(frame) for frame in frames if frame not in lines]
    delivery.add(path, _to_lines([*lines.values(), *new]), replace=True)


def _to_lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _queued(frame: str) -> str:
    """Return the line of a frame in the queue."""
    return json.dumps({"frame_path": frame, "predictions": None}, separators=(",", ":"))


def _add_once(delivery: Delivery, path: Path, content: bytes, *, placeholder: bytes) -> None:
    """Plan a file that is the project's own once it is there and says something."""
    if path.exists() and path.read_bytes() != placeholder:
        delivery.keep(path)
    else:
        delivery.add(path, content, replace=True)


def _headers(keypoints: Sequence[str]) -> bytes:
    """Return the three header rows of a table of labels, with its one index column."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["scorer", *(_SCORER for _ in keypoints for _ in "xy")])
    writer.writerow(["bodyparts", *(name for name in keypoints for _ in "xy")])
    writer.writerow(["coords", *(axis for _ in keypoints for axis in "xy")])
    return text.getvalue().encode()


def _project(views: Sequence[str], keypoints: Sequence[str]) -> bytes:
    """Return project.yaml; lists in JSON are YAML."""
    lines = {
        "schema_version": 1,
        "view_names": list(views),
        "keypoint_names": list(keypoints),
    }
    return "".join(
        f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in lines.items()
    ).encode()


def _name(frame: int) -> str:
    return f"img{frame:0{_DIGITS}d}.png"
