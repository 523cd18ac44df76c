"""Where the animal goes: bouts of behaviour become a smooth track, planted feet, a dragged tail.

Coordinates are pixels of the picture, x to the right and y down. A heading of 0 looks along x
and grows clockwise as seen on the screen. In the animal's own frame x points forward and y to
its right, so its left side has negative y.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

FPS = 30
# Motion is computed in steps finer than a frame, so that an exposure can be a mean of several.
STEPS_PER_FRAME = 12


@dataclass(frozen=True, slots=True)
class Bout:
    """An uninterrupted stretch of one behaviour.

    Attributes
    ----------
    behaviour
        Its label.
    n_frames
        How long it lasts.
    route
        The points it walks through, in pixels; empty for a behaviour on the spot.
    turn
        Degrees by which it turns on the spot, clockwise.
    """

    behaviour: str
    n_frames: int
    route: tuple[tuple[float, float], ...] = ()
    turn: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """The body's movement, one row a step.

    Attributes
    ----------
    position
        (n, 2) centre of the body, pixels.
    heading
        (n,) radians, continuous.
    weights
        For each behaviour (n,) from 0 to 1: how much the posture is that behaviour's; they
        overlap where one bout passes into the next, and add up to 1.
    """

    position: Array
    heading: Array
    weights: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.heading)

    @property
    def seconds(self) -> Array:
        """(n,) time of each step."""
        return np.arange(len(self)) / (FPS * STEPS_PER_FRAME)

    def blend(self, **values: float | Array) -> Array:
        """Mix one number a behaviour, or one a step, by the weights; behaviours left out give 0."""
        return sum(
            (self.weights[name] * value for name, value in values.items()), np.zeros(len(self))
        )


def follow(bouts: Sequence[Bout], start: tuple[float, float], facing: float) -> Track:
    """Chain the bouts into one track, from a place and a heading in degrees."""
    positions, headings = [np.array([start])], [np.radians([facing])]
    for bout in bouts:
        progress = ease(bout.n_frames * STEPS_PER_FRAME)
        place, angle = positions[-1][-1], headings[-1][-1]
        if bout.route:
            position, direction = _walk(place, angle, bout.route, progress)
        else:
            position = np.tile(place, (len(progress), 1))
            direction = angle + math.radians(bout.turn) * progress
        positions.append(position)
        headings.append(direction)
    labels = np.repeat([b.behaviour for b in bouts], [b.n_frames * STEPS_PER_FRAME for b in bouts])
    weights = {
        name: smooth((labels == name).astype(float), frames=9)
        for name in dict.fromkeys(labels.tolist())
    }
    heading = smooth(np.concatenate(headings)[1:], frames=8)  # a body has mass
    return Track(np.concatenate(positions)[1:], heading, weights)


def ease(n_steps: int) -> Array:
    """(n_steps,) progress from 0 to 1 that starts and ends gently."""
    ramp = min(0.35 * FPS * STEPS_PER_FRAME, n_steps / 2)
    step = np.arange(n_steps) + 0.5
    nearness = np.clip(np.minimum(step, n_steps - step) / ramp, 0, 1)
    speed = nearness * nearness * (3 - 2 * nearness)
    progress: Array = np.cumsum(speed) / np.sum(speed)
    return progress


def smooth(signal: Array, frames: float) -> Array:
    """Weighted moving average over a Hann window; the ends are held."""
    half = round(frames * STEPS_PER_FRAME / 2)
    window = np.hanning(2 * half + 3)[1:-1]
    return np.convolve(np.pad(signal, half, mode="edge"), window / window.sum(), mode="valid")


def wander(rng: np.random.Generator, n_steps: int, seconds: float) -> Array:
    """(n_steps,) smooth noise of unit size that changes over about so many seconds."""
    spacing = seconds * FPS * STEPS_PER_FRAME
    knots = rng.standard_normal(math.ceil(n_steps / spacing) + 2)
    noise = np.interp(np.arange(n_steps) / spacing, np.arange(len(knots)), knots)
    return smooth(noise, frames=seconds * FPS)


def _walk(
    place: Array, heading: float, route: Sequence[tuple[float, float]], progress: Array
) -> tuple[Array, Array]:
    """Walk a cubic spline through the route at even speed, looking where it goes."""
    knots = np.vstack([place, route])
    chords = np.linalg.norm(np.diff(knots, axis=0), axis=1)
    tangents = np.vstack([place, (knots[2:] - knots[:-2]) / 2, knots[-1] - knots[-2]])
    tangents[0] = chords[0] * direction(heading)
    t = np.linspace(0, 1, 200)[:, None]
    curve = np.concatenate(
        [
            _hermite(t, knots[i], tangents[i], knots[i + 1], tangents[i + 1])
            for i in range(len(chords))
        ]
    )
    path = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    at = progress * path[-1]
    position = np.column_stack([np.interp(at, path, curve[:, axis]) for axis in (0, 1)])
    steps = np.gradient(curve, axis=0)
    directions = np.unwrap(np.concatenate([[heading], np.arctan2(steps[:, 1], steps[:, 0])]))[1:]
    return position, np.interp(at, path, directions)


def _hermite(t: Array, start: Array, leave: Array, end: Array, arrive: Array) -> Array:
    """Points of the cubic from ``start`` to ``end`` with the given tangents."""
    return (
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * leave
        + (3 * t**2 - 2 * t**3) * end
        + (t**3 - t**2) * arrive
    )


def direction(angle: float | Array) -> Array:
    """(…, 2) unit vectors of the angles (…)."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def to_picture(points: Array, position: Array, heading: float | Array) -> Array:
    """Turn and move points (…, 2) of the animal's frame into the picture."""
    ahead, right = direction(heading), direction(heading + math.pi / 2)
    return position + points[..., :1] * ahead + points[..., 1:] * right


def plant_feet(track: Track, anchors: Array, phases: Array, stride: float) -> Array:
    """Feet that stay where they stand while the body moves over them, and step in rhythm.

    Parameters
    ----------
    anchors
        (m, 2) where each foot is at home, in the animal's frame.
    phases
        (m,) when in the cycle each foot steps, from 0 to 1.
    stride
        Pixels of path in one cycle.

    Returns
    -------
    array
        (n, m, 2) feet in the picture.
    """
    swing = 0.4  # share of the cycle that a foot is off the ground
    lever = float(np.abs(anchors).mean())  # turning on the spot moves the feet, too
    moves = np.diff(track.position, axis=0, prepend=track.position[:1])
    travel = np.hypot(*moves.T) + lever * np.abs(np.diff(track.heading, prepend=track.heading[:1]))
    cycle = np.cumsum(travel) / stride
    feet = np.empty((len(track), *anchors.shape))
    foot = to_picture(anchors, track.position[0], track.heading[0])
    for i, position in enumerate(track.position):
        walked = travel[i] / stride
        if walked > 0:
            phase = (cycle[i] + phases) % 1
            ahead = (1 - swing) / 2 * moves[i] / walked
            home = to_picture(anchors, position, track.heading[i]) + ahead
            left = np.maximum(swing - phase, 0) + walked  # of the swing, this step included
            share = np.where(phase < swing, walked / left, 0)
            foot = foot + share[:, None] * (home - foot)
        feet[i] = foot
    return feet


def drag(base: Array, leave: Array, curl: Array, n_links: int, length: float) -> Array:
    """Drag a limp chain behind a moving point.

    Parameters
    ----------
    base
        (n, 2) where the chain hangs on.
    leave
        (n,) radians: the direction in which it would like to leave the base.
    curl
        (n,) radians a link by which it would like to bend.

    Returns
    -------
    array
        (n, n_links + 1, 2) joints.
    """
    stiffness = 1.2 / (FPS * STEPS_PER_FRAME)  # share of the wish granted in a step
    chain = [complex(*base[0])]
    for i in range(n_links):
        chain.append(chain[-1] + cmath.rect(length, leave[0] + i * curl[0]))
    joints = np.empty((len(base), n_links + 1), complex)
    for step in range(len(base)):
        chain[0] = complex(*base[step])
        before = leave[step]
        for i in range(1, n_links + 1):
            bend = math.remainder(cmath.phase(chain[i] - chain[i - 1]) - before, math.tau)
            # The root is held by muscles, the end only lies there; no joint folds over.
            grip = min(1.0, stiffness * (1 + 40 / i**2))
            bend = min(max(bend + grip * (curl[step] - bend), -0.42), 0.42)
            before += bend
            chain[i] = chain[i - 1] + cmath.rect(length, before)
        joints[step] = chain
    return np.stack([joints.real, joints.imag], axis=-1)
