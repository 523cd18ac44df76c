"""One video, end to end, with real codecs."""

import base64
import json
import os
import re
import shlex
import threading
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import keyframes.images
from drawn_animals import draw_recording, wander
from export_helpers import tree
from footage import read_number
from keyframes import extract
from keyframes.asked import repeat_command
from keyframes.cache import FeatureCache
from keyframes.cli.extract import extract as extract_command
from keyframes.commands import join_words
from keyframes.errors import OutputError, SettingsError, VideoError
from keyframes.images import encode_png, read_label
from keyframes.records import Crop
from keyframes.results import find_results
from keyframes.settings import Settings
from keyframes.video import Span, parse_position


@pytest.fixture(scope="module")
def video(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("video") / "bee 1.mp4", n_frames=60)


def sequential(path):
    """All frames of a plain sequential decode, BGR."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def pictures_in(out):
    return sorted(out.glob("labeled-data/*/*.png"))


@pytest.mark.parametrize("method", ["kmeans", "coverage", "uniform"])
def test_every_picture_is_the_frame_that_it_says(video, tmp_path, method):
    selection = extract(video, tmp_path, Settings(count=12, method=method))
    assert len(set(selection.frame_indices)) == 12
    frames = sequential(video)
    pictures = pictures_in(tmp_path)
    assert [path.name for path in pictures] == selection.image_names
    for path, keyframe in zip(pictures, selection.keyframes, strict=True):
        assert np.array_equal(cv2.imread(str(path)), frames[keyframe.frame_index])
        assert read_number(cv2.imread(str(path))) == keyframe.frame_index
        assert keyframe.time_s == pytest.approx(keyframe.frame_index / 25)
        label = read_label(path)
        assert label["frame_index"] == str(keyframe.frame_index)
        assert label["video"] == "bee 1.mp4"


def test_finished_selection_is_read_from_the_record(video, tmp_path):
    first = extract(video, tmp_path, Settings(count=4))
    stages = []
    again = extract(
        video, tmp_path, Settings(count=4), progress=lambda *event: stages.append(event)
    )
    assert again == first
    assert not stages, "nothing was done"


@pytest.mark.parametrize("method", ["kmeans", "coverage"])
@pytest.mark.parametrize("grow", [False, True])
def test_pictures_that_are_gone_come_back_with_the_same_command(video, tmp_path, method, grow):
    extract(video, tmp_path, Settings(count=4, method=method))
    asked = Settings(count=6 if grow else 4, method=method)
    chosen = extract(video, tmp_path, asked, grow=grow)
    whole = tree(tmp_path)
    first, second, *_ = pictures_in(tmp_path)
    first.unlink()
    second.write_bytes(b"")
    again = extract(video, tmp_path, asked, grow=grow)
    assert again.keyframes == chosen.keyframes
    assert again.warnings[-1].startswith(f"2 of {len(chosen.keyframes)} pictures were gone from ")
    assert tree(tmp_path) == whole
    assert extract(video, tmp_path, asked, grow=grow).warnings == chosen.warnings


def test_pictures_of_a_video_that_was_damaged_since_dont_come_back(make_video, tmp_path):
    """In its middle, where its identity doesn't look."""
    noise = np.random.default_rng(0).integers(0, 256, (120, 64, 96, 3), np.uint8)
    video = make_video(tmp_path / "long.mp4", pictures=noise, gop=120, n_frames=120)
    extract(video, tmp_path / "out", Settings(count=4))
    lost = pictures_in(tmp_path / "out")[-1]
    lost.unlink()
    content = bytearray(video.read_bytes())
    assert len(content) > 5 * 2**16, "too short to be damaged between the samples"
    third = len(content) // 3
    content[third : third + 3000] = bytes(3000)
    video.write_bytes(content)
    with pytest.raises(VideoError, match="was damaged or mended since its pictures were written"):
        extract(video, tmp_path / "out", Settings(count=4))
    assert not lost.exists()


def test_labelled_pictures_are_never_replaced(video, tmp_path):
    """As after DeepLabCut's plugin was shown the folder itself."""
    extract(video, tmp_path, Settings(count=4))
    first = pictures_in(tmp_path)[0]
    table = first.with_name("CollectedData_me.csv")
    rows = "scorer,,,me,me", "bodyparts,,,nose,nose", "coords,,,x,y"
    table.write_text("\n".join([*rows, f"labeled-data,bee 1,{first.name},3,4"]), encoding="utf-8")
    whole = tree(tmp_path)
    others = "choose another -o, or move the table away first"
    grow = "keep what is labelled and add to it with --grow, or "
    for asked, ways_out in (
        (Settings(count=1), grow + others),
        (Settings(count=1, method="uniform"), others),
        (Settings(frames=(1, 2)), others),
    ):
        gone = rf"labels 1 picture that would go \({first.name}\); {ways_out}"
        with pytest.raises(OutputError, match=gone):
            extract(video, tmp_path, asked, overwrite=True)
        assert tree(tmp_path) == whole
    extract(video, tmp_path, Settings(count=4), overwrite=True)  # chooses the same
    assert len(extract(video, tmp_path, Settings(count=6), grow=True).keyframes) == 6
    assert first.exists()


def test_one_thread_writes_where_one_is_granted(video, tmp_path, monkeypatch):
    writing = set()

    def encode(image, label):
        writing.add(threading.get_ident())
        time.sleep(0.02)  # so that another thread would take the next picture
        return encode_png(image, label)

    monkeypatch.setattr(keyframes.images, "encode_png", encode)
    extract(video, tmp_path, Settings(count=20), threads=1)
    assert len(writing) == 1
    for picture in pictures_in(tmp_path):
        picture.unlink()
    writing.clear()
    extract(video, tmp_path, Settings(count=20), threads=1)
    assert len(writing) == 1


def test_number_of_threads_does_not_show(video, tmp_path):
    for threads in (1, 2, 4):
        extract(video, tmp_path / str(threads), Settings(count=8), threads=threads)
    tables = [
        [path.read_bytes() for path in [*pictures_in(tmp_path / n), tmp_path / n / "bee 1.csv"]]
        for n in "124"
    ]
    assert len(tables[0]) == 9
    assert tables[0] == tables[1] == tables[2]


def test_seed_matters_only_where_it_is_used(video, tmp_path):
    first = extract(video, tmp_path / "1", Settings(count=8, seed=1))
    second = extract(video, tmp_path / "2", Settings(count=8, seed=1))
    assert first.frame_indices == second.frame_indices
    uniform = [
        extract(video, tmp_path / f"u{seed}", Settings(count=5, method="uniform", seed=seed))
        for seed in (0, 1)
    ]
    assert uniform[0].frame_indices == uniform[1].frame_indices == [6, 18, 30, 42, 54]


def test_features_come_from_the_crop(tmp_path, make_video):
    """A crop of the still right upper corner sees nothing move."""
    video = make_video(tmp_path / "v.mp4", n_frames=40, size=(160, 96), options={"crf": "10"})
    whole = extract(video, tmp_path / "whole", Settings(count=5, features="gray"))
    corner = extract(
        video, tmp_path / "corner", Settings(count=5, features="gray", crop=Crop(104, 4, 156, 28))
    )
    assert whole.coverage.evenly_spaced.mean > 10 * corner.coverage.evenly_spaced.mean


def test_the_page_shows_what_the_pictures_show(video, tmp_path):
    settings = Settings(count=2, crop=Crop(0, 8, 64, 40), crop_output=True)
    extract(video, tmp_path, settings)
    page = (tmp_path / f"{video.stem}.html").read_text(encoding="utf-8")
    shown = re.findall(r'<img src="data:image/jpeg;base64,([^"]*)"', page)
    assert len(shown) == 2
    for jpeg in shown:
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(jpeg), np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (32, 64, 3)
    assert page.count("--ratio: 2.0") == 2


def test_span_is_where_the_frames_come_from(video, tmp_path):
    span = Span(parse_position("1"), parse_position("50f"))
    selection = extract(video, tmp_path, Settings(count=25, span=span))
    assert selection.frame_indices == list(range(25, 50))
    assert selection.video.n_frames == 60


def test_own_list_gives_exactly_these_frames(video, tmp_path):
    selection = extract(video, tmp_path, Settings(frames=(55, 3, 3, 12)))
    assert selection.frame_indices == [3, 12, 55]
    assert [read_number(cv2.imread(str(path))) for path in pictures_in(tmp_path)] == [3, 12, 55]
    assert selection.n_asked == 3
    record = json.loads((tmp_path / "bee 1.json").read_text("utf-8"))
    assert record["identity"]["settings"]["count"] == 3
    command = join_words(["keyframes", "extract", video.as_posix(), "--frames", "3,12,55"])
    assert repeat_command(record, Path("keyframes-out")) == command
    with pytest.raises(SettingsError, match="no frame 60, 99; its 60 frames"):
        extract(video, tmp_path / "out", Settings(frames=(3, 60, 99)))


@pytest.mark.parametrize("method", ["kmeans", "coverage", "uniform"])
def test_growing_keeps_what_is_there(video, tmp_path, method):
    first = extract(video, tmp_path, Settings(count=5, method=method))
    before = {path: read_number(cv2.imread(str(path))) for path in pictures_in(tmp_path)}
    grown = extract(video, tmp_path, Settings(count=9, method=method), grow=True)
    assert set(first.frame_indices) < set(grown.frame_indices)
    assert len(grown.keyframes) == 9
    assert set(before) < set(pictures_in(tmp_path))
    again = extract(video, tmp_path, Settings(count=9, method=method), grow=True)
    assert again == grown
    record = json.loads((tmp_path / "bee 1.json").read_text("utf-8"))
    assert record["identity"]["settings"]["held"] == first.frame_indices


@pytest.mark.parametrize("method", ["kmeans", "coverage"])
def test_of_a_noisy_still_scene_one_frame_is_enough(make_video, tmp_path, method):
    poses = wander(30)
    resting = 29
    frames = draw_recording([*poses, *[poses[-1]] * 90], height=240, width=320)
    pictures = np.repeat(frames[..., np.newaxis], 3, axis=-1)
    video = make_video(
        tmp_path / "rest.mp4",
        len(pictures),
        size=(320, 240),
        options={"crf": "23"},
        pictures=pictures,
    )
    assert not np.array_equal(*sequential(video)[70:72]), "the codec keeps noise"
    first = extract(video, tmp_path, Settings(count=15, method=method, held=(70,)))
    grown = extract(video, tmp_path, Settings(count=28, method=method), grow=True)
    for selection, count in ((first, 15), (grown, 28)):
        assert len(selection.keyframes) == count
        assert [index for index in selection.frame_indices if index >= resting] == [70]


def test_evenly_spaced_frames_are_so_through_a_still_scene(make_video, tmp_path):
    video = make_video(tmp_path / "slides.mp4", n_frames=80, hold=20, options={"qp": "0"})
    even = extract(video, tmp_path, Settings(count=8, method="uniform"))
    assert even.frame_indices == [5, 15, 25, 35, 45, 55, 65, 75]
    assert not even.warnings


def test_repetitions_are_taken_only_for_want_of_others_and_owned_up_to(make_video, tmp_path):
    video = make_video(tmp_path / "slides.mp4", n_frames=40, hold=10, options={"qp": "0"})
    four = extract(video, tmp_path / "4", Settings(count=4))
    assert [index // 10 for index in four.frame_indices] == [0, 1, 2, 3]
    assert not four.warnings
    six = extract(video, tmp_path / "6", Settings(count=6, held=(3, 5)))
    assert len(six.keyframes) == 6
    # Of the two that the user holds nothing is said.
    assert six.warnings == (
        "1 of 6 keyframes are blank or all but the same as others: no other candidates differ more",
    )


def test_held_frames_need_not_be_candidates(video, tmp_path):
    settings = Settings(count=6, step=10, span=Span(end=parse_position("40f")), held=(13, 57))
    selection = extract(video, tmp_path, settings)
    assert set(selection.frame_indices) == {0, 10, 13, 20, 30, 57}


def test_progress_reaches_the_end_of_every_stage(video, tmp_path):
    last = {}
    extract(
        video,
        tmp_path,
        Settings(count=5, n_init=3),
        progress=lambda stage, done, total: last.update({stage: (done, total)}),
    )
    assert list(last) == ["reading", "clustering", "writing"]
    assert last["reading"] == (60, 60)
    assert last["clustering"] == (3, 3)
    assert last["writing"] == (5, 5)


def test_a_list_that_stands_for_a_choice_is_looked_at_in_the_same_way(video, tmp_path):
    looks = {"crop": Crop(1, 2, 31, 40), "crop_output": True, "features": "gray", "width": 32}
    chooses = {"method": "coverage", "step": 2, "min_gap_s": 0.1, "seed": 3, "n_init": 2}
    asked = Settings(count=4, held=(13, 40), span=Span(parse_position("2f")), **looks, **chooses)
    selection = extract(video, tmp_path / "first", asked)
    record = json.loads((tmp_path / "first" / "bee 1.json").read_text("utf-8"))
    _, _, *arguments = shlex.split(repeat_command(record, Path("keyframes-out")))
    parsed = extract_command.make_context("extract", arguments).params
    assert parsed["frames"] == {"": tuple(selection.frame_indices)}
    assert {name: parsed[name] for name in looks} == looks
    assert not set(arguments) & {"-k", "--method", "--step", "--start", "--min-gap", "--seed"}


def test_errors_say_what_to_do(video, tmp_path):
    with pytest.raises(VideoError):
        extract(tmp_path / "absent.mp4", tmp_path / "out")
    with pytest.raises(SettingsError, match="threads must be a whole number of at least 1"):
        extract(video, tmp_path / "out", threads=-1)
    with pytest.raises(SettingsError, match="cache must be a FeatureCache or None, got 'cache'"):
        extract(video, tmp_path / "out", cache="cache")
    with pytest.raises(SettingsError, match="settings must be a Settings or None"):
        extract(video, tmp_path / "out", {"count": 3})
    with pytest.raises(SettingsError, match="no part of a frame"):
        extract(video, tmp_path / "out", Settings(crop=Crop(0, 0, 5000, 10)))
    with pytest.raises(SettingsError, match="no frame"):
        extract(video, tmp_path / "out", Settings(span=Span(parse_position("900"))))
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        extract(video, tmp_path / "file" / "out")


def test_growing_minds_all_settings_but_the_count(video, tmp_path):
    extract(video, tmp_path, Settings(count=4))
    for overwrite in (False, True):  # which grows, too
        with pytest.raises(
            OutputError, match=r"features hog, now gray.* --overwrite and without --grow$"
        ):
            extract(
                video,
                tmp_path,
                Settings(count=6, features="gray"),
                grow=True,
                overwrite=overwrite,
            )
    for impossible in (Settings(count="auto"), Settings(frames=(1, 2))):
        with pytest.raises(SettingsError, match="needs a number"):
            extract(video, tmp_path, impossible, grow=True)
    assert len(pictures_in(tmp_path)) == 4


def test_what_grows_is_kept_though_other_things_are_overwritten(video, tmp_path):
    first = extract(video, tmp_path, Settings(count=4))
    grown = extract(video, tmp_path, Settings(count=7), grow=True, overwrite=True)
    assert set(first.frame_indices) < set(grown.frame_indices)


def test_a_list_of_frames_can_be_grown(video, tmp_path):
    extract(video, tmp_path, Settings(frames=(10, 30)))
    with pytest.raises(OutputError, match=r"-k 2, now 6, another list.*with --grow, "):
        extract(video, tmp_path, Settings(count=6))
    grown = extract(video, tmp_path, Settings(count=6), grow=True)
    assert {10, 30} < set(grown.frame_indices)
    assert len(grown.keyframes) == 6


def test_growing_is_the_way_out_only_where_it_helps(video, tmp_path):
    extract(video, tmp_path, Settings(count=4))
    for settings in (Settings(count=6), Settings(held=tuple(range(50)), count=4)):
        with pytest.raises(OutputError, match=r"^.{,250}--grow, choose .*--overwrite$") as refused:
            extract(video, tmp_path, settings)
        assert ",49" not in str(refused.value)
    for settings in (
        Settings(count="auto"),
        Settings(count=4, frames=(1, 2)),
        Settings(count=6, seed=1),
    ):
        with pytest.raises(OutputError, match=r"--overwrite$") as refused:
            extract(video, tmp_path, settings)
        assert "--grow" not in str(refused.value)


def test_held_frames_that_are_there_change_nothing(video, tmp_path):
    first = extract(video, tmp_path, Settings(count=4))
    held = tuple(first.frame_indices[:2])
    assert extract(video, tmp_path, Settings(count=4, held=held)) == first
    other = next(frame for frame in range(60) if frame not in first.frame_indices)
    with pytest.raises(OutputError, match="other frames in the project"):
        extract(video, tmp_path, Settings(count=4, held=(other,)))


@pytest.mark.parametrize("method", ["kmeans", "coverage", "uniform"])
def test_more_held_than_asked_for_are_all_kept(video, tmp_path, method):
    held = (3, 20, 41, 59)
    selection = extract(video, tmp_path, Settings(count=2, held=held, method=method))
    assert tuple(selection.frame_indices) == held


@pytest.fixture(scope="module")
def copies(make_video, tmp_path_factory):
    """A sound recording, and a damaged copy that no sample of its bytes tells from it."""
    noise = np.random.default_rng(0).integers(0, 256, (30, 120, 160, 3), np.uint8)
    path = tmp_path_factory.mktemp("copies") / "v.mp4"
    sound = make_video(path, len(noise), size=(160, 120), options={"qp": "10"}, pictures=noise)
    sound = sound.read_bytes()
    assert len(sound) > 4 * 2**17
    damaged = bytearray(sound)
    damaged[2**17 : 2**17 + 60] = bytes(60)
    return sound, bytes(damaged)


class TestCopiesOfARecording:
    """One of them is damaged."""

    @staticmethod
    def copy(content, path):
        path.write_bytes(content)
        os.utime(path, (0, 0))  # copies may keep the time of the original
        return path

    @staticmethod
    def warnings(video, out, cache, count=3, **options):
        settings = Settings(count=count)
        return extract(video, out, settings, cache=FeatureCache(cache), **options).warnings

    def test_the_cache_knows_no_damage(self, copies, tmp_path):
        sound, damaged = copies
        video = self.copy(damaged, tmp_path / "v.mp4")
        (warning,) = self.warnings(video, tmp_path / "1", tmp_path / "cache")
        assert re.match(r"the video is damaged: [67] damaged frames left out; ", warning)
        self.copy(sound, video)
        assert self.warnings(video, tmp_path / "2", tmp_path / "cache") == ()
        video.write_bytes(damaged)
        assert "is damaged" in self.warnings(video, tmp_path / "3", tmp_path / "cache")[0]

    def test_a_damaged_one_that_is_replaced_is_read_again(self, copies, tmp_path):
        sound, damaged = copies
        out, cache = tmp_path / "out", tmp_path / "cache"
        video = self.copy(damaged, tmp_path / "v.mp4")
        (warning,) = self.warnings(video, out, cache)
        made = (out / "v.json").stat().st_mtime_ns
        assert self.warnings(video, out, cache) == (warning,)
        assert (out / "v.json").stat().st_mtime_ns == made, "it was finished"
        self.copy(sound, video)
        with pytest.raises(OutputError, match="-k 3, now 4"):
            extract(video, out, Settings(count=4))
        assert self.warnings(video, out, cache) == ()
        assert (out / "v.json").stat().st_mtime_ns > made

    def test_one_that_is_older_than_what_it_replaces_is_read_again(self, copies, tmp_path):
        """Where its coming leaves no time of its own, as on Windows in place of another."""
        sound, damaged = copies
        video, out = self.copy(damaged, tmp_path / "v.mp4"), tmp_path / "out"
        os.utime(video, (9, 9))
        assert len(self.warnings(video, out, tmp_path / "cache")) == 1
        self.copy(sound, video)
        later = time.time() + 9
        os.utime(out / "v.json", (later, later))
        assert self.warnings(video, out, tmp_path / "cache") == ()

    def test_what_was_changed_by_hand_is_no_runs_to_replace(self, copies, tmp_path):
        sound, damaged = copies
        video = self.copy(damaged, tmp_path / "v.mp4")
        extract(video, tmp_path / "out", Settings(count=3))
        record = tmp_path / "out" / "v.json"
        by_hand = {"action": "add", "removed": None, "added": 7}
        changed = json.loads(record.read_text("utf-8")) | {"curation": [by_hand]}
        record.write_text(json.dumps(changed), "utf-8")
        self.copy(sound, video)
        assert "is damaged" in extract(video, tmp_path / "out", Settings(count=3)).warnings[0]
        assert "curation" in json.loads(record.read_text("utf-8"))


class TestTwoRunsAtOnce:
    def extract_twice(self, video, out, other):
        """Start another run while one reads; return what the other came to."""
        ended = []

        def run_other():
            try:
                ended.append(extract(video, out, other))
            except OutputError as error:
                ended.append(error)

        thread = threading.Thread(target=run_other)

        def start_other(stage, *_):
            if stage == "reading" and not thread.ident:
                thread.start()

        extract(video, out, Settings(count=3), progress=start_other)
        thread.join()
        (record,) = find_results(out).values()
        assert record["found"] == 3
        assert len(list(out.rglob("*.png"))) == 3
        assert not list(out.glob(".*"))
        return ended[0]

    def test_the_other_waits_and_has_nothing_left_to_do(self, video, tmp_path, caplog):
        assert len(self.extract_twice(video, tmp_path, Settings(count=3)).keyframes) == 3
        assert caplog.text.count("another run is at work on it; this one waits") == 1

    def test_of_other_settings_the_other_is_refused(self, video, tmp_path):
        refused = self.extract_twice(video, tmp_path, Settings(count=2))
        assert "holds keyframes of other settings" in str(refused)
