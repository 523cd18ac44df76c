"""From a video to the features of its candidates: one decode pass, or none if they are known.

And back again: to the whole pictures of those that were chosen.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from keyframes.errors import SettingsError
from keyframes.features import compute_features, count_features
from keyframes.files import identify
from keyframes.records import ThumbnailSpec
from keyframes.resizing import cut, opencv_threads
from keyframes.video import Span, auto_step, index_video, n_candidates, read_thumbnails
from keyframes.video.fetch import fetch_frames
from keyframes.video.picture import check_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from keyframes.cache import FeatureCache
    from keyframes.records import Features, Image, Reading
    from keyframes.settings import Settings
    from keyframes.thumbnails import ThumbnailStore
    from keyframes.video import Step, VideoIndex

logger = logging.getLogger(__name__)

# What --step auto lets through: eleven minutes at 30 frames a second, every frame; longer
# recordings are thinned evenly. It bounds the time that clustering takes.
MAX_CANDIDATES = 20_000
# Where every candidate has very many features, --step auto thins more, so that the feature
# matrix stays within this.
MAX_FEATURE_BYTES = 512 * 2**20
# The coverage method looks for animals in larger thumbnails, in no more of them than this whatever
# the step, and compares them in pairs.
MAX_COVERAGE_CANDIDATES = 4_000
COVERAGE_THUMBNAIL = 256


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which frames of a video are candidates, and how they are made small.

    Attributes
    ----------
    index, settings
        The video, and what is asked of it.
    spec
        Size, channels and crop of the thumbnails.
    step
        Every how many frames there is a candidate; "keyframes": the stream's own key frames;
        None: only the listed ones.
    listed
        Frame numbers that are candidates in any case.
    n_expected
        Candidates to be expected, for progress bars.
    n_features
        Values that describe each of them.
    """

    index: VideoIndex
    settings: Settings
    spec: ThumbnailSpec
    step: Step | None
    listed: tuple[int, ...]
    n_expected: int
    n_features: int


def find_index(video: Path, cache: FeatureCache | None) -> VideoIndex:
    """Return what the packets of a video say.

    Parameters
    ----------
    video
        The recording.
    cache
        Where it may be known from, and is kept; None to read the packets in any case.

    Raises
    ------
    VideoError
        As for `index_video`.
    """
    if cache is None:
        return index_video(video)
    key = {"video": identify_content(video)}
    index = cache.load_index(key, video)
    if index is None:
        index = index_video(video)
        cache.save_index(key, index)
    return index


def plan_sampling(index: VideoIndex, settings: Settings) -> Sampling:
    """Decide which frames to look at, and how closely.

    SettingsError where the video has no frame of a number that is listed or held, or not all of
    the crop.
    """
    size, most = settings.width, MAX_CANDIDATES
    if settings.method == "coverage":
        size, most = max(size, COVERAGE_THUMBNAIL), MAX_COVERAGE_CANDIDATES
    spec = ThumbnailSpec(size=size, colour=settings.features == "colour", crop=settings.crop)
    check_spec(spec, index.width, index.height)
    width, height = spec.crop.size if spec.crop else (index.width, index.height)
    n_features = count_features(settings.features, height, width, size=settings.width)
    most = max(1, min(most, MAX_FEATURE_BYTES // (4 * n_features)))
    step: Step | None
    if settings.frames:
        step = None
    elif settings.step == "auto":
        step = auto_step(index, settings.span, most)
    else:
        step = settings.step
    listed = tuple(sorted({*settings.frames, *settings.held}))
    if index.doubt is None:
        refuse_beyond(index.path, len(index), listed)
    if isinstance(step, int) and settings.span == Span():
        # The others are candidates anyway: without them, the cache knows this reading of the video.
        listed = tuple(number for number in listed if number % step)
    n_expected = n_candidates(index, settings.span, step, listed)
    return Sampling(index, settings, spec, step, listed, n_expected, n_features)


def refuse_beyond(video: Path, n_frames: int, numbers: Iterable[int]) -> None:
    """Raise SettingsError where a video has ended before the frames of some of the numbers."""
    beyond = [number for number in numbers if number >= n_frames]
    if beyond:
        raise SettingsError(
            f"{video}: has no frame {', '.join(map(str, beyond))}; its {n_frames:,} frames "
            f"are numbered from 0 to {n_frames - 1}; is it another video?"
        )


def describe_video(
    video: Path,
    settings: Settings,
    store: ThumbnailStore,
    *,
    torn: Collection[int] = (),
    cache: FeatureCache | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Sampling, Features]:
    """Stream the candidates' thumbnails into the store and describe them.

    Parameters
    ----------
    video, settings
        The recording, and what is asked of it.
    store
        An empty store; it holds the thumbnails afterwards, unless the features were known.
    torn
        As for `read_thumbnails`; where there are any, it is decoded in any case.
    cache
        Where features may be known from, and are kept; None to decode in any case, as the
        coverage method always does.
    threads
        Threads to decode and to describe in; None for one a core.
    progress
        Called now and then with the number of candidates done and expected.

    Returns
    -------
    Sampling
        Which frames are candidates, and how they are made small.
    Features
        What describes each of them, and what was read of the video.

    Raises
    ------
    SettingsError
        As for `plan_sampling`.
    VideoError
        The video can't be read.
    """
    index = find_index(video, cache)
    sampling = plan_sampling(index, settings)
    if settings.method == "coverage" or torn:
        cache = None  # what it looks at is in the thumbnails, not in the features alone
    key = _cache_key(sampling) if cache else {}
    _log_plan(sampling, threads)
    if cache and (known := cache.load(key, video)):
        return sampling, known
    reading = read_thumbnails(
        index,
        sampling.spec,
        store.append,
        span=settings.span,
        step=sampling.step,
        listed=sampling.listed,
        torn=torn,
        threads=threads,
        progress=progress and (lambda done: progress(done, max(done, sampling.n_expected))),
    )
    with opencv_threads(1):
        features = compute_features(
            settings.features, store, reading, size=settings.width, threads=threads
        )
    if cache and not reading.video.is_damaged:  # a whole copy may come in its place
        cache.save(key, features)
    return sampling, features


def fetch_pictures(
    sampling: Sampling, reading: Reading, rows: Iterable[int], *, threads: int | None = None
) -> Iterator[tuple[int, Image]]:
    """Decode candidates again, as `fetch_frames`, and cut them as their PNGs are."""
    for row, image in fetch_frames(sampling.index, reading, rows, sampling.spec, threads=threads):
        yield row, cut(image, sampling.settings.output_crop)


def _log_plan(sampling: Sampling, threads: int | None) -> None:
    index = sampling.index
    logger.info(
        "%s: %d of %d frames are candidates (step: %s; threads: %s)",
        index.path,
        sampling.n_expected,
        len(index),
        sampling.step or "only those listed",
        threads or "one a core",
    )
    if index.doubt is not None:
        logger.info("%s: always decoded from its beginning: %s", index.path, index.doubt)


def _cache_key(sampling: Sampling) -> dict[str, Any]:
    """Return all that the features depend on, as plain values."""
    asked = sampling.settings.to_json()
    return {
        "video": identify_content(sampling.index.path),
        "spec": asdict(sampling.spec),
        "step": sampling.step,
        "listed": sampling.listed,
        **{name: asked[name] for name in ("start", "end", "features", "width")},
    }


def identify_content(video: Path) -> dict[str, Any]:
    """Return what tells a video from others under any name, damaged copies included."""
    known = {name: value for name, value in identify(video).items() if name != "name"}
    return {**known, "modified_ns": video.stat().st_mtime_ns}
