"""The one package that decodes: index a recording, stream its thumbnails, fetch exact frames."""

from keyframes.video.fetch import fetch_frames
from keyframes.video.index import VideoIndex, frame_size, index_video
from keyframes.video.picture import pixel_versions
from keyframes.video.probe import Gap, Probe, probe
from keyframes.video.read import Step, auto_step, n_candidates, read_thumbnails
from keyframes.video.span import Position, Span, parse_position
from keyframes.video.torn import find_torn_frames

__all__ = [
    "Gap",
    "Position",
    "Probe",
    "Span",
    "Step",
    "VideoIndex",
    "auto_step",
    "fetch_frames",
    "find_torn_frames",
    "frame_size",
    "index_video",
    "n_candidates",
    "parse_position",
    "pixel_versions",
    "probe",
    "read_thumbnails",
]
