"""The run record: what was asked, and what was found.

It is a JSON object. ``identity`` says whose result it is (the video's content and the settings);
a run with the same identity has nothing left to do.
"""

from __future__ import annotations

import json
import platform
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keyframes.asked import repeat_command
from keyframes.curation import Curation
from keyframes.errors import KeyframesError, OutputError
from keyframes.files import explain, not_ours, read_json, write_json
from keyframes.records import Coverage, Keyframe, Reach, Selection, VideoInfo
from keyframes.settings import Settings
from keyframes.words import to_count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keyframes.records import Clustering

PROGRAM = "keyframes"
# How the file begins, even where its end is lost.
_BEGINNING = f'{{\n  "program": "{PROGRAM}"'.encode()
# What else a whole record holds, and what it knows of the video's content.
_OTHERS = {"found", "shortfall", "seed", "inertia", "explanation", "versions", "timings_s"}
_IDENTITY = {"name", "bytes", "sha256_of_samples"}
_PACKAGES = ("pose-keyframes", "numpy", "opencv-python", "av")

Record = dict[str, Any]


class DamagedRecordError(OutputError):
    """A run record of ours isn't whole any more."""


def read_record(path: Path) -> Record | None:
    """Read a run record; None when there is none.

    Raises
    ------
    DamagedRecordError
        It isn't whole.
    OutputError
        The file isn't ours, or can't be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(explain(error)) from error
    record: Record | None
    try:
        record = json.loads(content)
    except ValueError:
        record, is_ours = None, _BEGINNING.startswith(content[: len(_BEGINNING)])
    else:
        is_ours = isinstance(record, dict) and record.get("program") == PROGRAM
    if not is_ours:
        raise not_ours(path)
    if not _is_whole(record):
        raise DamagedRecordError(
            f"{path}: this run record is damaged; replace it and its keyframes with --overwrite, "
            "without --grow"
        )
    return record


def _is_whole(record: Any) -> bool:  # noqa: ANN401 - whatever JSON can hold
    """Say whether a run record holds all that is read of it, by reading it."""
    try:
        selection_from_record(Path(record["video"]["path"]), record)
        Settings.from_json(record["identity"]["settings"])
        Curation.from_record(record)
        repeat_command(record, Path())
        return (
            record.keys() >= _OTHERS
            and record["identity"]["video"].keys() >= _IDENTITY
            and all("image" in row for row in record["keyframes"])
        )
    except (KeyError, TypeError, AttributeError, KeyframesError):
        return False


def make_record(
    selection: Selection,
    clustering: Clustering,
    identity: Record,
    images: str,
    timings_s: dict[str, float],
) -> Record:
    """Put the record of a finished run together.

    Parameters
    ----------
    selection, clustering
        What was chosen, and how it came about.
    identity
        ``video``: the file's content; ``settings``: what was asked.
    images
        The folder of the pictures, relative to the output folder.
    timings_s
        Seconds that each stage took.
    """
    best = min(clustering.inertia_histories, key=lambda history: history[-1], default=())
    found = len(selection.keyframes)
    return {
        "program": PROGRAM,
        "identity": identity,
        "video": {**asdict(selection.video), "path": str(selection.video.path.absolute())},
        "asked": selection.n_asked,
        "found": found,
        "shortfall": selection.n_asked - found,
        "candidates": selection.n_candidates,
        "step": selection.step,
        "seed": identity["settings"]["seed"],
        "warnings": list(selection.warnings),
        "coverage": asdict(selection.coverage),
        "inertia": best[-1] if best else None,
        "inertia_histories": [list(history) for history in clustering.inertia_histories],
        "explanation": clustering.explanation,
        "keyframes": _keyframe_rows(selection, images),
        "versions": {"python": platform.python_version(), **_package_versions()},
        "timings_s": {stage: round(seconds, 3) for stage, seconds in timings_s.items()},
    }


def carry_over(
    earlier: Record | None, video: Record, frames: Iterable[int]
) -> tuple[Record, list[str]]:
    """Return what of an earlier record is true of a new selection, too, and what is lost.

    What was exported still tells where all that was chosen is so still; what a person changed,
    where nothing given up has come back, either. Else it is that of another selection.

    Parameters
    ----------
    earlier
        The record that lies where the new one is to be; None for none.
    video, frames
        Whose selection the new one is, as its identity has it, and what is chosen.

    Returns
    -------
    The new record's ``exports`` and ``curation``, and a sentence about each that isn't kept.
    """
    if earlier is None:
        return {}, []
    before, now = Curation.from_record(earlier), {*frames}
    has_all = earlier["identity"]["video"] == video and now.issuperset(before.frames)
    kept: Record = {}
    lost = []
    if exports := earlier.get("exports"):
        if has_all:
            kept["exports"] = exports
        else:
            places = ", ".join(Path(past["destination"]).name for past in exports)
            lost.append(
                f"other keyframes than these were exported to {places}: export again, and take out "
                "by hand what is chosen no more"
            )
    if changes := earlier.get("curation"):
        if has_all and now.isdisjoint(before.given_up):
            kept["curation"] = changes
        else:
            lost.append(f"what was changed by hand is replaced: {to_count(len(changes), 'change')}")
    return kept, lost


def amend_record(
    record: Record, selection: Selection, images: str, curation: list[Record]
) -> Record:
    """Return the record of a finished run whose selection a person has changed since.

    Parameters
    ----------
    record
        As the run wrote it, or an earlier change. What was asked stays, and so does the identity:
        the same command again finds a finished run.
    selection, images
        What is chosen now; the folder of the pictures, as for `make_record`.
    curation
        What the person did, in order; empty when all of it was undone.
    """
    found = len(selection.keyframes)
    amended = {
        **record,
        "video": {**record["video"], "path": str(selection.video.path)},
        "found": found,
        "shortfall": max(0, record["asked"] - found),
        "coverage": asdict(selection.coverage),
        "keyframes": _keyframe_rows(selection, images),
        "curation": curation,
    }
    if not curation:
        del amended["curation"]
    return amended


def make_table(record: Record) -> list[dict[str, str]]:
    """Return one row a keyframe, in frame order, as text that is the same on every machine."""
    return [
        {
            "image": row["image"],
            "frame_index": str(row["frame_index"]),
            "time_s": f"{row['time_s']:.6f}",
            "cluster": str(row["cluster"]),
            "cluster_size": str(row["cluster_size"]),
            "distance": f"{row['distance']:.6g}",
            "covers": str(row["covers"]),
            "covers_mean": f"{row['covers_mean']:.6g}",
            "covers_p95": f"{row['covers_p95']:.6g}",
        }
        for row in record["keyframes"]
    ]


def note_place(path: Path, video: Path) -> None:
    """Keep a run record true whose recording was moved: what goes by it looks there."""
    record, place = read_json(path), str(video.absolute())
    if record["video"]["path"] != place and not Path(record["video"]["path"]).exists():
        record["video"]["path"] = place
        write_json(path, record)


def may_be_mended(path: Path, record: Record, video: Path) -> bool:
    """Say whether a recording that was damaged has changed since its record was written.

    It may have been copied again, from where it is whole; a copy's identity is the same. What a
    person chose by hand isn't for a run to replace.
    """
    found = VideoInfo(**record["video"])
    if not found.is_damaged or record.get("curation"):
        return False
    now = video.stat()
    if now.st_mtime_ns != record.get("modified_ns", now.st_mtime_ns):
        return True
    # A copy may keep the time of the original, but not that of its coming: except on Windows.
    return max(now.st_mtime_ns, now.st_ctime_ns) > path.stat().st_mtime_ns


def selection_from_record(video: Path, record: Record) -> Selection:
    """Return the selection that a record tells of; ``video`` is where its file lies now."""
    coverage = record["coverage"]
    return Selection(
        video=VideoInfo(**{**record["video"], "path": video}),
        keyframes=tuple(
            Keyframe(**{name: value for name, value in row.items() if name != "image"})
            for row in record["keyframes"]
        ),
        n_asked=record["asked"],
        n_candidates=record["candidates"],
        step=record["step"],
        coverage=Coverage(
            variance_explained=coverage["variance_explained"],
            keyframes=Reach(**coverage["keyframes"]),
            evenly_spaced=Reach(**coverage["evenly_spaced"]),
        ),
        warnings=tuple(record["warnings"]),
    )


def _keyframe_rows(selection: Selection, images: str) -> list[Record]:
    return [
        {"image": f"{images}/{name}", **asdict(keyframe)}
        for name, keyframe in zip(selection.image_names, selection.keyframes, strict=True)
    ]


@cache
def _package_versions() -> dict[str, str]:
    """Return what is installed; OpenCV may be so under another distribution's name."""
    versions = {}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
