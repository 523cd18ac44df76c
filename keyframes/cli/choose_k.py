"""``keyframes choose-k``."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

from keyframes.cli import shared
from keyframes.cli.parameters import PATH, WholeNumber, print_json
from keyframes.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keyframes.choose_k import ChoiceOfK
    from keyframes.video import Position

_BESIDE_PLOT = 40  # columns of a line that has a plot
_NARROWEST_PLOT = 10


@click.command("choose-k")
@click.argument("video", type=PATH)
@click.option(
    "--min",
    "smallest",
    metavar="K",
    default=5,
    show_default=True,
    type=WholeNumber(min=2),
    help="Smallest number of clusters to try.",
)
@click.option(
    "--max",
    "largest",
    metavar="K",
    default=200,
    show_default=True,
    type=WholeNumber(min=2),
    help="Largest number of clusters to try.",
)
@click.option(
    "-o",
    "--output",
    metavar="PAGE",
    type=PATH,
    help="Write a page with both curves here: a file that ends in .html.",
)
@shared.looking
@shared.no_cache
@shared.as_json
@shared.quiet
@shared.verbose
def choose_k(
    *,
    video: Path,
    smallest: int,
    largest: int,
    output: Path | None,
    start: Position | None,
    end: Position | None,
    no_cache: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,  # noqa: ANN401 - the other settings, by name
) -> int:
    """Find out how many keyframes a video is worth.

    Clusters the frames with a range of k. The elbow is where more clusters stop paying, and is
    what `extract -k auto` takes: the knee of J by Kneedle (Satopää et al. 2011). It is the elbow of
    the range that is tried, so a larger --max moves it up; -k auto tries 5 to 200. The silhouette
    (Rousseeuw 1987) is high where clusters are well apart; a posture that goes over into the next
    has no such k, and then the elbow alone counts.

    \b
    Examples:
      keyframes choose-k mouse.mp4
      keyframes choose-k mouse.mp4 --max 400 -o mouse-k.html
    """
    from functools import partial

    import numpy as np

    from keyframes.asked import choose_k_command
    from keyframes.cache import FeatureCache
    from keyframes.choose_k import choose_k as choose
    from keyframes.describe import describe_video
    from keyframes.files import check_writable, make_folder, write_atomically
    from keyframes.jobs import find_videos
    from keyframes.progress import ProgressBars
    from keyframes.report import check_page, render_choice
    from keyframes.settings import Settings
    from keyframes.thumbnails import ThumbnailStore
    from keyframes.video import Span

    settings = Settings(span=Span(start, end), **options)
    if largest < smallest:
        raise click.UsageError(f"--min {smallest} is above --max {largest}; give 2 ≤ --min ≤ --max")
    if video.is_dir():
        raise click.UsageError(f"{video} is a folder: give one video")
    find_videos([video])
    if output:
        check_page(output)
        check_writable(output)
    shown = not quiet and sys.stderr.isatty()
    with ProgressBars([video], shown=shown) as bars, ThumbnailStore() as store:
        cache = None if no_cache else FeatureCache()
        report = partial(bars, video, "reading")
        _, features = describe_video(video, settings, store, cache=cache, progress=report)
        try:
            found = choose(
                features.values,
                np.random.default_rng(settings.seed),
                smallest=smallest,
                largest=largest,
                on_fit=partial(bars, video, "clustering"),
            )
        except SettingsError as error:
            raise SettingsError(f"{video}: {error}") from error
    if output:
        make_folder(output.parent)
        asked = settings.to_json()
        again = choose_k_command(asked, video.absolute(), smallest, largest, output)
        write_atomically(output, render_choice(video.name, found, asked, again).encode())
        if not quiet:
            click.echo(f"page: {output}", err=True)
    if as_json:
        print_json({"video": str(video), "seed": settings.seed, **found.to_json()})
    else:
        click.echo("\n".join(_table(video.name, found, shutil.get_terminal_size().columns - 1)))
    return 0


def _table(name: str, found: ChoiceOfK, width: int) -> Iterator[str]:
    """Yield the lines of a table, k from top to bottom, with a plot beside it if there is room."""
    first, last = found.scores[0].k, found.scores[-1].k
    yield from _wrap(
        f"{name}: k = {found.elbow} is where, from {first} to {last}, more clusters stop paying",
        "(the knee, by Kneedle, of J: the summed squared distances to the clusters)",
        width=width,
    )
    yield ""
    yield "     k  explained  silhouette"
    plot_width = width - _BESIDE_PLOT
    has_plot = plot_width >= _NARROWEST_PLOT
    plots = _plot(found, plot_width) if has_plot else [""] * len(found.scores)
    for score, plot in zip(found.scores, plots, strict=True):
        yield (
            f"{score.k:6,}  {score.variance_explained:9.1%}  {score.silhouette:10.3f}"
            f"{plot}{'  elbow' if score.k == found.elbow else ''}"
        )
    yield ""
    legend = "• variance explained, × silhouette, each from its lowest to its highest value"
    yield from _wrap(
        *([legend] if has_plot else []),
        f"{found.n_candidates:,} frames clustered; silhouette on {found.n_sampled:,} of them, "
        f"highest at k = {found.most_silhouetted.k}",
        width=width,
        indent="  ",
    )


def _wrap(*sentences: str, width: int, indent: str = "") -> Iterator[str]:
    """Yield the lines of sentences, each on lines of its own."""
    for sentence in sentences:
        yield from textwrap.wrap(
            sentence, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False
        )


def _plot(found: ChoiceOfK, width: int) -> Iterator[str]:
    """Yield what stands beside each k: a dot for the variance explained, a cross for the other."""
    dots = _columns([score.variance_explained for score in found.scores], width)
    crosses = _columns([score.silhouette for score in found.scores], width)
    for dot, cross in zip(dots, crosses, strict=True):
        plot = [" "] * width
        plot[cross], plot[dot] = "×", "•"
        yield f"  |{''.join(plot)}|"


def _columns(values: list[float], width: int) -> list[int]:
    """Return the column of each value, the lowest at the left and the highest at the right."""
    low = min(values)
    span = max(values) - low or 1.0
    return [round((value - low) / span * (width - 1)) for value in values]
