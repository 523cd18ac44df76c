"""Colours that mean something: for clusters their place in the plane, for time a ramp.

Made in OKLCH (Ottosson 2020), where equal steps look equally large, and light enough for a dark
page yet dark enough for a light one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from keyframes.records import FloatArray, IntArray

_LMS_FROM_LAB = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_RGB_FROM_LMS = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def cluster_colours(points: FloatArray) -> list[str]:
    """Give each cluster a colour by where its middle lies in the plane.

    Around the plane goes the hue, outward the strength; so clusters that look alike have colours
    that look alike, however many there are. Ranks take the place of angles and radii: all of the
    wheel is used.

    Parameters
    ----------
    points
        (k, 2) the middles of the clusters.
    """
    x, y = (points - np.median(points, axis=0)).T
    k = len(points)
    around = _ranks(np.arctan2(y, x)) / k
    outward = (_ranks(np.hypot(x, y)) + 0.5) / k
    return to_hex(0.60 + 0.14 * outward, 0.07 + 0.09 * outward, 360 * around)


def time_colours(n: int = 64) -> list[str]:
    """Return a ramp of ``n`` colours, from blue over red to yellow, ever lighter."""
    share = np.linspace(0, 1, n)
    return to_hex(0.52 + 0.30 * share, 0.15 + 0 * share, 265 + 190 * share)


def to_hex(lightness: FloatArray, chroma: FloatArray, hue: FloatArray) -> list[str]:
    """Convert OKLCH colours (n,) each, hue in degrees, to sRGB as ``#rrggbb``."""
    angle = np.radians(hue)
    lab = np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)])
    linear = np.clip(_RGB_FROM_LMS @ (_LMS_FROM_LAB @ lab) ** 3, 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in (255 * srgb).round().astype(int).T]


def _ranks(values: FloatArray) -> IntArray:
    """Return each value's place in ascending order, from 0."""
    return values.argsort(kind="stable").argsort()
