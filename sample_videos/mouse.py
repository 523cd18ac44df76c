"""A mouse seen from above: how it holds itself in each behaviour, and how it is painted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from arenas import FIELD_CENTRE, FIELD_HALF, open_field
from motion import (
    STEPS_PER_FRAME,
    Bout,
    direction,
    drag,
    follow,
    plant_feet,
    smooth,
    to_picture,
    wander,
)
from painting import Skin, palette, strands

if TYPE_CHECKING:
    from painting import Array, Canvas

SIDES = (-1, 1)  # left, right
PAWS = np.array([[28, 15], [-31, 23]], float)  # of the right side: fore, hind
LENGTH = 130.0  # nose to tail base, pixels
# The outline: radius at shares of the length, from the tail base to the nose.
SHARE = np.linspace(0, 1, 17)
RADIUS = 1.14 * np.interp(
    SHARE,
    [0, 0.06, 0.16, 0.30, 0.45, 0.58, 0.70, 0.78, 0.86, 0.93, 1],
    [4.5, 11, 18.5, 22.5, 22, 19, 15.5, 14.5, 12.5, 8.5, 4],
)
NECK, EARS, EYES = 0.72, 0.79, 0.895
TAIL_LINKS, TAIL_LINK = 16, 7.5

FUR = Skin(
    palette(
        (0, (92, 72, 55)), (0.2, (84, 64, 47)), (0.5, (76, 57, 42)),
        (0.8, (88, 67, 49)), (0.93, (104, 82, 63)), (1, (138, 108, 92)),
    ),
    fur=1.0,
    flank=0.30,
)  # fmt: skip
ARM = Skin(palette((0, (84, 64, 47)), (0.6, (110, 84, 66)), (1, (206, 158, 142))), fur=0.3)
BARE = Skin(palette((0, (190, 146, 132)), (1, (216, 172, 158))))
TAIL = Skin(palette((0, (116, 88, 76)), (0.15, (160, 122, 110)), (1, (190, 150, 138))), gloss=8)
EAR = Skin(palette((0, (96, 72, 60)), (1, (112, 84, 70))), relief=0.45)
CONCHA = Skin(palette((0, (176, 126, 112)), (1, (206, 158, 142))), relief=-0.4)
EYE = Skin(palette((0, (14, 12, 12)), (1, (14, 12, 12))), gloss=230)
WHISKER = Skin(palette((0, (120, 112, 104)), (1, (176, 170, 162))))


class Mouse:
    """A mouse in an open field with a block in one corner."""

    nodes: ClassVar[tuple[str, ...]] = (
        "nose", "ear_l", "ear_r", "neck", "back", "tail_base", "tail_1", "tail_2", "tail_tip",
        "paw_l", "paw_r", "foot_l", "foot_r",
    )  # fmt: skip
    start, heading = (205.0, 338.0), -150.0
    bouts: ClassVar[tuple[Bout, ...]] = (
        Bout("rest", 262),
        Bout("walk", 26, ((196, 268), (152, 242))),
        Bout("rear", 22),
        Bout("walk", 32, ((146, 212), (186, 192), (276, 212))),
        Bout("stretch", 22),
        Bout("walk", 20, ((334, 192), (372, 158))),
        Bout("sniff", 190),
        Bout("walk", 30, ((404, 156), (420, 200), (412, 290))),
        Bout("turn", 22, turn=185),
        Bout("walk", 40, ((402, 238), (348, 216), (282, 270), (205, 338))),
        Bout("groom", 196),
        Bout("rest", 278),
    )

    def __init__(self, rng: np.random.Generator) -> None:
        self.arena = open_field(rng)
        self.hair = strands(rng)
        self._track = follow(self.bouts, self.start, self.heading)
        self._girth, self._angle, self._spine = self._hold_body(rng)
        self._tail = self._drag_tail(rng)
        self._paws = self._place_paws()

    def _hold_body(self, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Bend, turn the head, breathe: the girth (n,), directions (n, 17), spine (n, 17, 2)."""
        track, n, t = self._track, len(self._track), self._track.seconds
        turning = smooth(np.gradient(track.heading) * STEPS_PER_FRAME, frames=8)
        awake = 1 - track.weights["rest"]
        bend = np.clip(5.5 * turning, -1.9, 1.9) + track.blend(rest=1.5, groom=0.25)
        yaw = np.clip(3 * turning, -0.6, 0.6) + awake * 0.16 * wander(rng, n, 0.6)
        searching, washing = 0.24 * wander(rng, n, 0.4), 0.28 * np.sin(math.tau * 0.7 * t)
        yaw += track.blend(rest=0.25, sniff=searching, groom=washing)
        breath = 0.010 * np.sin(math.tau * 2.1 * t)
        longer = track.blend(
            rest=-0.10, rear=-0.42, sniff=0.03, groom=-0.24, stretch=0.36, turn=-0.10
        )
        wider = track.blend(rest=0.05, rear=0.10, groom=0.08, stretch=-0.18)
        turned = np.clip((SHARE - 0.66) / 0.16, 0, 1)  # the head turns at the neck
        angle = track.heading[:, None] + np.outer(bend, SHARE - 0.5) + np.outer(yaw, turned)
        link = LENGTH * (1 + longer - breath / 2) / (len(SHARE) - 1)
        line = np.cumsum(link[:, None, None] * direction(angle), axis=1)
        spine = track.position[:, None] + line - line.mean(axis=1, keepdims=True)
        return 1 + breath + wider, angle, spine

    def _drag_tail(self, rng: np.random.Generator) -> Array:
        """(n, 17, 2) joints of the tail, which never leaves the floor."""
        track = self._track
        whip = 0.05 * (1 - track.weights["rest"]) * wander(rng, len(track), 0.7)
        curl = track.blend(rest=-0.22, groom=-0.10, rear=0.02) + whip
        away = self._angle[:, 0] + math.pi
        tail = drag(self._spine[:, 0], away, curl, TAIL_LINKS, TAIL_LINK)
        middle, half = np.array(FIELD_CENTRE), FIELD_HALF - 4
        return np.clip(tail, middle - half, middle + half)

    def _place_paws(self) -> Array:
        """(n, 4, 2) fore and hind paw of the left side, then of the right."""
        anchors = np.concatenate([PAWS * (1, side) for side in SIDES])
        trot = np.array([0.0, 0.5, 0.5, 0.0])  # diagonal pairs
        paws = plant_feet(self._track, anchors, trot, stride=60)
        # A paw stays near its place beside the spine, however the body bends over it.
        for paw, (share, right) in enumerate(((0.68, -15), (0.22, -21), (0.68, 15), (0.22, 21))):
            home = self._beside(np.s_[:], share, right)
            away = paws[:, paw] - home
            far = np.linalg.norm(away, axis=1, keepdims=True)
            paws[:, paw] = home + away * np.minimum(1, 8 / np.maximum(far, 1e-9))
        self._gesture(paws)
        return paws

    def _gesture(self, paws: Array) -> None:
        """Take the paws where they groom the face, lean on the wall or lag behind."""
        track, t = self._track, self._track.seconds
        at_nose = self._spine[:, -1], self._angle[:, -1]
        at_body = track.position, track.heading
        for side, fore, hind in ((-1, 0, 1), (1, 2, 3)):
            rub = math.tau * 3.6 * t + 0.5 * side
            groomed = np.column_stack([-2 + 6 * np.sin(rub), side * (9 + 4 * np.cos(rub))])
            for behaviour, paw, own, frame in (
                ("groom", fore, groomed, at_nose),
                ("rear", fore, np.array([6.0, side * 19.0]), at_nose),
                ("stretch", fore, np.array([-38.0, side * 20.0]), at_nose),
                ("stretch", hind, np.array([-0.47 * LENGTH, side * 17.0]), at_body),
            ):
                weight = track.weights[behaviour][:, None]
                paws[:, paw] += weight * (to_picture(own, *frame) - paws[:, paw])

    def joints(self, step: int) -> Array:
        """(m, 2) pixels: points that span the whole animal."""
        return np.vstack([self._spine[step], self._tail[step]])

    def keypoints(self, step: int) -> Array:
        """(n_nodes, 2) pixels at a step; NaN where the body hides the node."""
        ears = [self._beside(step, EARS, 13.5 * side) for side in SIDES]
        neck, back = self._beside(step, NECK, 0.0), self._beside(step, 0.42, 0.0)
        tail = self._tail[step][[0, 5, 10, TAIL_LINKS]]
        paws = self._paws[step][[0, 2, 1, 3]]
        points = np.vstack([self._spine[step, -1], *ears, neck, back, tail, paws])
        inside = RADIUS * self._girth[step] - np.linalg.norm(
            points[6:, None] - self._spine[step], axis=2
        )
        points[6:][inside.max(axis=1) > 1] = np.nan
        return points

    def paint(self, canvas: Canvas, step: int) -> None:
        """Paint the animal as it is at a step."""
        spine, girth = self._spine[step], self._girth[step]
        canvas.tube(self._tail[step], np.linspace(4.1, 1.2, TAIL_LINKS + 1), TAIL)
        for i, paw in enumerate(self._paws[step]):
            self._paint_paw(canvas, step, paw, hind=i % 2 == 1)
        for side in SIDES:
            for spread in (0.35, 0.7, 1.05, 1.4):
                self._paint_whisker(canvas, step, side * spread)
        canvas.tube(self._beside(step, 0.985, 0.0) + np.zeros((2, 1)), np.array([3.9, 3.9]), BARE)
        canvas.tube(spine, RADIUS * girth, FUR)
        for side in SIDES:
            ear = np.vstack([self._beside(step, EARS, s * side) for s in (12.0, 14.5)])
            canvas.tube(ear, np.array([8.2, 8.8]), EAR)
            canvas.tube(ear + 0.12 * (ear[1] - ear[0]), np.array([5.6, 6.4]), CONCHA, 0.85)
            eye = np.vstack(
                [self._beside(step, s, 10.4 * side) for s in (EYES - 0.006, EYES + 0.006)]
            )
            canvas.tube(eye, np.array([2.5, 2.5]), EYE)

    def _paint_paw(self, canvas: Canvas, step: int, paw: Array, *, hind: bool) -> None:
        """Paint a limb from under the body to its bare paw, which points where the body does."""
        joint, length, width = (0.26, 14.5, 3.8) if hind else (0.66, 7.0, 3.1)
        limb = np.vstack([self._beside(step, joint, 0.0), paw])
        canvas.tube(limb, np.array([6.5, width - 0.4]), ARM)
        half = length / 2 * direction(self._track.heading[step])
        canvas.tube(np.vstack([paw - half, paw + half]), np.array([width * 0.8, width]), BARE)

    def _paint_whisker(self, canvas: Canvas, step: int, angle: float) -> None:
        side = math.copysign(1, angle)
        root = self._beside(step, 0.955, 5.6 * side)
        away = self._angle[step, -1] + angle + 0.06 * math.sin(step / 7 + angle)
        bent = root + 15 * direction(away)
        tip = bent + 13 * direction(away + 0.25 * side)
        canvas.tube(np.vstack([root, bent, tip]), np.array([0.42, 0.34, 0.16]), WHISKER, 0.75)

    def _beside(self, steps: int | slice, share: float, right: float) -> Array:
        """(…, 2) the point at a share of the length, so many pixels to the right of the spine."""
        i = min(int(share * (len(SHARE) - 1)), len(SHARE) - 2)
        f = share * (len(SHARE) - 1) - i
        line, angle = self._spine[steps], self._angle[steps]
        on_spine = (1 - f) * line[..., i, :] + f * line[..., i + 1, :]
        facing = (1 - f) * angle[..., i] + f * angle[..., i + 1]
        return to_picture(np.array([0.0, right]), on_spine, facing)
