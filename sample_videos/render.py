"""Render the sample videos, each with a CSV of what the animal does and where its joints are.

    python sample_videos/render.py [-o DIR]

Everything follows from the seed: the same library versions give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

import av
import cv2
import numpy as np

from bee import Bee
from motion import FPS, STEPS_PER_FRAME, Bout
from mouse import Mouse
from painting import Canvas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from arenas import Arena
    from painting import Array, Plane

    Image = npt.NDArray[np.uint8]

SEED = 20
# The shutter is open for the first quarter of a frame's time.
EXPOSURES = STEPS_PER_FRAME // 4
MARGIN = 45  # of the patch around an animal's joints, pixels: flesh and shadow


class Animal(Protocol):
    """What a clip shows: how it moves was settled when it was made."""

    nodes: ClassVar[tuple[str, ...]]
    bouts: ClassVar[tuple[Bout, ...]]
    arena: Arena
    hair: Plane

    def __init__(self, rng: np.random.Generator) -> None: ...

    def joints(self, step: int) -> Array:
        """(m, 2) pixels: points that span the whole animal."""

    def keypoints(self, step: int) -> Array:
        """(n_nodes, 2) pixels; NaN where a node is hidden."""

    def paint(self, canvas: Canvas, step: int) -> None:
        """Paint the animal as it is at a step."""


CLIPS: dict[str, type[Animal]] = {"bee": Bee, "mouse": Mouse}


def behaviours(animal: type[Animal]) -> list[str]:
    """Label every frame."""
    return [bout.behaviour for bout in animal.bouts for _ in range(bout.n_frames)]


def render_frames(
    animal: Animal, rng: np.random.Generator, frames: Iterable[int]
) -> Iterator[Image]:
    """Photograph the animal in each of the frames: BGR (h, w, 3)."""
    for frame in frames:
        yield _photograph(
            animal, rng, range(frame * STEPS_PER_FRAME, frame * STEPS_PER_FRAME + EXPOSURES)
        )


def _photograph(animal: Animal, rng: np.random.Generator, steps: range) -> Image:
    """Average the animal over the steps of one exposure; one is enough while it stands still."""
    first, last = animal.joints(steps[0]), animal.joints(steps[-1])
    if np.abs(last - first).max() < 0.25:
        steps = steps[:1]
    both = np.vstack([first, last])
    low, high = np.floor(both.min(axis=0)) - MARGIN, np.ceil(both.max(axis=0)) + MARGIN
    canvases = [Canvas(low, high, animal.hair) for _ in steps]
    for canvas, step in zip(canvases, steps, strict=True):
        animal.paint(canvas, step)
    blurred = np.mean([canvas.bgra for canvas in canvases], axis=0)
    return animal.arena.photograph(blurred, canvases[0].corner, rng)


def write_video(path: Path, images: Iterable[Image], size: tuple[int, int]) -> None:
    """Encode the images as H.264 like a lab's recorder would, on one thread to be repeatable."""
    # x264's macroblock tree differs from run to run where its buffers lie (AVX-512 code).
    options = {"crf": "23", "preset": "medium", "x264-params": "mbtree=0"}
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))


def write_keypoints(path: Path, animal: Animal) -> None:
    """Write one row a frame: its number, behaviour, and each node's x and y; empty when hidden."""
    header = ["frame", "behaviour", *(f"{node}_{axis}" for node in animal.nodes for axis in "xy")]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        for frame, behaviour in enumerate(behaviours(type(animal))):
            points = animal.keypoints(frame * STEPS_PER_FRAME + EXPOSURES // 2)
            cells = ["" if np.isnan(value) else f"{value:.2f}" for value in points.ravel()]
            table.writerow([frame, behaviour, *cells])


def render_clip(name: str, folder: Path) -> Path:
    """Write NAME.mp4 and NAME.csv into a folder."""
    cv2.setNumThreads(1)  # the clips share the cores
    rng = np.random.default_rng(SEED)
    animal = CLIPS[name](rng)
    height, width = animal.arena.empty.shape[:2]
    n_frames = len(behaviours(type(animal)))
    path = folder / f"{name}.mp4"
    write_video(path, render_frames(animal, rng, range(n_frames)), (width, height))
    write_keypoints(path.with_suffix(".csv"), animal)
    return path


def main() -> None:
    """Render every clip, each in a process of its own."""
    parser = argparse.ArgumentParser(description="Render the sample videos.")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(__file__).parent, metavar="DIR",
        help="folder for the videos and tables (default: beside this script)",
    )  # fmt: skip
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(len(CLIPS)) as pool:
        for path in pool.map(render_clip, CLIPS, [folder] * len(CLIPS)):
            print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
