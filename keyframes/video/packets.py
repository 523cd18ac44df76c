"""What the packets of a recording say, and whether that can be relied on."""

from __future__ import annotations

from array import array
from heapq import heappushpop
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from keyframes.video.headers import HeaderTrial

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from av import Packet, VideoFrame, VideoStream

    from keyframes.records import BoolArray, IntArray
    from keyframes.video.decode import Decoder

# Codecs that make exactly one frame of one packet. Others hide frames (VP8), leave out those that
# are like the one before (MPEG-4) or build on what the screen showed before (GIF).
_ONE_PACKET_ONE_FRAME = frozenset(
    "av1 dnxhd dvvideo ffv1 ffvhuff h264 hevc huffyuv mjpeg mpeg2video png prores rawvideo "
    "utvideo v210 vp9".split()
)
_LISTING_CONTAINERS = ("avi", "mov")  # have a list of all packets
_N_PROOF = 16  # frames decoded to see whether they come out as the packets say
_MAX_LOST_OF_PROOF = 2  # of them that damage may have destroyed; more speak against the packets


class Packets(NamedTuple):
    """The packets that are shown, in the order of the file, and what is known of all of them.

    Attributes
    ----------
    pts, dts, is_key
        As in the index.
    shown
        (p,) int64: `pts` in the order of a decoder; what steps back too far stays as it is.
    n_untimed
        Packets that have no timestamp.
    n_damaged
        Packets that the container calls damaged, or that were tried and make no frame; and one
        for what can't be read behind the last.
    n_read
        Packets, those that aren't shown included.
    n_listed
        Packets in the list that the file has of all; 0 where it has none.
    """

    pts: IntArray
    dts: IntArray
    is_key: BoolArray
    shown: IntArray
    n_untimed: int
    n_damaged: int
    n_read: int
    n_listed: int


class Proof:
    """The first few frames, which show whether frames come out as the packets say.

    Attributes
    ----------
    first
        The very first.
    pts
        The timestamps of all of them.
    has_keys
        The decoder calls one of them a key frame.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.first: VideoFrame | None = None
        self.pts: list[int | None] = []
        self.has_keys = False
        self._decoder = decoder

    def decode(self, packet: Packet[VideoStream] | None) -> None:
        """Decode the next packet; None for the rest."""
        for frame in self._decoder.decode(packet):
            self.first = self.first or frame
            self.pts.append(frame.pts)
            self.has_keys |= frame.key_frame


def read_packets(decoder: Decoder, proof: Proof) -> Packets:
    """Read the packets from the first to the last, and decode the first few."""
    pts, dts, is_key = array("q"), array("q"), bytearray()
    n_untimed = n_damaged = n_read = n_told = 0
    trial = HeaderTrial(decoder)
    lists_all = decoder.container.format.name.startswith(_LISTING_CONTAINERS)
    for packet in decoder.packets():
        if len(proof.pts) < _N_PROOF:
            proof.decode(packet)
        trial.take(packet)
        n_damaged += packet.is_corrupt or decoder.n_errors > n_told
        n_told = decoder.n_errors  # of one packet there may be several
        n_read += 1
        if packet.is_discard:  # an edit list cuts its frame away
            continue
        n_untimed += packet.pts is None
        pts.append(len(pts) if packet.pts is None else packet.pts)
        dts.append(pts[-1] if packet.dts is None else packet.dts)
        is_key.append(packet.is_keyframe)
    if len(proof.pts) < _N_PROOF:
        proof.decode(None)
    n_damaged += decoder.n_errors > n_told
    if n_untimed:
        pts = dts = array("q", range(len(pts)))
    return Packets(
        pts=np.asarray(pts),
        dts=np.asarray(dts),
        is_key=np.frombuffer(is_key, bool),
        shown=np.fromiter(_show(pts, decoder.stream.codec_context.reorder_depth), np.int64),
        n_untimed=n_untimed,
        n_damaged=n_damaged,
        n_read=n_read,
        # FFmpeg leaves out those that no edit list needs.
        n_listed=len(decoder.stream.index_entries) if lists_all else 0,
    )


def _show(pts: Iterable[int], depth: int) -> Iterator[int]:
    """Yield timestamps in the order of a decoder that holds so many frames back."""
    later = iter(pts)
    waiting = sorted(islice(later, depth))
    for stamp in later:
        yield heappushpop(waiting, stamp)
    yield from sorted(waiting)


def find_doubt(
    container: str, codec: str, packets: Packets, first_pts: list[int | None]
) -> str | None:
    """Return why the packets don't tell the ordinals of the frames, if so."""
    doubts = {
        f"{codec} may make several frames of one packet, or none": codec
        not in _ONE_PACKET_ONE_FRAME,
        "there are packets without a timestamp": packets.n_untimed > 0,
        "there are damaged packets": packets.n_damaged > 0,
        "the packets aren't those in the list of the AVI": container == "avi"
        and 0 < packets.n_listed != packets.n_read,
        "AVI doesn't keep the order in which frames are shown": container == "avi"
        and not packets.is_key.all(),
        "timestamps are repeated or step back": (np.diff(packets.shown) <= 0).any(),
        "timestamps are too uneven to tell whether one steps back": _may_step_back(packets),
        "the first frame is no key frame": not packets.is_key[packets.pts.argmin()],
        "the first frames don't come out as the packets say": not _agree(first_pts, packets.shown),
    }
    return next((text for text, is_so in doubts.items() if is_so), None)


def _may_step_back(packets: Packets) -> bool:
    """Whether a timestamp may step back by so little that it looks like the order of decoding.

    Such a one lies between two others, so that one of them is at most half as far away as usual.
    """
    order = np.argsort(packets.pts, kind="stable")
    if (np.diff(order) > 0).all():
        return False
    steps = np.diff(packets.pts[order])
    return bool((steps <= np.median(steps) / 2)[~packets.is_key[order][1:]].any())


def _agree(first_pts: list[int | None], pts: IntArray) -> bool:
    """Whether the first frames come in the order of the packets, but for a few lost ones."""
    within = pts[: len(first_pts) + _MAX_LOST_OF_PROOF].tolist()
    return [stamp for stamp in within if stamp in first_pts] == first_pts
