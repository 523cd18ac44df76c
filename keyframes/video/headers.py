"""Whether frames come of packets, as far as that shows without decoding their pixels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import av
from av import Packet
from av.bitstream import BitStreamFilterContext

from keyframes.video import jpeg, png
from keyframes.video.ffv1 import Slices

if TYPE_CHECKING:
    from av import VideoStream

    from keyframes.video.decode import Decoder

# How packets begin of which no frame comes otherwise.
_BEGINNINGS = {
    "dnxhd": re.compile(rb"\0\0[\x02-\x21].[\x01-\x03]", re.DOTALL),
    "prores": re.compile(rb".{4}icpf", re.DOTALL),
}


class HeaderTrial:
    """Counts packets of which no frame comes as errors of the decoder.

    Parameters
    ----------
    decoder
        Of the recording whose packets are tried.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._header, self._least_size = b"", 0  # of JPEGs that need not be tried again
        self._filter: BitStreamFilterContext | None = None
        self._n_filtered = 0
        self._slices = Slices(decoder.stream.codec_context.extradata)

    def take(self, packet: Packet[VideoStream]) -> None:
        """Try the next packet."""
        codec = self._decoder.stream.codec_context.name
        if codec == "mjpeg":
            self._take_jpeg(packet)
        elif self._decoder.tells_references:
            self._filter_headers(packet)
        elif not self._is_sound(codec, packet):
            self._decoder.count("a packet that isn't as it was written")

    def _is_sound(self, codec: str, packet: Packet[VideoStream]) -> bool:
        """Say whether the checksums in a packet are right, or at least its first bytes."""
        if codec == "ffv1":
            return self._slices.hold(bytes(packet))
        if codec == "png":
            return png.is_sound(bytes(packet))
        return codec not in _BEGINNINGS or bool(_BEGINNINGS[codec].match(memoryview(packet)))

    def _take_jpeg(self, packet: Packet[VideoStream]) -> None:
        """Try a JPEG.

        Damaged pixels come out of FFmpeg as they are; what fails is a segment of the header, or
        garbage among the pixels that looks like one. A header is tried with no pixels behind it,
        though as large as the whole: what is far too small for a picture fails, too.
        """
        data, size = memoryview(packet), packet.size
        header = bytes(data[: len(self._header)])
        is_known = header and header == self._header and size >= self._least_size
        if not is_known:
            header = jpeg.header(data)
        if not jpeg.is_pure(data, len(header)):
            self._decoder.decode(packet)
        elif not is_known:
            self._header, self._least_size = header, size
            hollow = Packet((header + jpeg.END_OF_IMAGE).ljust(size, b"\0"))
            self._decoder.decode(cast("Packet[VideoStream]", hollow))

    def _filter_headers(self, packet: Packet[VideoStream]) -> None:
        """Have the headers of H.264 and HEVC read."""
        if self._filter is None:
            # To find out when frames are shown, it reads all headers; that alone is what it is for.
            self._filter = BitStreamFilterContext("dts2pts", self._decoder.stream)
        copy = Packet(bytes(packet))
        copy.dts = self._n_filtered
        self._n_filtered += 1
        try:
            self._filter.filter(copy)
        except av.FFmpegError as error:
            self._decoder.count(error)
