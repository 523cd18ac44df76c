"""The painter: bodies made of round tubes, lit by a lamp, on a patch of the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]
    Plane = npt.NDArray[Any]  # float32, which OpenCV's annotations don't tell

# Bodies are painted at twice the resolution and averaged, on top of outlines that are smooth.
OVERSAMPLING = 2
# The lamp stands at the upper left, high above the floor.
LAMP = np.array([-0.42, -0.50, 0.76])
HALFWAY = LAMP + np.array([0, 0, 1])  # between the lamp and the lens
GLINT = HALFWAY / np.linalg.norm(HALFWAY)


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """How a surface looks.

    Attributes
    ----------
    palette
        (256, 3) BGR colours from one end of the body to the other.
    gloss
        Strength of the highlight: about 0 for fur, 100 for chitin.
    fur
        Depth of the strands, pixels; they also fray the outline.
    relief
        How high the body rises: 1 is round, 0 flat, less is hollow.
    flank
        How much paler the sides are than the middle, as a share.
    bow
        How far bands across the body are bent backwards at the sides, as a share of its length.
    """

    palette: Plane
    gloss: float = 0.0
    fur: float = 0.0
    relief: float = 1.0
    flank: float = 0.0
    bow: float = 0.0


def palette(*stops: tuple[float, tuple[int, int, int]]) -> Plane:
    """Blend RGB colours given at positions from 0 to 1 into 256 BGR colours."""
    at = [position for position, _ in stops]
    rgb = np.array([colour for _, colour in stops], float)
    ramp = np.linspace(0, 1, 256)
    return np.stack([np.interp(ramp, at, rgb[:, c]) for c in (2, 1, 0)], axis=1).astype(np.float32)


def strands(rng: np.random.Generator, size: int = 256) -> Plane:
    """(size, size) hair, lying along x; it tiles."""
    noise = rng.standard_normal((3 * size, 3 * size), dtype=np.float32)
    noise = np.tile(noise[:size, :size], (3, 3))
    fine = cv2.GaussianBlur(noise, (0, 0), sigmaX=3.2, sigmaY=0.7)
    tufts = cv2.GaussianBlur(noise, (0, 0), sigmaX=7.0, sigmaY=2.6)
    hair = (fine / fine.std() + 0.8 * tufts / tufts.std())[size : 2 * size, size : 2 * size]
    tile: Plane = hair / np.float32(1.3)
    return tile


class Canvas:
    """A patch of the picture that bodies are painted on, back to front.

    Parameters
    ----------
    low, high
        Its corners, in whole pixels of the picture.
    hair
        A tile from :func:`strands`.
    """

    def __init__(self, low: Array, high: Array, hair: Plane) -> None:
        self.corner = (int(low[0]), int(low[1]))
        self._size = (int(high[0] - low[0]), int(high[1] - low[1]))
        width, height = (side * OVERSAMPLING for side in self._size)
        # Colours are premultiplied by opacity.
        self._bgra = np.zeros((height, width, 4), np.float32)
        self._hair = hair

    @property
    def bgra(self) -> Plane:
        """(h, w, 4) premultiplied colour and opacity of what has been painted."""
        return cv2.resize(self._bgra, self._size, interpolation=cv2.INTER_AREA)

    def tube(self, points: Array, radii: Array, skin: Skin, opacity: float = 1.0) -> None:
        """Paint a round body along a line of points (n, 2) with radii (n,), in pixels."""
        xy = self._to_samples(points)
        r = np.asarray(radii, float) * OVERSAMPLING
        box = self._box(xy - r[:, None], xy + r[:, None])
        if box is None:
            return
        x0, y0, x1, y1 = box
        relief = _Relief(x1 - x0, y1 - y0)
        length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(xy, axis=0), axis=1))])
        for i in range(len(xy) - 1):
            relief.add(xy[i : i + 2] - [x0, y0], r[i : i + 2], length[i : i + 2])
        colour, cover = relief.shade(skin, self._hair, length[-1], r.max())
        self._over(box, colour, cover * opacity)

    def sprite(self, image: Plane, matrix: Array, opacity: float) -> None:
        """Lay on a premultiplied BGRA image; the matrix (2, 3) maps it into the picture."""
        corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * image.shape[1::-1]
        xy = self._to_samples(corners @ matrix[:, :2].T + matrix[:, 2])
        box = self._box(xy.min(axis=0, keepdims=True), xy.max(axis=0, keepdims=True))
        if box is None:
            return
        x0, y0, x1, y1 = box
        onto = np.column_stack(
            [matrix[:, :2] * OVERSAMPLING, self._to_samples(matrix[:, 2]) - [x0, y0]]
        )
        laid = cv2.warpAffine(image, onto, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        under = self._bgra[y0:y1, x0:x1]
        under *= 1 - opacity * laid[..., 3:]
        under += opacity * laid

    def _to_samples(self, points: Array) -> Array:
        """From pixels of the picture (centres at whole numbers) to samples of the canvas."""
        return (points - self.corner + 0.5) * OVERSAMPLING - 0.5

    def _box(self, low: Array, high: Array) -> tuple[int, int, int, int] | None:
        """Smallest rectangle of samples around everything, or None when it is off the canvas."""
        limit = np.array(self._bgra.shape[1::-1])
        x0, y0 = np.clip(np.floor(low.min(axis=0)) - 3, 0, limit).astype(int).tolist()
        x1, y1 = np.clip(np.ceil(high.max(axis=0)) + 4, 0, limit).astype(int).tolist()
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def _over(self, box: tuple[int, int, int, int], colour: Plane, cover: Plane) -> None:
        x0, y0, x1, y1 = box
        under = self._bgra[y0:y1, x0:x1]
        under *= 1 - cover[..., None]
        under[..., :3] += colour * cover[..., None]
        under[..., 3] += cover


class _Relief:
    """Height of a round body above its outline, and where on the body each sample lies."""

    def __init__(self, width: int, height: int) -> None:
        self.height: Plane = np.full((height, width), -1e3, np.float32)
        self.distance: Plane = np.full((height, width), np.inf, np.float32)  # to the midline
        self.edge: Plane = np.full((height, width), -1e3, np.float32)  # samples inside the outline
        self.along: Plane = np.zeros((height, width), np.float32)
        self.across: Plane = np.zeros((height, width), np.float32)

    def add(self, ends: Array, radii: Array, along: Array) -> None:
        """Raise one cone with round ends where it is higher than what is there."""
        reach = radii.max() + 2
        x0, y0 = np.maximum(np.floor(ends.min(axis=0) - reach), 0).astype(int)
        x1, y1 = np.maximum(np.ceil(ends.max(axis=0) + reach), 0).astype(int)
        part = np.s_[y0:y1, x0:x1]
        rows, columns = self.height[part].shape
        x = np.arange(x0, x0 + columns, dtype=np.float32)[None] - np.float32(ends[0, 0])
        y = np.arange(y0, y0 + rows, dtype=np.float32)[:, None] - np.float32(ends[0, 1])
        dx, dy = (ends[1] - ends[0]).astype(np.float32)
        squared = max(float(dx * dx + dy * dy), 1e-6)
        t = np.clip((x * dx + y * dy) / np.float32(squared), 0, 1)
        radius = np.float32(radii[0]) + t * np.float32(radii[1] - radii[0])
        distance = np.hypot(x - t * dx, y - t * dy)
        edge = radius - distance
        height = np.where(edge > 0, np.sqrt(np.maximum(radius**2 - distance**2, 0)), edge)
        higher = height > self.height[part]
        side = np.clip((dx * y - dy * x) / np.float32(math.sqrt(squared)) / radius, -1, 1)
        np.copyto(self.height[part], height, where=higher)
        nearer = distance < self.distance[part]
        np.copyto(self.distance[part], distance, where=nearer)
        np.copyto(
            self.along[part],
            np.float32(along[0]) + t * np.float32(along[1] - along[0]),
            where=nearer,
        )
        np.copyto(self.across[part], side, where=nearer)
        np.maximum(self.edge[part], edge, out=self.edge[part])

    def shade(self, skin: Skin, hair: Plane, length: float, radius: float) -> tuple[Plane, Plane]:
        """Light the body: (h, w, 3) colour and (h, w) coverage."""
        height = np.maximum(self.height, 0)
        edge = self.edge
        place = self.along / np.float32(max(length, 1e-6)) - np.float32(skin.bow) * self.across**2
        colour = skin.palette[np.clip(place * 255, 0, 255).astype(np.uint8)]
        colour = colour * (1 + np.float32(skin.flank) * self.across**4)[..., None]
        if radius > 8:
            height = cv2.GaussianBlur(height, (0, 0), 0.1 * radius)
        if skin.fur:
            strand = cv2.remap(
                hair,
                self.along,
                self.across * np.float32(radius),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_WRAP,
            )
            height = height + np.float32(0.6 * skin.fur) * strand
            colour = colour * (1 + np.float32(0.07 * skin.fur) * strand)[..., None]
            edge = edge + np.float32(skin.fur) * strand
        height = height * np.float32(skin.relief)
        slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
        slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
        up = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
        lx, ly, lz = LAMP.astype(np.float32)
        gx, gy, gz = GLINT.astype(np.float32)
        diffuse = np.maximum((lz - lx * slope_x - ly * slope_y) * up, 0)
        shine = np.maximum((gz - gx * slope_x - gy * slope_y) * up, 0) ** 24
        lit = colour * (0.38 + 0.22 * up + 0.55 * diffuse)[..., None]
        return lit + np.float32(skin.gloss) * shine[..., None], np.clip(edge + 0.5, 0, 1)
