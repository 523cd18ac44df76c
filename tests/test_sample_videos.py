"""The sample videos are what their README says, and their script renders them again."""

from __future__ import annotations

import csv
import importlib
import re
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from keyframes import Settings, extract

FOLDER = Path(__file__).parent.parent / "sample_videos"
SIZES = {"bee": (480, 480), "mouse": (640, 480)}
FRAMES = (0, 300, 1139)  # that are rendered again


@pytest.fixture(scope="module")
def render():
    """The script, with its folder on the path as when it is run."""
    own = {path.stem for path in FOLDER.glob("*.py")}
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module("render")
    sys.path.remove(str(FOLDER))
    for name in own:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module", params=SIZES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def table(name):
    with (FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def clip(name):
    """What the clip says of itself, its number of frames, and three of them."""
    with av.open(str(FOLDER / f"{name}.mp4")) as container:
        stream = container.streams.video[0]
        says = stream.codec_context.name, stream.codec_context.pix_fmt, stream.width, stream.height
        images = []
        for number, frame in enumerate(container.decode(stream)):
            if number in FRAMES:
                images.append(frame.to_ndarray(format="bgr24"))
    return says, number + 1, images


def make(render, name):
    """Return the clip's animal, and three frames that show it."""
    rng = np.random.default_rng(render.SEED)
    animal = render.CLIPS[name](rng)
    return animal, list(render.render_frames(animal, rng, FRAMES))


@pytest.fixture(scope="module")
def made(render, name):
    return make(render, name)


def promised_bouts(name):
    """(behaviour, first frame, last frame) of every bout in the README's table for the clip."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    section = text.split(f"## {name}.mp4")[1].split("\n## ")[0]
    bouts = []
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|[^|]*\|([^|]*)\|$", section, re.MULTILINE)
    for behaviour, ranges in rows:
        bouts += [(behaviour, int(a), int(b)) for a, b in re.findall(r"(\d+)–(\d+)", ranges)]
    return sorted(bouts, key=lambda bout: bout[1])


def actual_bouts(table):
    labels = [row["behaviour"] for row in table]
    starts = [i for i, label in enumerate(labels) if i == 0 or label != labels[i - 1]]
    ends = [start - 1 for start in starts[1:]] + [len(labels) - 1]
    return [(labels[start], start, end) for start, end in zip(starts, ends, strict=True)]


def test_every_frame_decodes_and_has_a_row(name, table, clip):
    says, n_frames, _ = clip
    assert says == ("h264", "yuv420p", *SIZES[name])
    assert n_frames == len(table) == FRAMES[-1] + 1
    assert [int(row["frame"]) for row in table] == list(range(len(table)))


def test_the_clips_stay_small():
    assert sum((FOLDER / f"{name}.mp4").stat().st_size for name in SIZES) < 3_000_000


def test_keypoints_lie_in_the_picture(name, table):
    columns = [column for column in table[0] if column.endswith(("_x", "_y"))]
    points = np.array([[float(row[c] or "nan") for c in columns] for row in table])
    points = points.reshape(len(table), -1, 2)
    assert np.array_equal(np.isnan(points[..., 0]), np.isnan(points[..., 1]))
    seen = points[~np.isnan(points[..., 0])]
    assert len(seen) > 0.7 * points.shape[0] * points.shape[1]
    assert (seen >= 0).all()
    assert (seen <= np.array(SIZES[name]) - 1).all()


def test_behaviours_are_where_the_readme_says(name, table):
    assert actual_bouts(table) == promised_bouts(name)


def rare_behaviours(labels):
    names, counts = np.unique(labels, return_counts=True)
    return set(names[counts < 0.02 * len(labels)])


def test_three_of_seven_behaviours_are_rare(table):
    labels = [row["behaviour"] for row in table]
    assert len(set(labels)) == 7
    assert len(rare_behaviours(labels)) == 3


def test_no_twenty_evenly_spaced_frames_show_every_rare_behaviour(table):
    labels = np.array([row["behaviour"] for row in table])
    spacing = len(labels) / 20
    for first in range(int(spacing)):
        chosen = (first + spacing * np.arange(20)).astype(int)
        assert not rare_behaviours(labels) <= set(labels[chosen])
    ends = np.linspace(0, len(labels) - 1, 20).astype(int)
    assert not rare_behaviours(labels) <= set(labels[ends])


def test_rendering_is_repeatable_and_gives_the_clip(render, name, table, clip, made):
    (animal, images), (_, again) = made, make(render, name)
    assert all(np.array_equal(a, b) for a, b in zip(images, again, strict=True))
    assert render.behaviours(type(animal)) == [row["behaviour"] for row in table]
    for image, decoded in zip(images, clip[2], strict=True):
        # Other noise, since the frames between were left out, and a lossy codec.
        assert np.abs(image.astype(float) - decoded).mean() < 4


def test_the_table_is_the_pose_that_is_painted(render, table, made, tmp_path):
    render.write_keypoints(tmp_path / "again.csv", made[0])
    with (tmp_path / "again.csv").open(newline="", encoding="utf-8") as file:
        again = list(csv.DictReader(file))
    assert list(again[0]) == list(table[0])
    columns = [column for column in table[0] if column.endswith(("_x", "_y"))]
    stored, fresh = (
        np.array([[float(row[c] or "nan") for c in columns] for row in rows])
        for rows in (table, again)
    )
    assert np.allclose(stored, fresh, atol=0.02, equal_nan=True)


def test_twenty_keyframes_show_every_rare_behaviour(name, table, tmp_path):
    labels = [row["behaviour"] for row in table]
    selection = extract(FOLDER / f"{name}.mp4", tmp_path, Settings(count=20))
    shown = {labels[keyframe.frame_index] for keyframe in selection.keyframes}
    assert rare_behaviours(labels) <= shown
