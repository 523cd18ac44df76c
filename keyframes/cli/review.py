"""``keyframes review``."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import click

from keyframes.cli import shared
from keyframes.cli.parameters import PATH, WholeNumber

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from keyframes.output import OutputFolder
    from keyframes.review import Session


@click.command()
@click.argument("out", metavar="OUT", type=PATH)
@click.argument("name", metavar="[VIDEO]", type=PATH, required=False)
@click.option(
    "--video", metavar="PATH", type=PATH, help="Where the video lies now, if it was moved."
)
@click.option(
    "--port",
    default=0,
    type=WholeNumber(0, 65535),
    metavar="N",
    help="Port on this machine.  [default: a free one]",
)
@click.option("--open", "in_browser", is_flag=True, help="Open the page in the browser.")
@shared.no_cache
@shared.quiet
@shared.verbose
def review(
    *,
    out: Path,
    name: Path | None,
    video: Path | None,
    port: int,
    in_browser: bool,
    no_cache: bool,
    quiet: bool,
) -> int:
    """Change what was chosen, by eye, in the browser.

    OUT is a folder that `keyframes extract` wrote; VIDEO names one of the videos in it or in its
    folders, without the suffix. The page is the report with four more things to do, by button or
    key:

    \b
      R  reject a frame: the next of its cluster takes its place
      S  see other frames that could stand in for it, and swap
      A  add the frame under the cursor of the timeline
      U  undo

    Every change is saved at once: PNGs, table, report and record. What was exported from here
    follows, as far as it is ours and no SLEAP package; frames that are labelled stay. The address
    is printed; it works on this machine only, and only with the secret inside. From a remote
    machine, choose a --port and forward it: ssh -L 8000:localhost:8000 HOST. Ctrl-C ends the
    review.

    \b
    Examples:
      keyframes review keyframes-out --open
      keyframes review keyframes-out mouse --video /archive/mouse.mp4
      keyframes review keyframes-out day1/mouse
    """
    import webbrowser
    from functools import partial
    from pathlib import Path

    from keyframes.cache import FeatureCache
    from keyframes.files import read_json
    from keyframes.progress import ProgressBars
    from keyframes.review import ReviewServer, open_session, say_what_follows

    folders = _choose(out, name)
    if video and len(folders) > 1:
        raise click.UsageError(f"--video says where one video is; name it: {_list(out, folders)}")

    def open_folder(folder: OutputFolder) -> Session:
        record = read_json(folder.record)
        path = video or Path(record["video"]["path"])
        with ProgressBars([path], shown=not quiet and sys.stderr.isatty()) as bars:
            cache = None if no_cache else FeatureCache()
            return open_session(folder, record, path, cache=cache, progress=partial(bars, path))

    server = ReviewServer(out, folders, open_folder, port)
    try:
        if len(folders) == 1:
            server.session(0)  # what is wrong is said here, not in the browser
        click.echo(server.address)
        if not quiet:
            several = "Every change is saved at once; a video's page says where else."
            saved = say_what_follows(folders[0]) if len(folders) == 1 else several
            click.echo(f"{saved} Ctrl-C ends the review.", err=True)
        if in_browser:
            webbrowser.open(server.address)
        _stop_once()
        server.serve_forever()
    except KeyboardInterrupt:
        if not quiet:
            click.echo("The review has ended; every change is saved.", err=True)
    finally:
        server.server_close()
    return 0


def _stop_once() -> None:
    """Let the first Ctrl-C end the review, and no other cut short what is done at its end.

    A shell sends it to all programs of a command, and some of them pass it on once more.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        for stopping in (signal.SIGINT, signal.SIGTERM):
            signal.signal(stopping, signal.SIG_IGN)
        signal.default_int_handler(number, frame)

    for stopping in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stopping, stop)


def _choose(out: Path, name: Path | None) -> list[OutputFolder]:
    """Return the results in a folder and in those in it, or the one of that name."""
    from keyframes.results import require_results

    there = list(require_results(out))
    if name is None:
        return there
    chosen = [folder for folder in there if folder.root / folder.stem == out / name]
    if not chosen:
        raise click.UsageError(f"'{name}' is none of the videos there: {_list(out, there)}")
    return chosen


def _list(out: Path, folders: list[OutputFolder]) -> str:
    return ", ".join(str(folder.place(out)) for folder in folders)
