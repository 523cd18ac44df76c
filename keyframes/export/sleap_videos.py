"""What a SLEAP file holds of a video, and which of its entries that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keyframes.errors import VideoError
from keyframes.export.sources import find_recorded, is_same_video
from keyframes.video import index_video

# Entry of the provenance: the digest of each video, by the path that the file has for it.
DIGESTS = "keyframes_videos"
# Other readers go by what the header claims; so far from the truth may that be.
_COUNTED_OTHERWISE = 0.01


def find_video(labels: Any, video: Path) -> Any:  # noqa: ANN401
    """Return the file's entry for the video; None when it has none."""
    digests = read_digests(labels)
    entries: dict[str, Any] = {}
    for entry in labels.videos:
        source = source_of(entry)
        # The others are lists of pictures.
        if isinstance(source.filename, str) and (
            source.filename in digests or _may_be(source, video)
        ):
            entries.setdefault(source.filename, entry)
    recorded = find_recorded({path: digests.get(path) for path in entries}, video)
    return None if recorded is None else entries[recorded]


def source_of(entry: Any) -> Any:  # noqa: ANN401
    """Return the video of an entry, which may itself be of pictures that were taken from it."""
    return entry if entry.source_video is None else entry.source_video


def read_digests(labels: Any) -> dict[str, str]:  # noqa: ANN401
    """Return what exports into the file have noted of its videos' content, by recorded path."""
    digests = labels.provenance.get(DIGESTS)
    return digests if isinstance(digests, dict) else {}


def frames_of(labels: Any, video: Any) -> set[int]:  # noqa: ANN401
    """Return the frames of a video that the file suggests or has labelled."""
    suggested = {int(each.frame_idx) for each in labels.suggestions if each.video is video}
    return suggested | labelled_frames(labels, video)


def labelled_frames(labels: Any, video: Any) -> set[int]:  # noqa: ANN401
    """Return the frames of a video that a person has labelled; a prediction alone is no label."""
    return {
        int(frame.frame_idx)
        for frame in labels.labeled_frames
        if frame.video is video and (frame.user_instances or not frame.instances)
    }


def _may_be(source: Any, video: Path) -> bool:  # noqa: ANN401
    """Say whether a video that isn't where it was can be this one, by its size and length."""
    shape = source.backend_metadata.get("shape")
    if not shape or Path(source.filename).exists() or not is_same_video(source.filename, video):
        return True  # nothing to be known, or known otherwise
    try:
        index = index_video(video)
    except VideoError:
        return True  # said when its turn comes
    n_frames, height, width, *_ = shape
    is_as_long = abs(n_frames - len(index)) <= _COUNTED_OTHERWISE * len(index)
    return is_as_long and (height, width) == (index.height, index.width)
