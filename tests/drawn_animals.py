"""Drawn animals whose place, direction and bend are known: a thick head, a thin tail."""

import cv2
import numpy as np

LENGTH = 44  # pixels, from nose to tip


def draw_animal(picture, middle, angle, bend=0.0, value=40):
    """Draw discs along an arc, in place; `angle` (radians) is where the head points."""
    along = np.linspace(-0.5, 0.5, 23)
    radii = np.interp(along, [-0.5, -0.1, 0.2, 0.5], [1, 5, 8, 4])
    directions = angle + bend * along
    steps = np.stack([np.cos(directions), np.sin(directions)], axis=1) * LENGTH / len(along)
    spine = np.cumsum(steps, axis=0)
    spine += np.asarray(middle) - spine.mean(axis=0)
    for (x, y), radius in zip(spine, radii, strict=True):
        centre = (round(x * 16), round(y * 16))
        cv2.circle(picture, centre, round(radius * 16), value, -1, cv2.LINE_AA, shift=4)


def draw_arena(height=144, width=192, seed=0):
    """A floor with a slow gradient and some texture, light enough for dark animals."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    floor = 170 + 30 * np.sin(columns / 60) * np.cos(rows / 50)
    floor += cv2.GaussianBlur(rng.normal(0, 30, (height, width)), (0, 0), 2)
    return floor


def draw_recording(poses, *, value=40, noise=2.0, seed=0, height=144, width=192):
    """Frames (n, h, w) uint8 of a still arena; `poses[i]` lists (x, y, angle, bend) of frame i."""
    rng = np.random.default_rng(seed)
    arena = draw_arena(height, width)
    frames = []
    for animals in poses:
        picture = np.clip(arena, 0, 255).astype(np.uint8)
        for x, y, angle, bend in animals:
            draw_animal(picture, (x, y), angle, bend, value)
        noisy = picture + rng.normal(0, noise, picture.shape)
        frames.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return np.stack(frames)


def wander(n_frames, n_animals=1, *, seed=0, height=144, width=192):
    """Random poses that don't touch: each animal has a strip of the arena for itself."""
    rng = np.random.default_rng(seed)
    strip = width / n_animals
    return [
        [
            (
                strip * animal + rng.uniform(30, strip - 30),
                rng.uniform(30, height - 30),
                rng.uniform(-np.pi, np.pi),
                rng.uniform(-1.5, 1.5),
            )
            for animal in range(n_animals)
        ]
        for _ in range(n_frames)
    ]
