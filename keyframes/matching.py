"""The same moments from other cameras: which keyframes are the pattern, and a batch that follows.

From then on it is a batch like any other, in which each video's settings list its frames.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keyframes.batch import Outcome, Work, extract_job
from keyframes.describe import find_index
from keyframes.errors import KeyframesError, OutputError, SettingsError
from keyframes.export.sessions import session_of
from keyframes.files import identify
from keyframes.followers import describe_strays
from keyframes.jobs import Job, refuse_shared_outputs
from keyframes.moments import find_moments, read_timeline
from keyframes.names import fold_name
from keyframes.results import require_results
from keyframes.run_record import may_be_mended, selection_from_record
from keyframes.settings import Match, Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from keyframes.cache import FeatureCache
    from keyframes.moments import Timeline
    from keyframes.output import OutputFolder
    from keyframes.records import MatchBy, Selection
    from keyframes.run_record import Record
    from keyframes.stages import Progress

    Results = Mapping[OutputFolder, Record]


def plan_matches(
    output: Path, videos: Collection[Path], *, to: str | None = None, by: MatchBy = "auto"
) -> tuple[list[Job], list[Outcome]]:
    """Return a job for each video that is to follow a pattern; besides, why others can't.

    The pattern is the selection named ``to``. Without a name it is the only one in the output
    folder that isn't a match itself, and else the one of the same session. The video that a
    pattern is from has nothing to follow.

    Parameters
    ----------
    output
        Folder that `extract` wrote; the folders in it are looked through, too. What is matched
        goes beside its pattern.
    videos
        The other cameras' recordings.
    to
        Name of a selection: its video's without the suffix, with as many folders of the output
        folder before it as tell it from others.
    by
        What the frames are to be found by, as for `find_moments`.

    Raises
    ------
    OutputError
        The folder holds no keyframes.
    SettingsError
        No selection is called ``to``, or several are; two videos would be written under one name;
        there is no video but the patterns' own.
    """
    results = require_results(output)
    named = _find_named(output, results, to) if to else _find_only(results)
    jobs, failed = [], []
    for video in videos:
        try:
            pattern = named or _find_pattern(output, results, video)
            record = results[pattern]
            if _is_own(video, pattern, record):
                continue
            jobs.append(Job(video, pattern.root, Settings(match=_match(record, by))))
        except KeyframesError as error:
            failed.append(Outcome(Job(video, output, Settings()), error=error))
    if not jobs and not failed:
        raise SettingsError(
            f"the keyframes in {output} are from these videos; name those of the other cameras"
        )
    refuse_shared_outputs(jobs)
    return jobs, failed


def matching(
    *, overwrite: bool = False, with_page: bool = True, cache: FeatureCache | None = None
) -> Work:
    """Return the work of writing the frames at the patterns' moments; options as for `extract`."""
    return Work(
        partial(_find_outcome, overwrite=overwrite),
        partial(_extract, overwrite=overwrite, with_page=with_page, cache=cache),
    )


def _find_named(output: Path, results: Results, name: str) -> OutputFolder:
    wanted = Path(name).parts
    found = [each for each in results if (*each.root.parts, each.stem)[-len(wanted) :] == wanted]
    if len(found) == 1:
        return found[0]
    there = _list_names(output, found or results)
    if found:
        raise SettingsError(f"--to {name} could be {there}; write more of it")
    raise SettingsError(f"--to {name} is none of the selections in {output}: {there}")


def _find_patterns(results: Results) -> list[OutputFolder]:
    """Return the selections that aren't matched to others themselves."""
    return [each for each in results if not results[each]["identity"]["settings"].get("match")]


def _find_only(results: Results) -> OutputFolder | None:
    """Return the only selection that there is to follow; None where there are several."""
    patterns = _find_patterns(results)
    return patterns[0] if len(patterns) == 1 else None


def _find_pattern(output: Path, results: Results, video: Path) -> OutputFolder:
    """Return the selection of a video's session, by its name.

    Where that tells of none or of several, it is the one whose recording lies in the same folder.
    """
    session, here = session_of(video.stem), video.parent.resolve()
    found = [each for each in _find_patterns(results) if session_of(each.stem) == session]
    if not (session and len(found) == 1):
        found = [
            each for each in found if Path(results[each]["video"]["path"]).parent.resolve() == here
        ]
    if len(found) == 1:
        return found[0]
    there = _list_names(output, found or results)
    if found:
        raise OutputError(f"{video}: could follow {there}; say which with --to NAME")
    raise OutputError(
        f"{video}: is of the session of none of the selections in {output} ({there}); say which "
        "it is to follow with --to NAME"
    )


def _is_own(video: Path, pattern: OutputFolder, record: Record) -> bool:
    """Say whether the pattern is from this very video; OutputError where another has its name."""
    if fold_name(video.stem) != fold_name(pattern.stem):
        return False
    there, asked = record["identity"]["video"], identify(video)
    if there["sha256_of_samples"] != asked["sha256_of_samples"]:
        raise OutputError(
            f"{video}: would be written as '{video.stem}', where the keyframes are that it is to "
            f"follow, those of {record['video']['path']}; rename one of the recordings"
        )
    return True


def _match(record: Record, by: MatchBy) -> Match:
    pattern = selection_from_record(Path(record["video"]["path"]), record)
    return Match(pattern, record["identity"]["video"]["sha256_of_samples"], by)


def _list_names(output: Path, folders: Iterable[OutputFolder]) -> str:
    names = [str(folder.place(output)) for folder in folders]
    return ", ".join([*sorted(names)[:5], *(["…"] if len(names) > 5 else [])])


def _find_outcome(job: Job, *, overwrite: bool) -> Outcome | None:
    """Return what is known of a job without looking into its video; None if it is to be done."""
    if overwrite:
        return None
    folder, asked = job.folder, job.settings.to_json()["match"]
    record = folder.find_finished(identify(job.video))
    if record is None:
        return None
    there = record["identity"]["settings"].get("match")
    if there != asked:
        raise OutputError(
            f"{folder.record}: holds keyframes {_describe_other(there, asked)}; replace them with "
            "--overwrite"
        )
    if may_be_mended(folder.record, record, job.video):
        return None
    selection = selection_from_record(job.video, record)
    if not folder.has_all(selection.image_names):
        return None
    if selection.frame_indices != record["identity"]["settings"]["frames"]:  # in a review, since
        strays = describe_strays(job.output, {job.video.stem})
        selection = replace(selection, warnings=(*selection.warnings, *strays))
    return Outcome(job, selection, is_new=False)


def _describe_other(there: Record | None, asked: Record) -> str:
    """Say what is there instead of what is asked."""
    if there is None:
        return f"of its own, not those at the moments of {asked['to']}"
    if there["sha256_of_samples"] != asked["sha256_of_samples"]:
        return f"matched to {there['to']}, not to {asked['to']}"
    if there["frames"] != asked["frames"]:
        return f"matched to {there['to']} when that had others"
    return f"matched --by {there['by']}, now --by {asked['by']}"


def _extract(
    job: Job,
    *,
    cache: FeatureCache | None,
    threads: int,
    progress: Progress | None,
    **how: Any,  # noqa: ANN401 - as for extract
) -> Selection:
    """Find the frames of one video, and write them."""
    timeline = read_timeline(
        find_index(job.video, cache),
        threads=threads,
        progress=progress and partial(progress, "reading"),
    )
    listed = replace(job, settings=_list_frames(job, timeline))
    return extract_job(listed, cache=cache, threads=threads, progress=progress, **how)


def _list_frames(job: Job, timeline: Timeline) -> Settings:
    """Return the job's settings with the frames listed that show the pattern's moments."""
    match = job.settings.match
    if match is None:
        raise ValueError("the job is none of plan_matches")
    found = find_moments(match.pattern, timeline, match.by)
    facts: dict[str, str | float] = {
        "matched_to": match.pattern.video.path.name,
        "matched_by": {"frame": "frame number", "time": "time"}[found.by],
        "greatest_difference_s": round(found.difference_s, 6),
    }
    return replace(
        job.settings,
        frames=tuple(found.frame_indices.tolist()),
        match=replace(
            match,
            times_s=tuple(found.times_s.tolist()),
            facts=tuple(facts.items()),
            warnings=(*_doubt_session(job.video, match.pattern.video.path), *found.warnings),
        ),
    )


def _doubt_session(video: Path, pattern: Path) -> Iterator[str]:
    """Say where the names are of different sessions."""
    mine, its = session_of(video.stem), session_of(pattern.stem)
    if mine and its and mine != its:
        yield (
            f"by its name it is of session {mine}, and {pattern.name} of {its}: they have to be "
            "recordings of one session"
        )
