"""``keyframes probe``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from keyframes.cli import shared
from keyframes.cli.parameters import EXIT_FAILED, PATH, complaint, print_json
from keyframes.errors import KeyframesError, VideoError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PATH)
@shared.as_json
@shared.verbose
def probe(*, paths: tuple[Path, ...], as_json: bool) -> int:
    """Say what a recording really holds, and whether it is whole.

    PATH is a video, a folder of videos, or a PNG that keyframes wrote. Every frame is decoded:
    the header's claims are printed beside what was counted, with errors and what to do about
    them. Exits with 1 when a video is damaged. Of a PNG the label inside is printed.
    """
    from functools import partial

    from keyframes.jobs import find_videos
    from keyframes.progress import READING, ProgressBars, say

    files = list(find_videos(paths))
    documents: list[dict[str, Any]] = []
    n_bad = 0
    with ProgressBars(files, shown=sys.stderr.isatty(), spans=READING) as bars:
        for path in files:
            try:
                document, text, is_whole = _look_into(path, partial(bars, path, "reading"))
            except KeyframesError as error:
                document, text, is_whole = {"path": str(path), "error": str(error)}, "", False
                say(complaint(str(error)))
            bars.finish(path, was_work=True)
            documents.append(document)
            n_bad += not is_whole
            if text and not as_json:
                say(text, sys.stdout)
    if as_json:
        print_json({"files": documents})
    return EXIT_FAILED if n_bad else 0


def _look_into(
    path: Path, progress: Callable[[int, int], None]
) -> tuple[dict[str, Any], str, bool]:
    """Return what a file holds, as plain values and in words, and whether it is whole."""
    from keyframes.images import read_label
    from keyframes.terminal import describe_label, describe_probe
    from keyframes.video import probe as probe_video

    try:
        label = read_label(path)
    except OSError as error:
        raise VideoError(f"{path}: can't be read ({error.strerror}); check the path") from error
    if label:
        return {"path": str(path), "label": label}, describe_label(path, label), True
    report = probe_video(path, progress=progress)
    return report.to_json(), describe_probe(report), not report.damaged
