"""What a SLEAP file holds of a video, and which of its entries that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from keyframes.errors import VideoError
from keyframes.export.sources import find_recorded, is_same_video, settle
from keyframes.video import index_video

if TYPE_CHECKING:
    from collections.abc import Iterable

# Entries of the provenance: the digest of each video, by the path that the file has for it,
DIGESTS = "keyframes_videos"
# and the frames that exports into the file have suggested, by their video's digest.
BROUGHT = "keyframes_frames"
# Other readers go by what the header claims; so far from the truth may that be.
_COUNTED_OTHERWISE = 0.01


def find_videos(labels: Any, videos: Iterable[Path]) -> dict[Path, Any]:  # noqa: ANN401
    """Return the file's entry for each video that has one; no entry is that of two videos."""
    digests = read_noted(labels, DIGESTS)
    entries: dict[str, Any] = {}
    for entry in labels.videos:
        if isinstance(path := source_of(entry).filename, str):  # the others are lists of pictures
            entries.setdefault(path, entry)
    found = {}
    for video in videos:
        paths = [
            path
            for path, entry in entries.items()
            if path in digests or _may_be(source_of(entry), video)
        ]
        found[video] = find_recorded({path: digests.get(path) for path in paths}, video)
    return {video: entries[path] for video, path in settle(found).items()}


def source_of(entry: Any) -> Any:  # noqa: ANN401
    """Return the video of an entry, which may itself be of pictures that were taken from it."""
    return entry if entry.source_video is None else entry.source_video


def read_noted(labels: Any, entry: str) -> dict[str, Any]:  # noqa: ANN401
    """Return what exports into the file have noted in an entry of its provenance."""
    noted = labels.provenance.get(entry)
    return noted if isinstance(noted, dict) else {}


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
