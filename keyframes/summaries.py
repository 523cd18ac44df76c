"""A video in a few hundred weighted points, small enough to send thousands of them to one place.

The points are k-means centres of the candidates' features, each weighted with the number of
candidates that it stands for: a coreset. For any other centres the objective J of the points,
added to what the points leave out, is never less than that of the candidates themselves, and
near it as long as there are several points for each of those centres (Har-Peled & Mazumdar,
STOC 2004; Guha et al., TKDE 2003).
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from keyframes.describe import describe_video
from keyframes.files import atomic_file, identify, make_folder, not_ours, remove_leftovers
from keyframes.kmeans import KMeans
from keyframes.kmeans.quiet import fit_quietly
from keyframes.run_record import PROGRAM
from keyframes.stages import Stages
from keyframes.thumbnails import ThumbnailStore

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from keyframes.cache import FeatureCache
    from keyframes.jobs import Job
    from keyframes.records import FloatArray
    from keyframes.stages import Progress

    Float32Array = npt.NDArray[np.float32]

# Raised when a summary of the same question holds something else; those of before are made anew.
_FORMAT = 3
# Centres of a summary needn't be the best ones: those of a few iterations weigh no more.
_MAX_ITER = 20
# What a file of ours holds first, and within how many bytes the archive says so.
_FIRST, _BEGIN_BYTES = b"identity.npy", 64
# What the features depend on, among the settings; a summary depends on it, too.
_FEATURE_SETTINGS = ("start", "end", "crop", "step", "features", "width")


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """Weighted points that stand for a video's candidates.

    Attributes
    ----------
    points
        (m, d) float32: means of candidates, in coordinates that all videos share.
    weights
        (m,) float64: how many candidates each of them stands for.
    gaps
        (m,) float64: squared distance from each of them to the candidate nearest to it.
    inertia
        Sum of the squared distances between the candidates and the points they belong to.
    """

    points: Float32Array
    weights: FloatArray
    gaps: FloatArray
    inertia: float

    @classmethod
    def of(cls, values: Float32Array) -> Summary:
        """Return the summary that leaves nothing out: (n, d) candidates as they are."""
        return cls(values, np.ones(len(values)), np.zeros(len(values)), 0.0)

    @property
    def n_candidates(self) -> int:
        """Candidates that it stands for."""
        return round(float(self.weights.sum()))


def condense(summary: Summary, n_points: int, rng: np.random.Generator) -> Summary:
    """Return a summary of a summary, of at most ``n_points`` points; itself if it has no more."""
    if len(summary.points) <= n_points:
        return summary
    model = KMeans(n_points, max_iter=_MAX_ITER, random_state=rng)
    labels = fit_quietly(model, summary.points, sample_weight=summary.weights).labels_
    points, weights, gaps, inertia = [], [], [], summary.inertia
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        values, mass = summary.points[members], summary.weights[members]
        mean = np.average(values, axis=0, weights=mass).astype(np.float32)
        squared = np.square(values - mean, dtype=np.float64).sum(axis=1)
        points.append(mean)
        weights.append(mass.sum())
        gaps.append((squared + summary.gaps[members]).min())
        inertia += float(mass @ squared)
    return Summary(np.stack(points), np.array(weights), np.array(gaps), inertia)


def summarise(
    job: Job,
    *,
    n_points: int,
    cache: FeatureCache | None,
    threads: int,
    progress: Progress | None,
) -> None:
    """Write the summary of a job's video into its output folder.

    Raises
    ------
    SettingsError, VideoError
        The settings don't fit the video; it can't be read.
    OutputError
        The folder can't be written, or the summary's name is taken by a file that isn't ours.
    """
    _read(job.folder.summary)  # refuses what isn't ours
    stages = Stages(job.video, progress)
    with ThumbnailStore() as store, stages.enter("reading") as report:
        _, features = describe_video(
            job.video, job.settings, store, cache=cache, threads=threads, progress=report
        )
    with stages.enter("clustering"):
        whole = Summary.of(features.values + features.mean)
        summary = condense(whole, n_points, np.random.default_rng(job.settings.seed))
    identity = _identity(job, n_points, identify(job.video))
    make_folder(job.output)
    remove_leftovers(job.folder.summary)
    with atomic_file(job.folder.summary) as file:
        np.savez(
            file,
            identity=np.array(json.dumps({"format": _FORMAT} | identity, sort_keys=True)),
            points=summary.points,
            weights=summary.weights,
            gaps=summary.gaps,
            inertia=summary.inertia,
        )


def find_summary(
    job: Job, n_points: int, *, is_lost: bool = False
) -> tuple[dict[str, Any], Summary] | None:
    """Return what was asked of the summary in the output folder, and the summary.

    None for none, a part, or one of another question. Where the video ``is_lost``, being gone or
    damaged since, the summary is of what it was.

    Raises
    ------
    OutputError
        A file of that name is there that keyframes did not write.
    VideoError
        The video can't be opened.
    """
    there = _read(job.folder.summary)
    if there is None:
        return None
    identity, summary = there
    asked = _identity(job, n_points, identity.get("video", {}) if is_lost else identify(job.video))
    return (asked, summary) if identity == {"format": _FORMAT} | asked else None


def _identity(job: Job, n_points: int, content: dict[str, Any]) -> dict[str, Any]:
    """Return what is asked of a summary, as plain values; ``content`` is the video's."""
    asked = job.settings.to_json()
    return {
        "program": PROGRAM,
        "video": content,
        "settings": {name: asked[name] for name in _FEATURE_SETTINGS},
        "seed": job.settings.seed,
        "points": n_points,
    }


def _read(path: Path) -> tuple[dict[str, Any], Summary] | None:
    """Read a summary and whose it is; None for none, or a part of one, which is made anew."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            identity = json.loads(str(arrays["identity"]))
            summary = Summary(
                arrays["points"], arrays["weights"], arrays["gaps"], float(arrays["inertia"])
            )
    except FileNotFoundError:
        return None
    except (EOFError, zipfile.BadZipFile) as error:
        if not _begins_as_ours(path):
            raise not_ours(path) from error
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise not_ours(path) from error
    if identity.get("program") != PROGRAM:
        raise not_ours(path)
    return identity, summary


def _begins_as_ours(path: Path) -> bool:
    with path.open("rb") as file:
        begin = file.read(_BEGIN_BYTES)
    return not begin or (begin.startswith(b"PK") and _FIRST in begin)
