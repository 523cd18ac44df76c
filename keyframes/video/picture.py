"""From decoded frames to upright images and thumbnails."""

from __future__ import annotations

import math
import threading
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.reformatter import VideoReformatter

from keyframes.errors import SettingsError
from keyframes.resizing import cut, shrink

if TYPE_CHECKING:
    from av import VideoFrame

    from keyframes.records import Image, ThumbnailSpec

# Eight-bit formats whose first plane is the picture's luma, ready to be looked at in place.
_LUMA_FORMATS = frozenset(
    ["gray", "nv12", "nv16", "nv21", "nv24"]
    + [f"yuv{sub}p" for sub in ("410", "411", "420", "422", "440", "444")]
    + [f"yuvj{sub}p" for sub in ("411", "420", "422", "440", "444")]
    + [f"yuva{sub}p" for sub in ("420", "422", "444")]
)
_MAX_SLANT = 1 / 90  # of a quarter turn, as FFmpeg has it

_local = threading.local()


def _unnamed(cls: type[Type], value: object) -> Type | None:
    """Stand in for a kind of side data that FFmpeg has, such as EXIF, and PyAV has no name for."""
    if not isinstance(value, int):
        return None
    kind = object.__new__(cls)
    kind._name_, kind._value_ = f"UNNAMED_{value}", value  # type: ignore[assignment]
    return cast("Type", cls._value2member_map_.setdefault(value, kind))  # one for each value


# PyAV would refuse all side data of a frame, the display matrix included, because of one kind.
Type._missing_ = classmethod(_unnamed)  # type: ignore[assignment]


def pixel_versions() -> dict[str, Any]:
    """Return the versions of all that pixels go through: another one may round them otherwise."""
    packages = {package.__name__: package.__version__ for package in (av, cv2, np)}
    return {**packages, **av.library_versions}


class Stance(NamedTuple):
    """What has to be done to a stored picture to stand it upright.

    Attributes
    ----------
    is_mirrored
        Mirror it, left to right.
    quarter_turns
        Then turn it so often by 90° anticlockwise, 0 to 3.
    """

    is_mirrored: bool
    quarter_turns: int

    def size(self, frame: VideoFrame) -> tuple[int, int]:
        """Return the (width, height) of a frame that is turned upright, pixels."""
        if self.quarter_turns % 2:
            return frame.height, frame.width
        return frame.width, frame.height

    def stand(self, image: Image) -> Image:
        """Return a view of a stored picture that is upright."""
        if self == UPRIGHT:
            return image
        return np.rot90(image[:, ::-1] if self.is_mirrored else image, self.quarter_turns)

    def lay(self, image: Image) -> Image:
        """Return a view of an upright picture, or of a part of one, as it is stored."""
        turned = np.rot90(image, -self.quarter_turns)
        return turned[:, ::-1] if self.is_mirrored else turned


UPRIGHT = Stance(is_mirrored=False, quarter_turns=0)


def stance(frame: VideoFrame) -> Stance:
    """Return what has to be done to a frame to stand it upright, as players do.

    Where it says so of an angle that is no multiple of 90°, it stays as it is stored.
    """
    # The container that a frame has of its own keeps it alive until the garbage is collected.
    side_data = SideDataContainer(frame)  # type: ignore[call-arg]  # missing in the stubs
    # To look for it takes longer than to see that there is nothing.
    matrix = side_data.get("DISPLAYMATRIX") if len(side_data) else None
    if matrix is None:
        return UPRIGHT
    # Where on the screen the stored x and y axes point; the third numbers are for perspective.
    numbers = np.frombuffer(cast("memoryview[int]", matrix), np.int32, 5).tolist()
    x_right, x_down, _, y_right, y_down = numbers
    is_mirrored = x_right * y_down < x_down * y_right
    if is_mirrored:
        x_right, x_down = -x_right, -x_down
    quarters = math.atan2(-x_down, x_right) / (math.pi / 2)
    if abs(quarters - round(quarters)) > _MAX_SLANT:
        return UPRIGHT
    return Stance(is_mirrored, round(quarters) % 4)


def full_image(frame: VideoFrame) -> Image:
    """Return a frame upright, (height, width, 3) uint8 BGR."""
    return np.ascontiguousarray(stance(frame).stand(_bgr(frame)))


def thumbnail(frame: VideoFrame, spec: ThumbnailSpec, how: Stance | None = None) -> Image:
    """Return a frame upright and small.

    Parameters
    ----------
    frame
        A decoded frame.
    spec
        The longest side, the channels and the part that is seen.
    how
        What `stance` says of the frame, where it is known already.

    Returns
    -------
    Image
        (h, w) luma, or (h, w, 3) BGR where the spec asks for colour; uint8, contiguous.
    """
    how = how or stance(frame)
    image = _bgr(frame) if spec.colour else _luma(frame)
    if spec.crop is not None:
        image = how.lay(cut(how.stand(image), spec.crop))
    return np.ascontiguousarray(how.stand(shrink(image, spec.size)))


def checksum(image: Image) -> int:
    """Return the CRC-32 of an image's bytes."""
    return zlib.crc32(image.data)


def check_spec(spec: ThumbnailSpec, width: int, height: int) -> None:
    """Raise SettingsError unless thumbnails can be made so, and of a part of the upright frame."""
    if spec.size < 1:
        raise SettingsError(f"a thumbnail of {spec.size} pixels is impossible: use 1 or more")
    crop = spec.crop
    if crop is not None and not (
        0 <= crop.x1 < crop.x2 <= width and 0 <= crop.y1 < crop.y2 <= height
    ):
        raise SettingsError(
            f"the crop {crop.x1},{crop.y1},{crop.x2},{crop.y2} is no part of a frame of "
            f"{width}x{height} pixels: give X1,Y1,X2,Y2 with X1 < X2 <= {width} and "
            f"Y1 < Y2 <= {height}"
        )


def _bgr(frame: VideoFrame) -> Image:
    return _convert(frame, "bgr24")


def _convert(frame: VideoFrame, pixel_format: str) -> Image:
    # Setting up a conversion takes longer than converting, and frames don't share theirs.
    if not hasattr(_local, "reformatter"):
        _local.reformatter = VideoReformatter()
    converted = _local.reformatter.reformat(frame, format=pixel_format, threads=1)
    return np.asarray(converted.to_ndarray(), np.uint8)


def _luma(frame: VideoFrame) -> Image:
    """Return the luma of a frame as stored; a view where the format has a plane for it."""
    plane = frame.planes[0]
    if frame.format.name not in _LUMA_FORMATS or plane.line_size <= 0:
        return _convert(frame, "gray")
    rows = np.frombuffer(cast("memoryview[int]", plane), np.uint8, frame.height * plane.line_size)
    return rows.reshape(frame.height, plane.line_size)[:, : frame.width]
