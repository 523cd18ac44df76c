"""Which candidates become keyframes, by the method that was asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from keyframes.choose_k import LARGEST, SMALLEST, elbow
from keyframes.coverage import choose_for_coverage
from keyframes.describe import refuse_beyond
from keyframes.errors import SettingsError, VideoError
from keyframes.kmeans import nearest_centers
from keyframes.records import Clustering, Selection
from keyframes.selection import (
    cluster_by_kmeans,
    cluster_by_time,
    count_alike,
    describe_keyframes,
    pick_members,
)
from keyframes.words import to_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from keyframes.describe import Sampling
    from keyframes.records import Features, IntArray, PoolShare, Reading, VideoInfo
    from keyframes.settings import Match, Settings
    from keyframes.thumbnails import ThumbnailStore


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The chosen candidates, and the clusters they stand for.

    Attributes
    ----------
    rows
        (k,) int64, ascending: rows of the candidates.
    clustering
        Every candidate's cluster.
    n_asked
        How many were to be chosen.
    n_alike
        How many of them are blank or all but the same as others, for want of anything else.
    """

    rows: IntArray
    clustering: Clustering
    n_asked: int
    n_alike: int = 0


def choose(
    features: Features,
    store: ThumbnailStore,
    settings: Settings,
    progress: Callable[[int, int], None],
    refused: Iterable[int] = (),
) -> Choice:
    """Choose as many candidates as were asked for, or all where there are fewer.

    Parameters
    ----------
    features
        The candidates.
    store
        Their thumbnails; only the coverage method looks at them.
    settings
        The method, and what it takes.
    progress
        Called with how much of it is done and to do, in whatever takes equally long.
    refused
        Numbers of frames that must not be chosen; the clusters don't depend on them.

    Raises
    ------
    SettingsError
        A frame that is held or listed isn't in the video.
    VideoError
        A listed frame isn't at the moment for which it was listed.
    """
    if settings.frames:
        return _take_listed(features.reading, settings)
    rng = np.random.default_rng(settings.seed)
    held = rows_of(settings.held, features.reading)
    count, why = settings.count, {}
    if count == "auto":
        fewest = min(SMALLEST, len(features.values))
        most = min(LARGEST, len(features.values))
        count = elbow(features.values, rng, smallest=fewest, largest=most, on_fit=progress)
        why = {"k": f"{count}, the elbow of {fewest} to {most} (Kneedle)"}
    n_asked = max(count, len(held))
    n_clusters = min(n_asked, len(features.values))
    if settings.share:
        clustering = _cluster_by_share(features, settings.share)
    elif settings.method == "uniform":
        clustering = cluster_by_time(features, n_clusters, settings.min_gap_s)
    elif settings.method == "coverage":
        clustering = choose_for_coverage(
            store, features, n_clusters, rng, held=held, progress=progress
        )
    else:
        progress(0, settings.n_init)
        clustering = cluster_by_kmeans(
            features,
            n_clusters,
            rng,
            held=held,
            n_init=settings.n_init,
            on_restart=lambda done: progress(done, settings.n_init),
        )
    clustering = replace(clustering, explanation={**why, **clustering.explanation})
    # Evenly spaced is evenly spaced, through a still scene as well.
    is_even = settings.method == "uniform" and not settings.share
    rows = pick_members(
        features,
        clustering,
        n_asked,
        held=held,
        refused=np.flatnonzero(np.isin(features.reading.frame_indices, [*refused])),
        min_gap_s=settings.min_gap_s,
        distinct=not is_even,
    )
    n_alike = 0 if is_even else count_alike(features, rows, held=held)
    return Choice(rows, clustering, n_asked, n_alike)


def describe_choice(features: Features, choice: Choice, sampling: Sampling) -> Selection:
    """Say what was chosen, what it bought, and what a person should know about it."""
    keyframes, coverage = describe_keyframes(features, choice.clustering, choice.rows)
    video = features.reading.video
    return Selection(
        video=video,
        keyframes=tuple(keyframes),
        n_asked=choice.n_asked,
        n_candidates=len(features.values),
        step=sampling.step,
        coverage=coverage,
        warnings=tuple(_warnings(video, choice, sampling.settings)),
    )


def _take_listed(reading: Reading, settings: Settings) -> Choice:
    """Take the listed frames, each for a cluster of its own."""
    match = settings.match
    if match:
        _check_times(reading, settings.frames, match)
    rows, n = rows_of(settings.frames, reading), len(reading)
    each_its_own = Clustering(
        n,
        np.arange(n, dtype=np.int32),
        np.zeros(n, np.float32),
        explanation=dict(match.facts) if match else {},
    )
    return Choice(rows, each_its_own, len(rows))


def _check_times(reading: Reading, frames: tuple[int, ...], match: Match) -> None:
    """Refuse frames that aren't whole, or at other times than the packets had said."""
    lost = _find_moved(zip(frames, match.times_s, strict=True), reading)
    if lost:
        raise VideoError(
            f"{reading.video.path}: is damaged, and frames are lost: {len(lost)} of the moments of "
            f"{match.pattern.video.path.name} can't be told in it (at its frames "
            f"{', '.join(map(str, lost))}); `keyframes probe` says what to do"
        )


def check_unchanged(there: Selection, reading: Reading) -> None:
    """Raise VideoError where the frames of an earlier selection aren't the same any more."""
    before, now = there.video, reading.video
    is_same = (before.n_frames, before.decode_errors, before.damaged_frames) == (
        now.n_frames,
        now.decode_errors,
        now.damaged_frames,
    )
    times = ((keyframe.frame_index, keyframe.time_s) for keyframe in there.keyframes)
    if not is_same or _find_moved(times, reading):
        raise VideoError(
            f"{now.path}: was damaged or mended since its pictures were written, and other frames "
            "come out; bring back the recording as it was, or choose another -o"
        )


def _find_moved(times_s: Iterable[tuple[int, float]], reading: Reading) -> list[int]:
    """Return those of the frames that the reading has at another time than given, or not at all."""
    found = dict(zip(reading.frame_indices.tolist(), reading.times_s.tolist(), strict=True))
    far = 0.5 / reading.video.fps
    return [frame for frame, time_s in times_s if abs(found.get(frame, math.inf) - time_s) >= far]


def _cluster_by_share(features: Features, share: PoolShare) -> Clustering:
    """Give every candidate to the nearest of the pool's centres that the video represents."""
    labels, squared = nearest_centers(features.values, share.centers - features.mean)
    return Clustering(
        len(share.clusters),
        labels,
        np.sqrt(squared).astype(np.float32),
        explanation={
            "pool": share.pool,
            **dict(share.facts),
            "pool_clusters": list(share.clusters),
        },
    )


def rows_of(frames: Iterable[int], reading: Reading) -> IntArray:
    """Return the rows of frame numbers, ascending, each once.

    Raises
    ------
    SettingsError
        One of them is no candidate of the reading.
    """
    wanted = np.unique(np.array(list(frames), dtype=np.int64))
    rows = np.searchsorted(reading.frame_indices, wanted)
    there = rows < len(reading)
    there[there] = reading.frame_indices[rows[there]] == wanted[there]
    if not there.all():
        video, missing = reading.video, wanted[~there].tolist()
        refuse_beyond(video.path, video.n_frames, missing)
        way_out = "leave out the damaged ones" if video.is_damaged else "is it another video?"
        numbers = ", ".join(map(str, missing))
        raise SettingsError(f"{video.path}: has no whole frame {numbers}; {way_out}")
    return rows


def _warnings(video: VideoInfo, choice: Choice, settings: Settings) -> Iterator[str]:
    if settings.match:
        yield from settings.match.warnings
    facts = dict(settings.share.facts) if settings.share else {}
    if facts and facts["pool_keyframes"] < facts["pool_asked"]:
        yield (
            f"the pool has {facts['pool_keyframes']} of {facts['pool_asked']} keyframes: "
            "its videos have no more candidate frames"
        )
    n_chosen, n_candidates = len(choice.rows), len(choice.clustering.labels)
    if n_chosen < choice.n_asked:
        cause = (
            "there are no more candidate frames"
            if n_chosen == n_candidates or not settings.min_gap_s
            else f"no other is {settings.min_gap_s:g} s from all of these"
        )
        yield f"{n_chosen} of {choice.n_asked} keyframes: {cause}"
    if choice.n_alike:
        yield (
            f"{choice.n_alike} of {n_chosen} keyframes are blank or all but the same as others: "
            "no other candidates differ more"
        )
    if video.is_damaged:
        damage = [
            f"{to_count(n, noun)} {what}"
            for n, noun, what in (
                (video.decode_errors, "packet", "could not be decoded"),
                (video.damaged_frames, "damaged frame", "left out"),
            )
            if n
        ]
        yield f"the video is damaged: {', '.join(damage)}; `keyframes probe` says more"
