"""``keyframes probe``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from keyframes.cli.parameters import EXIT_FAILED, PATH, complain, print_json, start_logging
from keyframes.errors import KeyframesError

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("-v", "--verbose", is_flag=True, help="Say what is going on.")
def probe(*, paths: tuple[Path, ...], as_json: bool, verbose: bool) -> int:
    """Say what a recording really holds, and whether it is whole.

    PATH is a video, a folder of videos, or a PNG that keyframes wrote. Every frame is decoded:
    the header's claims are printed beside what was counted, with errors and what to do about
    them. Exits with 1 when a video is damaged. Of a PNG the label inside is printed.
    """
    from keyframes.images import read_label
    from keyframes.jobs import find_videos
    from keyframes.terminal import describe_label, describe_probe
    from keyframes.video import probe as probe_video

    start_logging(verbose=verbose)
    documents: list[dict[str, Any]] = []
    whole = True
    for path in find_videos(paths):
        if label := read_label(path):
            documents.append({"path": str(path), "label": label})
            text = describe_label(path, label)
        else:
            try:
                report = probe_video(path)
            except KeyframesError as error:
                documents.append({"path": str(path), "error": str(error)})
                complain(str(error))
                whole = False
                continue
            documents.append(report.to_json())
            text = describe_probe(report)
            whole = whole and not report.damaged
        if not as_json:
            click.echo(text)
    if as_json:
        print_json({"files": documents})
    return 0 if whole else EXIT_FAILED
