"""Options that several commands have, each declared once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from keyframes.cli.parameters import CROP, POSITION, STEP, WholeNumber, choice
from keyframes.records import FeatureName

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., Any]  # or what becomes one


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return what gives a command several options, in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _start_logging(context: click.Context, _: click.Parameter, verbose: bool) -> None:
    """Show the library's log on stderr, above any progress bars: as much as -v or -q ask for."""
    library = logging.getLogger("keyframes")
    quiet = context.params.get("quiet")  # what stands on the command line is known by now
    library.setLevel(logging.INFO if verbose else logging.ERROR if quiet else logging.WARNING)
    library.addHandler(_LogToTerminal())


class _LogToTerminal(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        from keyframes.progress import say

        say(self.format(record))


# Which frames are looked at, and how.
looking = together(
    click.option(
        "--start",
        type=POSITION,
        help="Where to begin: 90 (seconds), 00:01:30.5, 25% or 2700f (frame number).",
    ),
    click.option(
        "--end",
        type=POSITION,
        help="Where to stop, exclusive; written like --start. With both, leave out where somebody "
        "handles the animal: hands would be among the keyframes.",
    ),
    click.option("--crop", type=CROP, help="The part of the picture that is compared, in pixels."),
    click.option(
        "--step",
        default="auto",
        show_default=True,
        metavar="N|auto|keyframes",
        type=STEP,
        help="Consider every Nth frame. auto: every frame, thinned evenly above 20,000; "
        "keyframes: the stream's own key frames, a fast look at very long recordings.",
    ),
    click.option(
        "--features",
        default="hog",
        show_default=True,
        type=choice(FeatureName),
        help="What is compared. hog: the outlines of what moves; gray, colour: the small picture, "
        "pixel by pixel.",
    ),
    click.option(
        "--width",
        metavar="PX",
        default=64,
        show_default=True,
        type=WholeNumber(8, 512),
        help="Longest side of the small picture that is compared.",
    ),
    click.option(
        "--seed",
        metavar="N",
        default=0,
        show_default=True,
        type=WholeNumber(min=0),
        help="The same input, options and seed give the same bytes, the record's timings aside.",
    ),
)
no_report = click.option(
    "--no-report", is_flag=True, help="Write no VIDEO.html. For one afterwards: --overwrite."
)
no_cache = click.option(
    "--no-cache", is_flag=True, help="Neither use nor keep what is read of the videos."
)
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as one JSON document."
)
quiet = click.option(
    "-q", "--quiet", is_flag=True, help="Print nothing but errors and what is asked for."
)
verbose = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=_start_logging,
    help="Tell of cache, threads, steps and times on the way.",
)
