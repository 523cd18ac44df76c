"""Pick the video frames worth labelling.

>>> import keyframes
>>> settings = keyframes.Settings(count=20)
>>> selection = keyframes.extract("mouse.mp4", "keyframes-out", settings)  # doctest: +SKIP

does for one video what ``keyframes extract mouse.mp4 -k 20 --no-cache`` does; with
``cache=keyframes.FeatureCache()``, the features are kept for the next time. The parts are here
too: the reader (:func:`index_video`, :func:`read_thumbnails`, :func:`fetch_frames`), the features
(:class:`ThumbnailStore`, :func:`compute_features`), the clusterer (:class:`KMeans`) and the
selection (:func:`cluster_by_kmeans`, :func:`pick_members`).

Names are imported when first used, so that the command line starts at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from keyframes.errors import (
    KeyframesError,
    MissingExtraError,
    OutputError,
    SettingsError,
    VideoError,
)

if TYPE_CHECKING:
    from keyframes.cache import FeatureCache
    from keyframes.features import compute_features
    from keyframes.kmeans import KMeans, kmeans_plusplus
    from keyframes.pipeline import extract
    from keyframes.records import (
        Clustering,
        Crop,
        Features,
        Keyframe,
        Reading,
        Selection,
        ThumbnailSpec,
        VideoInfo,
    )
    from keyframes.selection import cluster_by_kmeans, cluster_by_time, pick_members
    from keyframes.settings import Settings
    from keyframes.thumbnails import ThumbnailStore
    from keyframes.video import (
        Span,
        fetch_frames,
        index_video,
        parse_position,
        probe,
        read_thumbnails,
    )

__version__ = "0.1.0"

__all__ = [
    "Clustering",
    "Crop",
    "FeatureCache",
    "Features",
    "KMeans",
    "Keyframe",
    "KeyframesError",
    "MissingExtraError",
    "OutputError",
    "Reading",
    "Selection",
    "Settings",
    "SettingsError",
    "Span",
    "ThumbnailSpec",
    "ThumbnailStore",
    "VideoError",
    "VideoInfo",
    "cluster_by_kmeans",
    "cluster_by_time",
    "compute_features",
    "extract",
    "fetch_frames",
    "index_video",
    "kmeans_plusplus",
    "parse_position",
    "pick_members",
    "probe",
    "read_thumbnails",
]

_HOMES = {
    "keyframes.cache": ("FeatureCache",),
    "keyframes.features": ("compute_features",),
    "keyframes.kmeans": ("KMeans", "kmeans_plusplus"),
    "keyframes.pipeline": ("extract",),
    "keyframes.records": (
        "Clustering",
        "Crop",
        "Features",
        "Keyframe",
        "Reading",
        "Selection",
        "ThumbnailSpec",
        "VideoInfo",
    ),
    "keyframes.selection": ("cluster_by_kmeans", "cluster_by_time", "pick_members"),
    "keyframes.settings": ("Settings",),
    "keyframes.thumbnails": ("ThumbnailStore",),
    "keyframes.video": (
        "Span",
        "fetch_frames",
        "index_video",
        "parse_position",
        "probe",
        "read_thumbnails",
    ),
}


if not TYPE_CHECKING:  # to a type checker, any name would be there

    def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
        """Import a public name from its module when it is first asked for (PEP 562)."""
        for home, names in _HOMES.items():
            if name in names:
                return getattr(import_module(home), name)
        raise AttributeError(f"module 'keyframes' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, too, that nobody has asked for yet."""
    return sorted({*globals(), *__all__})
