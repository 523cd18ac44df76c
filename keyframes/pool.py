"""One selection over many videos: similar ones share the keyframes, unusual ones get more.

Map and reduce. Each video is summarised on its own, wherever that is done
(:func:`summarising`); the summaries are clustered together in one place, and each cluster is
given to the video that has the frame nearest to its centre, as far as the summaries tell
(:func:`plan_shares`). From then on it is a batch like any other, in which each video's settings
hold its share.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from keyframes.ahead import count_cores
from keyframes.batch import Outcome, Work, find_outcome
from keyframes.errors import KeyframesError, OutputError, SettingsError, VideoError
from keyframes.executors import limited_threads
from keyframes.export.frame_folder import refuse_labelled
from keyframes.files import read_json
from keyframes.kmeans import KMeans, nearest_centers
from keyframes.kmeans.quiet import fit_quietly
from keyframes.records import Crop, PoolShare
from keyframes.resizing import shrink
from keyframes.summaries import Summary, condense, find_summary, summarise
from keyframes.video import frame_size

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import numpy.typing as npt

    from keyframes.cache import FeatureCache
    from keyframes.jobs import Job
    from keyframes.records import IntArray

    Float32Array = npt.NDArray[np.float32]

# Points of a video's summary: so many, and where few videos share many keyframes, so many times
# the video's even share of them, for it may get more than that.
MIN_POINTS = 256
POINTS_PER_KEYFRAME = 8
# Points that are clustered together. Of more videos than that allows for, each summary is
# condensed to its even share, so that what is held at a time doesn't grow with their number.
MAX_POINTS = 200_000


def plan_pool(jobs: Sequence[Job], per_video_min: int = 0, *, overwrite: bool = False) -> int:
    """Return how many points each video's summary has, at most.

    Frames that a project holds are no part of a pool, unless a finished run of it put them there
    that isn't to be replaced (``overwrite``).

    Raises
    ------
    SettingsError
        What is asked makes no sense for a pool.
    """
    settings = jobs[0].settings
    if not isinstance(settings.count, int):
        raise SettingsError("a pool needs a number of keyframes, not auto")
    if settings.method != "kmeans":
        raise SettingsError(f"a pool is clustered by k-means, not by {settings.method}")
    if any(job.settings.frames for job in jobs):
        raise SettingsError("a pool starts from nothing: leave out --frames")
    for job in jobs:
        if job.settings.held and (overwrite or _is_held_elsewhere(job)):
            raise SettingsError(
                f"a pool starts from nothing, and the project holds frames of {job.video}: choose "
                "without --dlc and --export, then hand the result over with `keyframes export`"
            )
    if per_video_min * len(jobs) > settings.count:
        raise SettingsError(
            f"{per_video_min} keyframes of each of {len(jobs)} videos are more than "
            f"{settings.count}; raise -k or lower --per-video-min"
        )
    generous = -(-POINTS_PER_KEYFRAME * settings.count // len(jobs))
    return max(MIN_POINTS, min(generous, 2 * settings.count))


def _is_held_elsewhere(job: Job) -> bool:
    """Say whether a project holds other frames than those of an earlier run of the pool."""
    there: set[int] = set()
    if job.settings.held and job.folder.record.exists():
        rows = read_json(job.folder.record).get("keyframes", [])
        there = {row["frame_index"] for row in rows}
    return not there.issuperset(job.settings.held)


def check_shapes(jobs: Iterable[Job]) -> None:
    """Raise SettingsError where videos have pictures of different shapes, which can't be compared.

    A frame of each is decoded, unless it is cropped. Videos that can't be opened are passed over.
    """
    examples: dict[tuple[int, ...], str] = {}
    for job in jobs:
        try:
            seen = job.settings.crop or Crop(0, 0, *frame_size(job.video))
        except VideoError:
            continue  # said when its turn comes
        width, height = seen.size
        shape = shrink(np.zeros((height, width), np.uint8), job.settings.width).shape
        examples.setdefault(shape, f"{job.video} shows {width}x{height} pixels")
        if len(examples) > 1:
            raise SettingsError(
                f"{' and '.join(examples.values())}: pictures of different shapes can't be "
                "compared; give one --crop for all or pool them apart"
            )


def summarising(n_points: int, *, cache: FeatureCache | None = None) -> Work:
    """Return the work of summarising; ``n_points`` from `plan_pool`, ``cache`` as for `extract`."""
    return Work(
        partial(find_summary_outcome, n_points=n_points),
        partial(summarise, n_points=n_points, cache=cache),
    )


def find_summary_outcome(job: Job, n_points: int) -> Outcome | None:
    """Return what is known of a video's summary; None if it is to be made.

    Errors as `find_summary`.
    """
    return None if find_summary(job, n_points) is None else Outcome(job, is_new=False)


def find_lost(failed: Iterable[Job], n_points: int) -> list[Job]:
    """Return those of the jobs whose video was summarised when it could be read.

    They keep their place in the pool, so that the others' shares stay as they are.
    """
    lost = []
    for job in failed:
        with suppress(KeyframesError):  # it failed for that already
            if find_summary(job, n_points, is_lost=True):
                lost.append(job)
    return lost


def plan_shares(
    jobs: Sequence[Job], n_points: int, per_video_min: int = 0, lost: Collection[Job] = ()
) -> list[Job]:
    """Cluster the summaries of all videos and return a job for each video that has a share.

    Parameters
    ----------
    jobs
        The videos, all of them summarised, and their pictures of one shape, as `check_shapes`
        has it. Their settings' ``count`` is that of the whole pool.
    n_points
        As for `summarising`.
    per_video_min
        Keyframes that every video gets at least, unless it has fewer candidates.
    lost
        Those of the jobs that `find_lost` tells of; none is returned for these.
    """
    if len(jobs) == len(lost):
        return []
    settings = jobs[0].settings
    most = max(1, MAX_POINTS // len(jobs))
    question, summaries = zip(
        *(_load(job, n_points, most, is_lost=job in lost) for job in jobs), strict=True
    )
    with limited_threads(count_cores()):
        pool = _cluster(
            summaries, int(settings.count), per_video_min, settings.n_init, settings.seed
        )
    asked = {"count": settings.count, "n_init": settings.n_init, "per_video_min": per_video_min}
    whole = json.dumps([asked, question], sort_keys=True)
    digest = hashlib.sha256(whole.encode()).hexdigest()[:16]
    facts = {
        "pool_videos": len(jobs),
        "pool_candidates": sum(summary.n_candidates for summary in summaries),
        "pool_asked": int(settings.count),
        "pool_keyframes": len(pool.centers),
        "pool_inertia": pool.inertia,
    }
    shares = []
    for at, job in enumerate(jobs):
        clusters = np.flatnonzero(pool.owners == at)
        if len(clusters) and job not in lost:
            share = PoolShare(
                pool=digest,
                facts=tuple(facts.items()),
                clusters=tuple(clusters.tolist()),
                centers=pool.centers[clusters],
            )
            asked_of_video = replace(job.settings, count=len(clusters), share=share)
            shares.append(replace(job, settings=asked_of_video))
    return shares


def make_room(jobs: Sequence[Job], shares: Sequence[Job], *, overwrite: bool) -> None:
    """Make sure that no video of a pool keeps keyframes of another selection.

    Parameters
    ----------
    jobs, shares
        The videos, and what `plan_shares` made of them.
    overwrite
        What is there is replaced, or removed where the video has no share.

    Raises
    ------
    OutputError
        There are such keyframes, which aren't to be replaced; nothing has changed.
    """
    with_share = {job.video for job in shares}
    without = [job.folder for job in jobs if job.video not in with_share]
    if not overwrite:
        for job in shares:
            with suppress(VideoError):  # said when its turn comes
                find_outcome(job)  # refuses what isn't to be replaced
        for folder in without:
            if folder.record.exists():
                raise OutputError(
                    f"{folder.record}: holds keyframes, but this pool takes none of the video; "
                    "choose another -o or remove them with --overwrite"
                )
    left = [each for each in without if each.record.exists() or each.unfinished.exists()]
    for folder in left:
        refuse_labelled(folder.images, ways_out=["choose another -o"])
    for folder in left:
        folder.clear()


@dataclass(frozen=True, slots=True, eq=False)
class _Pool:
    """Centres (k, d), the number of the video that represents each (k,), and J over all."""

    centers: Float32Array
    owners: IntArray
    inertia: float


def _load(job: Job, n_points: int, most: int, *, is_lost: bool) -> tuple[dict[str, Any], Summary]:
    """Return what was asked of a job's summary, and the summary of at most so many points."""
    there = find_summary(job, n_points, is_lost=is_lost)
    if there is None:
        raise SettingsError(f"{job.folder.summary}: has changed while the pool was read; run again")
    asked, summary = there
    return asked, condense(summary, most, np.random.default_rng(job.settings.seed))


def _cluster(
    summaries: Sequence[Summary], count: int, per_video_min: int, n_init: int, seed: int
) -> _Pool:
    """Cluster all points, and again with centres reserved for the videos that got too few."""
    union = Summary(
        np.concatenate([summary.points for summary in summaries]),
        np.concatenate([summary.weights for summary in summaries]),
        np.concatenate([summary.gaps for summary in summaries]),
        sum(summary.inertia for summary in summaries),
    )
    least = np.array([min(per_video_min, summary.n_candidates) for summary in summaries])
    reserved: dict[int, Float32Array] = {}
    while True:
        rng = np.random.default_rng(seed)
        fixed = np.concatenate([np.empty((0, union.points.shape[1])), *reserved.values()])
        n_free = min(count, union.n_candidates) - len(fixed)
        centers = _fit(union, n_free, fixed.astype(np.float32), n_init, rng)
        owners = np.concatenate(
            [
                _nearest_summaries(summaries, centers[:n_free], reserved),
                *(np.full(len(own), at) for at, own in reserved.items()),
            ]
        )
        short = np.flatnonzero(np.bincount(owners, minlength=len(summaries)) < least)
        if not len(short):
            _, squared = nearest_centers(union.points, centers)
            return _Pool(centers, owners, union.inertia + float(union.weights @ squared))
        for at in short.tolist():
            own = condense(summaries[at], int(least[at]), rng).points
            reserved[at] = np.resize(own, (least[at], own.shape[1]))  # repeats them if all alike


def _fit(
    union: Summary, n_free: int, fixed: Float32Array, n_init: int, rng: np.random.Generator
) -> Float32Array:
    """Return ``n_free`` centres that go with the fixed ones, and then these.

    Of fewer points than that, some centres come more than once.
    """
    n_fitted = min(n_free, len(union.points))
    if n_fitted == 0:
        return fixed
    model = KMeans(n_fitted, n_init=n_init, random_state=rng)
    held = fixed if len(fixed) else None
    fit_quietly(model, union.points, sample_weight=union.weights, fixed_centers=held)
    free = model.cluster_centers_[:n_fitted].astype(np.float32)
    return np.concatenate([np.resize(free, (n_free, free.shape[1])), fixed])


def _nearest_summaries(
    summaries: Sequence[Summary], centers: Float32Array, reserved: Mapping[int, Float32Array]
) -> IntArray:
    """Return which summary is likely to have the candidate nearest to each centre.

    A candidate that is off its point is so at a right angle to any direction, nearly, as there are
    so many of them: the squared distances add up, and the gap is one more coordinate. None gets
    more centres than it has candidates, besides those that are reserved for it.
    """
    squared = np.empty((len(centers), len(summaries)), np.float32)
    flat = np.pad(centers, ((0, 0), (0, 1)))
    for at, summary in enumerate(summaries if len(centers) else ()):
        lifted = np.column_stack([summary.points, np.sqrt(summary.gaps)]).astype(np.float32)
        squared[:, at] = nearest_centers(flat, lifted)[1]
    left = [
        summary.n_candidates - len(reserved.get(at, ())) for at, summary in enumerate(summaries)
    ]
    owners = np.empty(len(centers), np.int64)
    for center, order in enumerate(np.argsort(squared, axis=1, kind="stable")):
        owners[center] = next(at for at in order.tolist() if left[at])
        left[owners[center]] -= 1
    return owners
