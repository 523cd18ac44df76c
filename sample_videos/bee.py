"""A honeybee seen from above: how it holds itself in each behaviour, and how it is painted."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np

from arenas import comb_arena
from motion import STEPS_PER_FRAME, Bout, direction, follow, plant_feet, smooth, to_picture, wander
from painting import Canvas, Skin, palette, strands

if TYPE_CHECKING:
    from painting import Array, Plane

SIDES = (-1, 1)  # left, right
# The thorax is the origin of the animal's frame; lengths are pixels.
LEG_ROOTS = np.array([[11, 9], [2, 11], [-8, 10]], float)  # of the right side, front to back
FEET = np.array([[37, 27], [4, 45], [-46, 36]], float)
ABDOMEN = 66.0
WING_SCALE = 0.5  # frame pixels a pixel of the wing's own picture

HAIR = Skin(
    palette((0, (146, 106, 58)), (0.5, (172, 126, 66)), (1, (190, 150, 92))), fur=0.9, flank=0.2
)
BALD = Skin(palette((0, (40, 27, 20)), (1, (58, 40, 28))), gloss=70)
CHITIN = Skin(palette((0, (58, 36, 22)), (1, (44, 28, 19))), gloss=60)
LEG = Skin(palette((0, (74, 46, 26)), (0.6, (58, 36, 22)), (1, (40, 25, 17))), gloss=35)
EYE = Skin(palette((0, (30, 22, 20)), (1, (24, 18, 17))), gloss=190)
TONGUE = Skin(palette((0, (140, 70, 34)), (1, (176, 96, 48))), gloss=30)


def _stripes() -> Skin:
    """Belt the abdomen: on each segment pale hair, amber, then dark brown."""
    amber, brown, pale = (198, 122, 44), (46, 27, 17), (208, 176, 120)
    stops: list[tuple[float, tuple[int, int, int]]] = [(0.0, brown), (0.05, (150, 88, 34))]
    for start, end in ((0.08, 0.26), (0.26, 0.45), (0.45, 0.63), (0.63, 0.80)):
        belt = end - start
        stops += [(start, pale), (start + 0.12 * belt, amber), (start + 0.52 * belt, amber)]
        stops += [(start + 0.64 * belt, brown), (end - 0.06 * belt, brown)]
    stops += [(0.83, (120, 72, 32)), (0.88, (40, 24, 16)), (1.0, (26, 17, 13))]
    return Skin(palette(*stops), gloss=75, fur=0.22, bow=0.05)


STRIPES = _stripes()


class Bee:
    """A bee on a sheet of wax with a dish of syrup."""

    nodes: ClassVar[tuple[str, ...]] = (
        "head", "thorax", "abdomen", "antenna_l", "antenna_r", "wing_l", "wing_r",
        "foot_l1", "foot_r1", "foot_l2", "foot_r2", "foot_l3", "foot_r3",
    )  # fmt: skip
    start, heading = (165.0, 300.0), -40.0
    bouts: ClassVar[tuple[Bout, ...]] = (
        Bout("rest", 250),
        Bout("walk", 32, ((230, 236), (296, 196))),
        Bout("feed", 200),
        Bout("walk", 32, ((324, 204), (336, 250), (300, 322))),
        Bout("turn", 22, turn=-200),
        Bout("groom", 200),
        Bout("fan", 22),
        Bout("rest", 146),
        Bout("walk", 30, ((286, 284), (242, 288), (196, 338))),
        Bout("stretch", 22),
        Bout("rest", 184),
    )

    def __init__(self, rng: np.random.Generator) -> None:
        self.arena = comb_arena(rng)
        self.hair = strands(rng)
        track = self._track = follow(self.bouts, self.start, self.heading)
        n, t = len(track), track.seconds
        turning = smooth(np.gradient(track.heading) * STEPS_PER_FRAME, frames=6)
        # How far abdomen and head turn away from the thorax, radians.
        busy = track.blend(rest=0.25, walk=1.0, feed=0.5, groom=0.3, turn=1.0, fan=0.6, stretch=0.4)
        self._bend = np.clip(2.2 * turning, -0.8, 0.8) + 0.05 * busy * wander(rng, n, 0.8)
        self._nod = (
            np.clip(1.6 * turning, -0.5, 0.5)
            + 0.10 * busy * wander(rng, n, 0.5)
            + track.blend(groom=0.30 * np.sin(math.tau * 0.9 * t))
        )
        breath = 1 + 0.012 * np.sin(math.tau * 1.3 * t)
        self._abdomen = ABDOMEN * breath * (1 + track.blend(fan=-0.14, stretch=0.16, turn=-0.05))
        # Radians of the wings off the midline, and of their beat to either side of that.
        self._spread = 0.17 + track.blend(fan=1.12, stretch=0.72, turn=0.22, groom=0.06)
        self._beat = track.blend(fan=0.55)
        self._tongue = track.blend(feed=11 + 2.5 * np.sin(math.tau * 2.2 * t))
        self._feelers = np.stack([busy * wander(rng, n, 0.35) for _ in range(4)], axis=1)
        self._feet = self._place_feet()

    def _place_feet(self) -> Array:
        """Feet (n, 6, 2), left then right, front to back: planted, or as a behaviour needs."""
        track, t = self._track, self._track.seconds
        anchors = np.concatenate([FEET * (1, side) for side in SIDES])
        tripods = np.array([0.0, 0.5, 0.0, 0.5, 0.0, 0.5])  # three legs step while three stand
        feet = plant_feet(track, anchors, tripods, stride=46)
        for leg in range(6):
            side, row = SIDES[leg // 3], leg % 3
            rub = math.tau * 4.5 * t + (0 if side < 0 else 2.2)
            groomed = np.column_stack([40 + 4.5 * np.sin(rub), side * (8 + 5 * np.cos(rub))])
            stretched = np.array(((58, side * 34), (6, side * 66), (-84, side * 58))[row])
            gestures = {"stretch": stretched} | ({"groom": groomed} if row == 0 else {})
            for behaviour, own in gestures.items():
                weight = track.weights[behaviour][:, None]
                there = to_picture(own, track.position, track.heading)
                feet[:, leg] += weight * (there - feet[:, leg])
        return feet

    def joints(self, step: int) -> Array:
        """(n_nodes, 2) pixels: every node, hidden or not."""
        abdomen = self._abdomen_line(step)
        antennae = [self._antenna(step, side)[-1] for side in SIDES]
        wings = [self._wing(step, side, 0.0) @ (*WING_TIP, 1) for side in SIDES]
        feet = self._feet[step].reshape(2, 3, 2).transpose(1, 0, 2).reshape(6, 2)
        head = self._on_head(step, np.array([31.0, 0.0]))
        return np.vstack([head, self._track.position[step], abdomen[-1], *antennae, *wings, feet])

    def keypoints(self, step: int) -> Array:
        """(n_nodes, 2) pixels at a step; NaN where the body hides the node."""
        points = self.joints(step)
        trunk = np.vstack([points[:2], self._abdomen_line(step)[4:-2]])
        hidden = np.linalg.norm(points[7:, None] - trunk, axis=2).min(axis=1) < 12
        points[7:][hidden] = np.nan
        return points

    def paint(self, canvas: Canvas, step: int) -> None:
        """Paint the animal as it is at a step."""
        for leg, foot in enumerate(self._feet[step]):
            self._paint_leg(canvas, step, leg, foot)
        for side in SIDES:
            canvas.tube(self._antenna(step, side), np.array([1.9, 1.7, 1.5, 1.2]), CHITIN)
        if self._tongue[step] > 1:
            line = np.array([[40, 0], [42 + self._tongue[step], 0]])
            canvas.tube(self._on_head(step, line), np.array([1.8, 1.0]), TONGUE)
        radii = np.array([4, 13, 19, 21.5, 22, 21, 19, 15.5, 11, 6, 2.0])
        canvas.tube(self._abdomen_line(step), radii, STRIPES)
        self._paint_head(canvas, step)
        canvas.tube(self._on_body(step, np.array([[-11, 0], [9, 0]])), np.array([17.5, 16]), HAIR)
        canvas.tube(
            self._on_body(step, np.array([[-5, 0], [5, 0]])), np.array([7.5, 8.5]), BALD, 0.6
        )
        beat = self._beat[step]
        # Wings that beat faster than the shutter are seen everywhere on their way at once.
        sweep, opacity = (beat * np.linspace(-1, 1, 9), 0.36) if beat > 0.02 else ([0.0], 1.0)
        for side in SIDES:
            for offset in sweep:
                canvas.sprite(wing(), self._wing(step, side, offset), opacity)

    def _paint_leg(self, canvas: Canvas, step: int, leg: int, foot: Array) -> None:
        """Bend the leg at knee and ankle on its way from the thorax to the foot."""
        side, row = SIDES[leg // 3], leg % 3
        root = self._on_body(step, LEG_ROOTS[row] * (1, side))
        across = np.array([-(foot - root)[1], (foot - root)[0]]) * side
        knee = root + 0.40 * (foot - root) + (-0.20, -0.10, 0.16)[row] * across
        ankle = root + 0.74 * (foot - root) + (-0.10, -0.06, 0.10)[row] * across
        shin = (2.3, 2.5, 3.6)[row]  # the hind leg carries the pollen basket
        canvas.tube(np.vstack([root, knee, ankle, foot]), np.array([3.2, 2.6, shin, 1.0]), LEG)

    def _paint_head(self, canvas: Canvas, step: int) -> None:
        face = self._on_head(step, np.array([[33, 0], [42, 0]]))
        canvas.tube(face, np.array([8, 4.5]), CHITIN)
        brow = self._on_head(step, np.array([[29.5, -8], [31, 0], [29.5, 8]]))
        canvas.tube(brow, np.array([7.5, 9.5, 7.5]), CHITIN)
        tuft = self._on_head(step, np.array([[26, -5], [26, 5]]))
        canvas.tube(tuft, np.array([4.0, 4.0]), HAIR, 0.55)
        for side in SIDES:
            eye = self._on_head(step, np.array([[28, 13 * side], [34, 10.5 * side]]))
            canvas.tube(eye, np.array([4.6, 3.8]), EYE)

    def _on_body(self, step: int, points: Array) -> Array:
        return to_picture(points, self._track.position[step], self._track.heading[step])

    def _on_head(self, step: int, points: Array) -> Array:
        neck = np.array([19.0, 0.0])
        return self._on_body(step, to_picture(points - neck, neck, self._nod[step]))

    def _abdomen_line(self, step: int) -> Array:
        """(11, 2) from the waist to the tip."""
        angles = math.pi + self._bend[step] * np.linspace(0.2, 1.2, 10)
        links = self._abdomen[step] / 10 * direction(angles)
        line = np.vstack([np.zeros(2), np.cumsum(links, axis=0)])
        return self._on_body(step, np.array([-18, 0]) + line)

    def _antenna(self, step: int, side: int) -> Array:
        """(4, 2) from the face to the tip."""
        feel = self._feelers[step, :2] if side < 0 else self._feelers[step, 2:]
        lowered = self._track.weights["groom"][step] * (0.5 + 0.4 * math.sin(step / 9 + side))
        outward = side * (0.85 + 0.16 * feel[0] - 0.5 * lowered)
        onward = side * (0.28 + 0.26 * feel[1] - 0.3 * lowered)
        elbow = np.array([38.0, 4.5 * side]) + 11 * direction(outward)
        middle = elbow + 9 * direction(onward)
        tip = middle + 11 * direction(onward - 0.2 * side)
        return self._on_head(step, np.vstack([[38.0, 4.5 * side], elbow, middle, tip]))

    def _wing(self, step: int, side: int, offset: float) -> Array:
        """(2, 3) map from the wing's picture to the frame."""
        angle = side * (math.pi - self._spread[step] - offset) + self._track.heading[step]
        along = direction(angle)
        behind = side * np.array([-along[1], along[0]])
        turn = WING_SCALE * np.column_stack([along, behind])
        root = self._on_body(step, np.array([-1.0, 11.5 * side]))
        return np.column_stack([turn, root - turn @ WING_ROOT])


WING_ROOT, WING_TIP = np.array([8.0, 22.0]), np.array([149.0, 27.0])


@cache
def wing() -> Plane:
    """Fore and hind wing in one premultiplied BGRA picture, leading edge up, root at the left."""
    big = 4
    shape = np.array([[8, 21], [40, 12], [90, 8], [130, 11], [150, 20], [152, 31], [138, 44],
                      [104, 50], [60, 42], [20, 28]])  # fmt: skip
    hind = np.array([[10, 24], [60, 40], [98, 48], [110, 58], [100, 68], [70, 66], [34, 48]])
    opacity = np.zeros((80 * big, 164 * big), np.float32)
    veins = np.zeros_like(opacity)
    for outline, share in ((hind, 0.26), (shape, 0.34)):
        membrane = np.zeros_like(opacity)
        edge = np.rint(_rounded(outline) * big).astype(np.int32)
        cv2.fillPoly(membrane, [edge], share, cv2.LINE_AA)
        cv2.polylines(veins, [edge], True, 0.42, 3, cv2.LINE_AA)
        opacity += membrane * (1 - opacity)
    for line, width in (
        ([[8, 21], [40, 12], [90, 8], [130, 11]], 10), ([[8, 22], [60, 17], [112, 18]], 6),
        ([[60, 17], [92, 27], [136, 30]], 4), ([[20, 25], [62, 30], [104, 40], [128, 46]], 4),
        ([[62, 30], [78, 20]], 4), ([[92, 27], [96, 37]], 4), ([[112, 18], [108, 28]], 4),
        ([[96, 37], [116, 31]], 4), ([[8, 24], [40, 31], [74, 42]], 4),
        ([[30, 36], [60, 52], [94, 60]], 4), ([[60, 42], [70, 56]], 3),
    ):  # fmt: skip
        cv2.polylines(veins, [np.array(line, np.int32) * big], False, 0.62, width, cv2.LINE_AA)
    veins = np.minimum(veins, 2.2 * opacity)
    x, y = np.meshgrid(np.linspace(0, 1, opacity.shape[1]), np.linspace(0, 1, opacity.shape[0]))
    sheen = 0.5 + 0.5 * np.sin(7 * x + 5 * y)
    glass = np.stack([196 + 16 * sheen, 205 - 10 * sheen, 204 + 8 * sheen], axis=2)
    colour = glass * opacity[..., None] * (1 - veins[..., None])
    colour += np.array([38, 52, 72]) * veins[..., None]
    total = opacity + veins * (1 - opacity)
    whole = np.dstack([colour, total]).astype(np.float32)
    return cv2.resize(whole, (164, 80), interpolation=cv2.INTER_AREA)


def _rounded(outline: Array) -> Array:
    """Cut the corners of a closed outline (Chaikin), four times."""
    points = outline.astype(float)
    for _ in range(4):
        onward = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * onward, 0.25 * points + 0.75 * onward], axis=1)
        points = points.reshape(-1, 2)
    return points
