"""``keyframes match``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from keyframes.cli import shared
from keyframes.cli.parameters import PATH, choice, complain
from keyframes.cli.running import Runner, conclude
from keyframes.records import MatchBy

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("out", metavar="OUT", type=PATH)
@click.argument("videos", metavar="VIDEO...", nargs=-1, required=True, type=PATH)
@click.option(
    "--to",
    metavar="NAME",
    help="Whose moments: the selection in OUT of this name, its video's without the suffix.  "
    "[default: as said above]",
)
@click.option(
    "--by",
    type=choice(MatchBy),
    default="auto",
    show_default=True,
    help="How the moments are found. frame: by the frame number, for cameras that were triggered "
    "together; time: the nearest frame, by the time from each recording's first frame; auto: "
    "frame where both recordings have equally many frames at one rate, else time.",
)
@shared.no_report
@click.option(
    "--overwrite", is_flag=True, help="Replace other keyframes that are there of these videos."
)
@shared.no_cache
@shared.as_json
@shared.quiet
@shared.verbose
def match(
    *,
    out: Path,
    videos: tuple[Path, ...],
    to: str | None,
    by: MatchBy,
    no_report: bool,
    overwrite: bool,
    no_cache: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Write the same moments from other cameras.

    OUT is a folder that `keyframes extract` wrote for one camera; VIDEO is the recording of
    another one (or a folder of such). Its frames at the moments of those keyframes go into OUT
    as well, with a table, a report and a record of their own, which says what they were matched
    to, how, and how far apart the times are at most. Nothing else is touched.

    Of several selections in OUT a VIDEO follows that of its own session. A name ends with the
    view, after _ - . or a space: day1_side.mp4 follows day1_top. Where names don't tell, the
    recordings of one session lie in one folder. --to NAME says it for all.

    A VIDEO is refused that has no whole frame within half a frame of a moment, or one frame for
    two moments. Lengths that differ as if the cameras had drifted apart get a warning.

    \b
    Examples:
      keyframes extract day1_top.mp4 -k 100
      keyframes match keyframes-out day1_side.mp4 day1_front.mp4
      keyframes match keyframes-out cam2.mp4 --to cam1 --by frame
    """
    from keyframes.cache import FeatureCache
    from keyframes.jobs import find_videos
    from keyframes.matching import matching, plan_matches
    from keyframes.report import check_index

    jobs, failed = plan_matches(out, find_videos(videos), to=to, by=by)
    root = None if no_report else out  # of the overview
    if root:
        check_index(root, [job.folder for job in jobs])
    cache = None if no_cache else FeatureCache()
    work = matching(overwrite=overwrite, with_page=not no_report, cache=cache)
    outcomes = Runner(None, None, quiet).run(jobs, work)
    for outcome in failed:
        complain(str(outcome.error))
    return conclude([*outcomes, *failed], root, (), quiet=quiet, as_json=as_json)
