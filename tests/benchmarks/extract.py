"""The whole command against bare decoding and DeepLabCut's algorithm, as whole processes.

    python tests/benchmarks/extract.py [--runs 5] [--source VIDEO] [--frames 10000]

Two recordings are made in a temporary folder by repeating a source: 10,000 frames at its own size
and ten minutes of 720p. Then the contenders take turns, each in a process of its own:

- decoding: PyAV decodes every frame and does nothing with it, with as many threads as keyframes;
- keyframes: ``keyframes extract -k 20`` and ``-k 150`` with the defaults and an empty cache;
- keyframes, again: ``-k 21`` and more, with the features in the cache;
- DeepLabCut: its k-means as published (every frame read with OpenCV, made 30 pixels wide by
  nearest neighbour, mean over the channels; MiniBatchKMeans with batches of 100, at most 50
  iterations; a random member of each cluster), and the frames written, as one program.

Printed are medians of wall time, CPU time and peak memory, and the medians of the ratios to
decoding and to the first ``-k 20``, run by run.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median

import av
import cv2

from keyframes.ahead import count_cores
from own_process import run_apart

SAMPLE = Path(__file__).parents[2] / "sample_videos" / "mouse.mp4"

DECODING = """
import sys, av
with av.open(sys.argv[1]) as container:
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = int(sys.argv[2])  # PyAV's own choice is slower
    for packet in container.demux(stream):
        packet.decode()
"""

DEEPLABCUT = """
import sys
from pathlib import Path
import cv2, numpy as np
from sklearn.cluster import MiniBatchKMeans

video, folder, k = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
capture = cv2.VideoCapture(video)
rows = []
while True:
    read, frame = capture.read()
    if not read:
        break
    frame = frame[:, :, ::-1]
    height = round(30 * frame.shape[0] / frame.shape[1])
    small = cv2.resize(frame, (30, height), interpolation=cv2.INTER_NEAREST)
    rows.append(small.astype(float).mean(axis=2).ravel())
data = np.array(rows)
data -= data.mean(axis=0)
labels = MiniBatchKMeans(n_clusters=k, tol=1e-3, batch_size=100, max_iter=50).fit(data).labels_
folder.mkdir(parents=True, exist_ok=True)
for label in np.unique(labels):
    index = int(np.random.choice(np.flatnonzero(labels == label)))
    capture.set(cv2.CAP_PROP_POS_FRAMES, index)
    read, frame = capture.read()
    if read:
        cv2.imwrite(str(folder / f"img{index:05d}.png"), frame)
"""


@dataclass(frozen=True)
class Usage:
    wall_s: float
    cpu_s: float
    peak_mb: float


def measure(command):
    """Run a command; what it took, children included."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{command} failed:\n{errors.decode()}")
    peak = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Usage(time.perf_counter() - start, used.ru_utime + used.ru_stime, peak)


def repeat(source, target, n_frames):
    """Copy the source's packets again and again, until there are `n_frames`."""
    done = 0
    with av.open(str(target), "w") as output:
        stream, offset = None, 0
        while done < n_frames:
            with av.open(str(source)) as container:
                original = container.streams.video[0]
                stream = stream or output.add_stream_from_template(original)
                end = 0
                for packet in container.demux(original):
                    if packet.dts is None:
                        continue
                    end = max(end, packet.pts + packet.duration)
                    packet.pts += offset
                    packet.dts += offset
                    packet.stream = stream
                    output.mux(packet)
                    done += 1
            offset += end
    return target


def enlarge(source, target, size, n_frames):
    """Encode the first `n_frames` of the source again at another size."""
    with av.open(str(source)) as container, av.open(str(target), "w") as output:
        rate = Fraction(container.streams.video[0].average_rate)
        stream = output.add_stream("libx264", rate=rate, options={"crf": "23"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for index, frame in enumerate(container.decode(video=0)):
            if index == n_frames:
                break
            image = cv2.resize(frame.to_ndarray(format="bgr24"), size)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        output.mux(stream.encode(None))
    return target


def compare(video, runs, folder):
    """Take turns on one recording; print a table."""

    def extract(k, name):
        os.environ["KEYFRAMES_CACHE"] = str(folder / f"cache-{name}")
        return [
            sys.executable, "-m", "keyframes", "extract", str(video),
            "-k", str(k), "-o", str(folder / f"out-{name}-{k}"), "-q",
        ]  # fmt: skip

    measure(extract(20, "again"))
    contenders = {
        "decoding": lambda _: [
            sys.executable, "-c", DECODING, str(video), str(count_cores())
        ],
        **{
            f"keyframes -k {k}": lambda run, k=k: extract(k, f"{video.stem}-{run}-{k}")
            for k in (20, 150)
        },
        "keyframes, again": lambda run: extract(21 + run, "again"),
        **{
            f"DeepLabCut, {k}": lambda run, k=k: [
                sys.executable, "-c", DEEPLABCUT, str(video), str(folder / f"dlc-{k}-{run}"), str(k)
            ]
            for k in (20, 150)
        },
    }  # fmt: skip
    usages = {name: [] for name in contenders}
    for run in range(runs):
        for name, command in contenders.items():
            usages[name].append(measure(command(run)))
    print("| | wall, s | CPU, s | peak, MB | wall (CPU) / decoding | wall (CPU) / -k 20 |")
    print("|---|---|---|---|---|---|")
    for name, used in usages.items():
        print(
            f"| {name} | {median(u.wall_s for u in used):.1f} | {median(u.cpu_s for u in used):.1f}"
            f" | {median(u.peak_mb for u in used):.0f} | {relate(used, usages['decoding'])}"
            f" | {relate(used, usages['keyframes -k 20'])} |",
            flush=True,
        )


def relate(used, base):
    """Return the median ratios of wall and CPU time, run by run."""
    pairs = list(zip(used, base, strict=True))
    wall = median(u.wall_s / b.wall_s for u, b in pairs)
    cpu = median(u.cpu_s / b.cpu_s for u, b in pairs)
    return f"{wall:.3f} ({cpu:.3f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--source", type=Path, default=SAMPLE)
    parser.add_argument("--frames", type=int, default=10_000, help="of the first recording")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        long = run_apart(repeat, arguments.source, folder / "long.mp4", arguments.frames)
        minute = run_apart(enlarge, arguments.source, folder / "minute.mp4", (1280, 720), 1800)
        wide = run_apart(repeat, minute, folder / "wide.mp4", 18_000)
        print(f"{arguments.frames:,} frames of the source\n")
        compare(long, arguments.runs, folder)
        print("\n18,000 frames of 720p\n")
        compare(wide, arguments.runs, folder)


if __name__ == "__main__":
    main()
