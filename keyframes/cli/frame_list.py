"""Frames that a person has listed, instead of a choice: read, and shared out to the videos."""

from __future__ import annotations

import csv
import json
import os
import re
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from keyframes.cli.parameters import Parsed
from keyframes.errors import SettingsError
from keyframes.names import count_shared_parts, fold_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from keyframes.jobs import Job

_COLUMNS = ("frame_index", "frame")
_NUMBERS = re.compile(r"[\d\s,]*", re.ASCII)


def parse_frames(text: str) -> dict[str, tuple[int, ...]]:
    """Read frame numbers from the text, or from the file that it names.

    Returns
    -------
    The numbers by the video that they are for, as the list names it; by ``""`` where it names
    none.

    Raises
    ------
    ValueError
        There are no frame numbers.
    """
    listed = {"": _to_numbers(text)} if _NUMBERS.fullmatch(text) else _read_file(Path(text))
    if not any(listed.values()):
        raise ValueError(f"{text!r} lists no frames")
    return {video: tuple(numbers) for video, numbers in listed.items()}


FRAMES = Parsed("LIST", parse_frames)


def assign_frames(jobs: Sequence[Job], listed: Mapping[str, tuple[int, ...]] | None) -> list[Job]:
    """Return the jobs of the videos that the list names, each with its frames; all for no list.

    A video is named by its file name, with or without suffix, or by as much of its path as
    tells it from the others.

    Raises
    ------
    SettingsError
        The list names no video of the jobs, or one that could be several of them.
    """
    if listed is None:
        return list(jobs)
    if "" in listed and len(jobs) > 1:
        raise SettingsError(
            f"--frames lists frames of one video, but there are {len(jobs)}; add a column video, "
            "or name one video"
        )
    frames: dict[Path, set[int]] = {}
    for name, numbers in listed.items():
        job = _find_job(jobs, name) if name else jobs[0]
        frames.setdefault(job.video, set()).update(numbers)
    return [
        replace(job, settings=replace(job.settings, frames=tuple(sorted(frames[job.video]))))
        for job in jobs
        if job.video in frames
    ]


def _find_job(jobs: Sequence[Job], name: str) -> Job:
    path = PureWindowsPath(name)
    stem = fold_name(path.name)
    likeness = [
        count_shared_parts(
            str(path.with_name(job.video.name) if stem == fold_name(job.video.stem) else path),
            str(job.video),
        )
        for job in jobs
    ]
    best = [job for job, shared in zip(jobs, likeness, strict=True) if shared == max(likeness)]
    if max(likeness) == 0:
        raise SettingsError(
            f"--frames names the video {name}, which isn't among those of this run; name it, too, "
            "or take its rows out"
        )
    if len(best) > 1:
        raise SettingsError(
            f"--frames names the video {name}, which could be {best[0].video} or {best[1].video}; "
            "write more of its path"
        )
    return best[0]


def _to_numbers(text: str) -> list[int]:
    return [int(number) for number in re.split(r"[\s,]+", text) if number]


def _read_file(path: Path) -> dict[str, list[int]]:
    """Return the numbers in a file by the video that they are for."""
    if not os.path.isfile(path):  # noqa: PTH113 - a long list raises in pathlib
        raise ValueError(
            f"'{path}' is neither a list such as 12,55,300 nor a file that is there; check the path"
        )
    if path.suffix.lower() == ".json":
        return {"": _read_record(path)}
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"'{path}' is no text; save the table as CSV in UTF-8") from None
    if _NUMBERS.fullmatch(content):
        return {"": _to_numbers(content)}
    listed: dict[str, list[int]] = {}
    try:
        for video, number in _read_table(path, content.splitlines()):
            listed.setdefault(video, []).append(number)
    except csv.Error as error:
        raise ValueError(f"'{path}' is no table ({error}); save it as CSV again") from None
    return listed


def _read_record(path: Path) -> list[int]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return [int(row["frame_index"]) for row in record["keyframes"]]
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"'{path}' is no run record; name a VIDEO.json that keyframes wrote, or a CSV file"
        ) from None


def _read_table(path: Path, lines: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield the video, or ``""``, and the frame number of each row."""
    header = next(iter(lines), "")
    # Spreadsheets write what their country's commas leave free.
    delimiter = max(",;\t", key=header.count)
    rows = csv.reader(lines, delimiter=delimiter)
    names = [name.strip().lower() for name in next(rows)]
    column = next((names.index(name) for name in _COLUMNS if name in names), None)
    if column is None:
        raise ValueError(
            f"'{path}' has no column {' or '.join(_COLUMNS)} (its first line is {header[:80]!r}); "
            "name one so, or write a number a line"
        )
    video_column = names.index("video") if "video" in names else None
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        cells = [cell.strip() for cell in row] + [""] * len(names)
        number, video = cells[column], "" if video_column is None else cells[video_column]
        if not number.isdecimal():
            raise ValueError(f"'{path}', line {rows.line_num}: {number!r} is no frame number")
        if video_column is not None and not video:
            raise ValueError(f"'{path}', line {rows.line_num}: names no video")
        yield video, int(number)
