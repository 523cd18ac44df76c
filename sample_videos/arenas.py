"""The places: a round arena with a floor of wax, and a square open field with an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from painting import LAMP

if TYPE_CHECKING:
    import numpy.typing as npt

    from painting import Array, Plane

# Where things stand, in pixels; the animals' routes are laid around them.
COMB_CENTRE, COMB_RADIUS = (240, 240), 214
FEEDER, FEEDER_RADIUS = (345, 165), 21
FIELD_CENTRE, FIELD_HALF = (320, 240), 204
BLOCK, BLOCK_RADIUS = (458, 104), 27


class Arena:
    """An empty arena in front of a camera.

    Parameters
    ----------
    floor
        (h, w, 3) BGR colours in even light.
    light
        (h, w, 1) how bright the lamp and the lens leave each place.
    """

    def __init__(self, floor: Array, light: Array) -> None:
        self._light: Plane = light.astype(np.float32)
        self.empty: Plane = np.clip(floor * light, 0, 255).astype(np.float32)
        self._noise = _noise_size(self.empty)

    def photograph(
        self, bgra: Plane, corner: tuple[int, int], rng: np.random.Generator
    ) -> npt.NDArray[np.uint8]:
        """Put a painted animal on the floor, with its shadow, and take a noisy picture of it.

        Parameters
        ----------
        bgra
            (h, w, 4) its colours, premultiplied by its opacity, in the fourth channel.
        corner
            Where in the picture the upper left of that patch is; it may stick out.
        rng
            Source of the noise.
        """
        height, width = self.empty.shape[:2]
        (left, top), (high, wide) = corner, bgra.shape[:2]
        y0, x0, y1, x1 = max(top, 0), max(left, 0), min(top + high, height), min(left + wide, width)
        seen = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        opacity = bgra[..., 3]
        contact = _moved(cv2.GaussianBlur(opacity, (0, 0), 2.5), (2, 3))
        soft = _moved(cv2.GaussianBlur(opacity, (0, 0), 9), (8, 10))
        shade = (0.42 * contact + 0.40 * soft)[..., None] * np.array([0.92, 0.97, 1.0], np.float32)
        picture: Plane = self.empty.copy()
        part = picture[y0:y1, x0:x1]
        part *= (1 - shade[seen]) * (1 - bgra[seen][..., 3:])
        part += bgra[seen][..., :3] * self._light[y0:y1, x0:x1]
        noise = self._noise.copy()
        noise[y0:y1, x0:x1] = _noise_size(part)
        # A sensor's readout and a lens blur the grain a little.
        grain: Plane = rng.standard_normal((height, width), dtype=np.float32)
        picture += (cv2.GaussianBlur(grain, (0, 0), 0.6) * noise)[..., None]
        image: npt.NDArray[np.uint8] = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
        return image


def _noise_size(picture: Plane) -> Plane:
    """Estimate the standard deviation (h, w) of a sensor's noise, which grows with the light."""
    size: Plane = 1.2 + 0.15 * np.sqrt(picture.mean(axis=2))
    return size


def comb_arena(rng: np.random.Generator) -> Arena:
    """Make a round arena, 480 by 480, with a sheet of wax foundation and a dish of syrup."""
    x, y = _grid(480, 480)
    away = np.hypot(x - COMB_CENTRE[0], y - COMB_CENTRE[1])
    hexagon = _distance_to_cell_wall(x, y, pitch=38.0)
    ridge = np.exp(-((hexagon / 2.6) ** 2)) * 2.2 + 1.2 * _clouds(rng, x.shape, 9) / 3
    wax = np.array([150, 203, 228]) + _clouds(rng, x.shape, 40)[..., None] * [5, 4, 3]
    floor = wax * _relief_light(ridge)[..., None] + rng.standard_normal(x.shape)[..., None] * 1.3
    floor += -14 * np.exp(-((hexagon / 1.4) ** 2))[..., None]
    # The wall: a shaded foot, a bright edge of acrylic, and the dark table around it.
    floor *= (1 - 0.45 * np.exp(-np.maximum(COMB_RADIUS - away, 0) / 9))[..., None]
    facing = ((x - COMB_CENTRE[0]) * LAMP[0] + (y - COMB_CENTRE[1]) * LAMP[1]) / np.maximum(away, 1)
    rim = (np.array([120, 128, 130]) - 62 * facing[..., None]) * (
        0.75 + 0.5 * np.exp(-(((away - COMB_RADIUS - 6) / 2.2) ** 2))
    )[..., None]
    table = np.array([44, 46, 50]) + _clouds(rng, x.shape, 3)[..., None] * 2
    floor = _mix(floor, rim, np.clip(away - COMB_RADIUS + 0.5, 0, 1))
    floor = _mix(floor, table, np.clip(away - COMB_RADIUS - 11, 0, 1))
    floor = _dish(floor, x, y)
    return Arena(floor, _lamp_light(x, y, (205, 195), 330))


def open_field(rng: np.random.Generator) -> Arena:
    """Make a square open field, 640 by 480, with walls seen from above and a block in a corner."""
    x, y = _grid(640, 480)
    dx, dy = x - FIELD_CENTRE[0], y - FIELD_CENTRE[1]
    out = np.maximum(np.abs(dx), np.abs(dy)) - FIELD_HALF
    floor = np.array([197, 206, 211]) + _clouds(rng, x.shape, 55)[..., None] * [4, 4, 4.5]
    floor += (_clouds(rng, x.shape, 2) * 1.6 + rng.standard_normal(x.shape) * 1.2)[..., None]
    floor = _scratches(floor, rng)
    inside = np.maximum(-out, 0)
    floor *= (1 - 0.34 * np.exp(-inside / 5) - 0.16 * np.exp(-inside / 28))[..., None]
    # Each wall is lit by how far it faces the lamp.
    sideways = np.abs(dx) > np.abs(dy)
    facing = np.where(sideways, LAMP[0] * -np.sign(dx), LAMP[1] * -np.sign(dy))
    wall = np.array([150, 152, 150]) * (0.80 + 0.42 * facing + 0.006 * out)[..., None]
    wall += _clouds(rng, x.shape, 6)[..., None] * 1.5
    floor = _mix(floor, wall, np.clip(out + 0.5, 0, 1))
    floor = _mix(floor, np.full(3, 196.0), np.clip(out - 25.5, 0, 1))
    table = np.array([52, 50, 49]) + _clouds(rng, x.shape, 4)[..., None] * 2
    floor = _mix(floor, table, np.clip(out - 30.5, 0, 1))
    floor = _block(floor)
    return Arena(floor, _lamp_light(x, y, (270, 185), 430))


def _grid(width: int, height: int) -> tuple[Array, Array]:
    y, x = np.mgrid[:height, :width].astype(float)
    return x, y


def _clouds(rng: np.random.Generator, shape: tuple[int, ...], size: float) -> Plane:
    """Smooth noise of unit size with spots of about so many pixels."""
    noise = cv2.GaussianBlur(rng.standard_normal(shape), (0, 0), size)
    clouds: Plane = noise / noise.std()
    return clouds


def _mix(under: Array, over: Array, cover: Plane) -> Array:
    mixed: Array = under + cover[..., None] * (over - under)
    return mixed


def _relief_light(height: Plane) -> Array:
    """Light an almost flat relief from the lamp."""
    dy, dx = np.gradient(height)
    light: Array = 1 - 0.22 * (LAMP[0] * dx + LAMP[1] * dy)
    return light


def _lamp_light(x: Array, y: Array, brightest: tuple[int, int], reach: float) -> Array:
    """Bright near the lamp's axis, darker towards the corners of the lens."""
    lamp = np.exp(-((x - brightest[0]) ** 2 + (y - brightest[1]) ** 2) / (2 * reach**2))
    cx, cy = x.shape[1] / 2, x.shape[0] / 2
    lens = 1 - 0.22 * (((x - cx) ** 2 + (y - cy) ** 2) / (cx**2 + cy**2)) ** 1.5
    light: Array = ((0.62 + 0.44 * lamp) * lens)[..., None]
    return light


def _distance_to_cell_wall(x: Array, y: Array, pitch: float) -> Array:
    """How far each place is from the nearest wall of a honeycomb, pixels."""
    distances = []
    for shift in (0.0, 0.5):  # a hexagonal lattice is two rectangular ones
        cx = (np.round(x / pitch - shift) + shift) * pitch
        cy = (np.round(y / pitch / np.sqrt(3) - shift) + shift) * pitch * np.sqrt(3)
        u, v = np.abs(x - cx), np.abs(y - cy)
        distances.append(pitch / 2 - np.maximum(u, u / 2 + v * np.sqrt(3) / 2))
    distance: Array = np.abs(np.maximum(*distances))
    return distance


def _dish(floor: Array, x: Array, y: Array) -> Array:
    """Set a small glass dish of syrup on the wax."""
    away = np.hypot(x - FEEDER[0], y - FEEDER[1])
    shadow = np.hypot(x - FEEDER[0] - 4, y - FEEDER[1] - 5)
    floor = floor * (1 - 0.35 / (1 + np.exp((shadow - FEEDER_RADIUS) / 2.5)))[..., None]
    toward = ((x - FEEDER[0]) * LAMP[0] + (y - FEEDER[1]) * LAMP[1]) / FEEDER_RADIUS
    syrup = np.array([36, 112, 196]) * (0.95 - 0.28 * toward)[..., None]
    glass = np.array([205, 214, 216]) * (0.86 + 0.25 * toward)[..., None]
    floor = _mix(floor, glass, np.clip(FEEDER_RADIUS + 0.5 - away, 0, 1) * 0.9)
    floor = _mix(floor, syrup, np.clip(FEEDER_RADIUS - 4.5 - away, 0, 1) * 0.92)
    glint = np.hypot((x - FEEDER[0] + 6) / 4.0, (y - FEEDER[1] + 7) / 2.4)
    return _mix(floor, np.full(3, 250.0), np.clip(1.3 - glint, 0, 1) * 0.85)


def _scratches(floor: Array, rng: np.random.Generator) -> Array:
    """Years of use: fine scratches, and a few droppings."""
    marks: Plane = np.zeros(floor.shape[:2], np.float32)
    for _ in range(26):
        start = rng.uniform([120, 40], [520, 440])
        end = start + rng.normal(0, 45, 2)
        line = np.rint(16 * np.vstack([start, (start + end) / 2 + rng.normal(0, 4, 2), end]))
        cv2.polylines(marks, [line.astype(np.int32)], False, rng.uniform(3, 9), 1, cv2.LINE_AA, 4)
    floor = floor + cv2.GaussianBlur(marks, (0, 0), 0.6)[..., None]
    pellets = np.zeros_like(marks)
    for place in rng.uniform([150, 330], [480, 425], (5, 2)):
        centre, tilt = np.rint(16 * place).astype(int).tolist(), rng.uniform(0, 180)
        cv2.ellipse(pellets, centre, (44, 22), tilt, 0, 360, 1.0, -1, cv2.LINE_AA, 4)
    return _mix(floor, np.array([52, 58, 66]), cv2.GaussianBlur(pellets, (0, 0), 0.7))


def _block(floor: Array) -> Array:
    """Stand a glazed cylinder in the corner; its top leans away from the middle of the lens."""
    base = np.array(BLOCK, float)
    lean = 0.10 * (base - FIELD_CENTRE)
    top, top_radius = base + lean, BLOCK_RADIUS * 1.1
    x, y = _grid(floor.shape[1], floor.shape[0])
    shadow = _sweep(x, y, (base, base + np.array([20, 25])), (BLOCK_RADIUS, BLOCK_RADIUS))
    shadow = cv2.GaussianBlur(np.clip(shadow, 0, 1), (0, 0), 6)
    floor = floor * (1 - 0.42 * shadow)[..., None]
    side = np.clip(_sweep(x, y, (base, top), (BLOCK_RADIUS, top_radius)), 0, 1)
    normal = ((x - base[0]) * LAMP[0] + (y - base[1]) * LAMP[1]) / BLOCK_RADIUS
    glaze = np.array([128, 106, 44]) * (0.75 + 0.5 * np.clip(normal, -1, 1))[..., None]
    floor = _mix(floor, glaze, side)
    away = np.hypot(x - top[0], y - top[1])
    ring = np.exp(-(((away - top_radius + 4) / 1.8) ** 2))
    lid = np.array([150, 130, 62]) * (1.0 + 0.10 * normal + 0.16 * ring)[..., None]
    return _mix(floor, lid, np.clip(top_radius + 0.5 - away, 0, 1))


def _sweep(x: Array, y: Array, centres: tuple[Array, Array], radii: tuple[float, float]) -> Plane:
    """Pixels inside the outline of a disc that moves and grows from one place to another."""
    inside = np.full(x.shape, -np.inf)
    for t in np.linspace(0, 1, 12):
        cx, cy = (1 - t) * centres[0] + t * centres[1]
        radius = (1 - t) * radii[0] + t * radii[1]
        inside = np.maximum(inside, radius + 0.5 - np.hypot(x - cx, y - cy))
    return inside


def _moved(image: Plane, by: tuple[int, int]) -> Plane:
    """Shift an image by whole pixels (x, y)."""
    onto = np.array([[1, 0, by[0]], [0, 1, by[1]]], float)
    return cv2.warpAffine(image, onto, image.shape[1::-1], flags=cv2.INTER_NEAREST)
