"""What the reader costs: against bare decoding, and against DeepLabCut's loop.

Run with ``python tests/benchmarks/reader.py [--frames N] [--rounds N]``. Makes its own videos,
runs each task in a process of its own, interleaved, and prints medians as Markdown.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
import psutil

from keyframes.ahead import count_cores
from keyframes.records import ThumbnailSpec
from keyframes.thumbnails import ThumbnailStore
from keyframes.video import fetch_frames, index_video, read_thumbnails
from own_process import run_apart


class Recipe(NamedTuple):
    """How to encode a video."""

    size: tuple[int, int]
    codec: str
    options: dict[str, str]
    gop: int


VGA, HD, FULL_HD = (640, 480), (1280, 720), (1920, 1080)
X264 = {"preset": "medium", "crf": "23"}
X265 = {"preset": "superfast", "crf": "26", "x265-params": "log-level=none"}
VIDEOS = {
    "480p H.264.mp4": Recipe(VGA, "libx264", X264, 250),
    "720p H.264.mp4": Recipe(HD, "libx264", X264, 250),
    "1080p H.264.mp4": Recipe(FULL_HD, "libx264", X264, 250),
    "720p HEVC.mp4": Recipe(HD, "libx265", X265, 250),
    "720p MJPEG.avi": Recipe(HD, "mjpeg", {"qmin": "3", "qmax": "3"}, 1),
    "720p H.264 all-intra.mp4": Recipe(HD, "libx264", X264, 1),
}


def decode_barely(path: Path) -> None:
    """Decode with PyAV, by as many threads as keyframes, and drop the frames."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = count_cores()
        for _ in container.decode(stream):
            pass


def decode_like_deeplabcut(path: Path) -> None:
    """Do per frame what its k-means extraction does: BGR, flip, nearest neighbour, mean."""
    capture = cv2.VideoCapture(str(path))
    while True:
        is_read, frame = capture.read()
        if not is_read:
            break
        flipped = np.ascontiguousarray(frame[:, :, ::-1])
        ratio = 30 / flipped.shape[1]
        cv2.resize(flipped, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_NEAREST).mean(axis=2)


def read(path: Path, step: int = 1) -> None:
    """Make a thumbnail of every `step`-th frame."""
    with ThumbnailStore() as store:
        read_thumbnails(index_video(path), ThumbnailSpec(), store.append, step=step)


def read_and_fetch(path: Path) -> None:
    """Make a thumbnail of every 30th frame and fetch twenty of them whole."""
    index, spec = index_video(path), ThumbnailSpec()
    reading = read_thumbnails(index, spec, lambda _: None, step=30)
    rows = np.linspace(0, len(reading) - 1, 20).astype(int)
    for _ in fetch_frames(index, reading, rows, spec):
        pass


TASKS = {
    "bare": decode_barely,
    "deeplabcut": decode_like_deeplabcut,
    "read": read,
    "step 30": lambda path: read(path, 30),
    "step 30 + fetch 20": read_and_fetch,
}


def make_video(path: Path, recipe: Recipe, n_frames: int) -> None:
    """Encode a textured background with noise, over which a few discs move."""
    width, height = recipe.size
    random = np.random.default_rng(0)
    coarse = random.integers(60, 190, (height // 40, width // 40, 3), dtype=np.uint8)
    background = cv2.resize(coarse, recipe.size, interpolation=cv2.INTER_CUBIC)
    noise = random.integers(0, 9, (2 * height, 2 * width, 3), dtype=np.uint8)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(recipe.codec, rate=30)
        stream.width, stream.height, stream.options = width, height, recipe.options
        stream.pix_fmt = "yuvj420p" if recipe.codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = recipe.gop
        for number in range(n_frames):
            y, x = random.integers(0, (height, width))
            picture = cv2.add(background, noise[y : y + height, x : x + width])
            for disc in range(4):
                angle = number / (20 + 7 * disc) + disc
                centre = (
                    int(width * (0.5 + 0.4 * np.cos(angle))),
                    int(height * (0.5 + 0.4 * np.sin(1.3 * angle))),
                )
                cv2.circle(picture, centre, height // 12, (30, 60 * disc, 200), -1)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, 30)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())


def repeat_video(source: Path, target: Path, n_times: int) -> None:
    """Write a video's packets several times, one after the other."""
    with av.open(str(target), "w") as output:
        stream = None
        for round_ in range(n_times):
            with av.open(str(source)) as container:
                template = container.streams.video[0]
                stream = stream or output.add_stream_from_template(template)
                shift = round_ * template.duration
                for packet in container.demux(template):
                    if packet.size:
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = stream
                        output.mux(packet)


def make_long_video(path: Path, recipe: Recipe, n_frames: int) -> None:
    """Encode a tenth of the frames and repeat them: as long as recordings are, but soon made."""
    short = path.with_stem(f"{path.stem}, short")
    make_video(short, recipe, n_frames // 10)
    repeat_video(short, path, 10)


def measure(task: str, path: Path) -> tuple[float, float, float]:
    """Run a task in a new process; return wall seconds, CPU seconds and peak MiB."""
    command = [sys.executable, __file__, "--task", task, str(path)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, cpu, peak = map(float, answer.stdout.split())
    return wall, cpu, peak


def run_task(task: str, path: Path) -> None:
    """Do a task in this process and print its cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    TASKS[task](path)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = psutil.Process().memory_info()
    peak = getattr(memory, "peak_wset", None)  # Windows
    if peak is None:
        import resource  # noqa: PLC0415  Windows has none

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak *= 1 if sys.platform == "darwin" else 1024
    print(wall, cpu, peak / 2**20)


def compare_speed(folder: Path, n_frames: int, n_rounds: int) -> None:
    """Print what the tasks cost on each video, relative to bare decoding."""
    print("| video | bare, s wall (CPU) |", " | ".join(f"{t}, × bare" for t in TASKS), "|")
    print("|---|---|" + "---|" * len(TASKS))
    for name, recipe in VIDEOS.items():
        path = folder / name
        run_apart(make_long_video, path, recipe, n_frames * HD[0] // recipe.size[0])
        costs = {task: [] for task in TASKS}
        for _ in range(n_rounds):
            for task in TASKS:
                costs[task].append(measure(task, path)[:2])
        medians = {
            task: [statistics.median(column) for column in zip(*runs, strict=True)]
            for task, runs in costs.items()
        }
        wall, cpu = medians["bare"]
        cells = [f"{w / wall:.2f} ({c / cpu:.2f})" for w, c in medians.values()]
        print(f"| {path.stem} | {wall:.2f} ({cpu:.2f}) |", " | ".join(cells), "|", flush=True)


def compare_memory(folder: Path) -> None:
    """Print the peak memory of reading a minute and an hour of one video."""
    minute, hour = folder / "minute.mp4", folder / "hour.mp4"
    recipe = Recipe((320, 240), "libx264", {"preset": "veryfast"}, 250)
    run_apart(make_video, minute, recipe, 30 * 60)
    run_apart(repeat_video, minute, hour, 60)
    peaks = [measure("read", path)[2] for path in (minute, hour)]
    print(f"\nPeak memory: a minute {peaks[0]:.0f} MiB, an hour {peaks[1]:.0f} MiB")


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", nargs=2, metavar=("TASK", "VIDEO"), help="for its own use")
    parser.add_argument("--frames", type=int, default=3000, help="of the 720p videos")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.task:
        run_task(arguments.task[0], Path(arguments.task[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        compare_speed(Path(folder), arguments.frames, arguments.rounds)
        compare_memory(Path(folder))


if __name__ == "__main__":
    main()
