"""The pages: what they say, that nothing in them can run or break, and that they are small."""

import base64
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from keyframes.choose_k import ChoiceOfK, Score
from keyframes.errors import OutputError
from keyframes.files import atomic_file
from keyframes.output import OutputFolder
from keyframes.records import Clustering
from keyframes.report import (
    check_index,
    check_page,
    picture_size,
    render_choice,
    render_index,
    write_index,
)
from keyframes.report import page as page_module
from keyframes.report.charts import Line, Scale, make_chart
from keyframes.report.colours import cluster_colours, time_colours, to_hex
from keyframes.report.facts import describe_asked, describe_found
from keyframes.report.index import OTHERS_STAND
from keyframes.report.projection import project
from keyframes.settings import Settings
from pages import HOSTILE, make_scene, write_folder


def page_data(text):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1]
    )


def unpacked(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def plain(text):
    """What a person reads: no tags, one space between words."""
    body = re.sub(r"<(style|script)\b.*?</\1>", " ", text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


class TestPage:
    def test_says_what_was_asked_and_found(self):
        text = plain(make_scene(warnings=["the video is damaged"]).render())
        assert "4 frames chosen to stand for 60, out of 1,000 in the video." in text
        assert "explain 88 % of the variance" in text
        assert "Warning the video is damaged" in text
        assert "On average: 75 % nearer" in text
        assert "19 of 20 frames lie within: 20 % nearer" in text
        assert "seed 7" in text
        assert "k 4, the elbow" in text
        assert "numpy 1.2.3" in text
        assert "keyframes extract /recordings/v.mp4 -k 4 --seed 7" in text

    def test_what_was_not_asked_is_left_out(self):
        scene = make_scene()
        asked = plain(scene.render()).partition("What was asked")[2].partition("What was found")[0]
        assert asked.split() == (
            "count 4 features hog method kmeans n-init 1 seed 7 step auto width 64".split()
        )
        scene.record["identity"]["settings"]["seed"] = 0
        asked = plain(scene.render()).partition("What was asked")[2].partition("What was found")[0]
        assert "seed 0" in asked

    def test_what_a_method_does_not_go_by_was_not_asked(self):
        asked = dict(describe_asked(Settings(method="uniform", seed=7).to_json()))
        assert asked == {"count": "20", "method": "uniform", "seed": "7", "step": "auto"}
        assert "n-init" not in dict(describe_asked(Settings(method="coverage").to_json()))

    @pytest.mark.parametrize(
        ("explanation", "told"),
        [
            (
                {
                    "costs": {"posture": 1.0, "whole frame": 0.5},
                    "gate": {"reason": "usually 1 seen whole", "limits": {"max_count": 7}},
                },
                "compared by posture, whole frame animals usually 1 seen whole",
            ),
            (
                {
                    "matched_to": "a.mp4",
                    "matched_by": "frame number",
                    "greatest_difference_s": 0.0005,
                },
                "matched to a.mp4 by frame number, at most 0.001 s apart",
            ),
            (
                {
                    "pool": "5a5a",
                    "pool_videos": 2,
                    "pool_candidates": 4321,
                    "pool_keyframes": 1,
                    "pool_inertia": 1234.5678,
                    "pool_clusters": [0],
                },
                "pool 2 videos, 4,321 candidates, 1 keyframe objective J of the pool 1,234.57",
            ),
        ],
    )
    def test_what_a_method_measured_is_told_in_words(self, explanation, told):
        scene = make_scene()
        scene.record["explanation"] = explanation
        assert f"objective J 3.5 {told} numpy 1.2.3" in plain(scene.render())

    @pytest.mark.parametrize(("method", "other"), [("kmeans", "coverage"), ("coverage", "kmeans")])
    def test_bars_are_said_to_be_no_measure_of_another_method(self, method, other):
        scene = make_scene()
        scene.record["identity"]["settings"] = Settings(method=method).to_json()
        page = scene.render()
        assert "Whole frames are compared, not postures." in page
        (advice,) = re.findall(rf"<p>[^\n]*<code>--method {other}</code>[^\n]*</p>", page)
        assert "judge by the frames" in advice
        assert "on another scale" in advice

    def test_a_list_is_compared_with_nothing(self):
        scene = make_scene(histories=())
        scene.selection = replace(scene.selection, step=None)
        scene.record["identity"]["settings"]["frames"] = [102, 107, 112, 117]
        text = plain(scene.render())
        assert "4 frames of 1,000, listed by hand." in text
        assert "What was asked frames 102, 107, 112, 117 What was found" in text
        assert "The listed frames by likeness" in text
        for word in ("nearer", "variance explained", "k-means", "stand for", "luster", "away"):
            assert word not in text
        assert "Stands for most" not in text

    @pytest.mark.parametrize(
        ("method", "distance", "told"),
        [
            ("kmeans", "away from the centre of its cluster", r"0\.\d+ away"),
            ("uniform", "s away from the middle of its share", r"0\.\d+ s away"),
            ("coverage", None, None),
        ],
    )
    def test_how_far_a_frame_is_from_its_middle_is_told_where_it_has_one(
        self, method, distance, told
    ):
        scene = make_scene()
        scene.record["identity"]["settings"]["method"] = method
        text = scene.render()
        assert page_data(text)["distance"] == distance
        assert ("Farthest" in text) == bool(told)
        assert len(re.findall(told or "away<", plain(text) if told else text)) == (4 if told else 0)

    @pytest.mark.parametrize(
        ("step", "damaged", "settings", "told"),
        [
            (1, 0, {}, "every frame"),
            (1, 3, {}, "every whole frame"),
            (2, 3, {"start": "5s"}, "one whole frame in 2 in the range"),
            ("keyframes", 0, {"end": "9f"}, "the stream's own key frames in the range"),
        ],
    )
    def test_which_frames_were_looked_at_is_told(self, step, damaged, settings, told):
        scene = make_scene()
        video = replace(scene.selection.video, damaged_frames=damaged)
        scene.selection = replace(scene.selection, step=step, video=video)
        scene.record["identity"]["settings"] |= settings
        found = dict(describe_found(scene.selection, scene.record))
        assert found["candidates"] == f"60, {told}"

    def test_a_command_in_a_warning_is_set_as_one(self):
        scene = make_scene(warnings=["damaged; `keyframes probe <v>` says more, ` not"])
        said = "damaged; <code>keyframes probe &lt;v&gt;</code> says more, ` not"
        assert said in scene.render()

    def test_frames_that_were_there_are_told_from_new_ones(self):
        scene = make_scene()
        assert "there before" not in plain(scene.render())
        scene.record["identity"]["settings"]["held"] = [107, 117]
        text = scene.render()
        assert "in the video. 2 of them were there before." in plain(text)
        assert "there before 107, 117" in plain(text)
        cards = re.findall(r'<button type="button" class="card".*?</button>', text, re.DOTALL)
        kept = [102 + 5 * at for at, card in enumerate(cards) if "there before" in card]
        assert kept == [107, 117]
        assert [" data-kept " in card for card in cards] == [False, True, False, True]

    def test_what_a_person_changed_is_told(self):
        scene = make_scene()
        assert "by hand" not in plain(scene.render())
        swaps = [(100, 107), (112, 113), (113, 112), (120, 121), (121, 117)]
        scene.record["curation"] = [
            {"action": "swap", "removed": removed, "added": added} for removed, added in swaps
        ]
        text = scene.render()
        assert "in the video. 2 changed by hand." in plain(text)  # one was taken back
        cards = re.findall(r'<button type="button" class="card".*?</button>', text, re.DOTALL)
        assert ["by hand" in card for card in cards] == [False, True, False, True]

    def test_is_the_same_whatever_the_time_it_took(self):
        first, second = make_scene(), make_scene()
        second.record["timings_s"] = {"reading": 99.9}
        assert first.render() == second.render()

    def test_has_a_card_for_each_keyframe_in_frame_order(self):
        text = make_scene().render()
        assert re.findall(r'alt="Frame (\d+), at ([\d:.]+)"', text) == [
            ("102", "0:00.2"),
            ("107", "0:00.7"),
            ("112", "0:01.2"),
            ("117", "0:01.7"),
        ]
        assert re.findall(r'data-file="([^"]*)"', text)[0] == "labeled-data/v/img000102.png"

    def test_draws_every_candidate_where_and_as_it_is(self):
        scene = make_scene()
        data = page_data(scene.render())
        assert unpacked(data["frames"], "<u4").tolist() == list(range(100, 160))
        assert unpacked(data["times"], "<f4") == pytest.approx(np.arange(60) / 10)
        assert (unpacked(data["clusters"], "<u4") == scene.clustering.labels).all()
        assert (unpacked(data["standing"], "<u4") == scene.clustering.labels).all()
        assert data["keyframes"] == scene.rows.tolist()
        assert len(set(data["colours"])) == 4

    def test_one_of_its_own_cluster_stands_for_a_frame(self):
        scene = make_scene()
        stray, of_another = 11, scene.rows[0]  # which lies right where another's keyframe lies
        scene.features.values[stray] = scene.features.values[of_another]
        standing = unpacked(page_data(scene.render())["standing"], "<u4")
        assert standing[stray] == scene.clustering.labels[stray] == 2
        # Of several the one most like it; a cluster that has none borrows.
        scene.clustering.labels[scene.clustering.labels == 1] = 0
        scene.clustering.labels[scene.clustering.labels == 3] = 4
        scene.clustering.labels[scene.rows[3]] = 2
        scene.clustering = replace(scene.clustering, n_clusters=5)
        standing = unpacked(page_data(scene.render())["standing"], "<u4")
        assert standing[[3, 8, 13, 18]].tolist() == [0, 1, 2, 3]

    def test_map_keeps_the_proportions_of_the_plane(self):
        data = page_data(make_scene().render())
        x, y = unpacked(data["x"], "<u2"), unpacked(data["y"], "<u2")
        assert x.max() == 65_535
        assert (x.min(), y.min()) == (0, 0)
        assert y.max() / x.max() == pytest.approx(2 / 3, rel=0.05)

    def test_long_recordings_are_thinned_but_keep_the_keyframes(self, monkeypatch):
        monkeypatch.setattr(page_module, "MAX_POINTS", 10)
        scene = make_scene()
        data = page_data(scene.render())
        frames = unpacked(data["frames"], "<u4")
        assert 10 <= len(frames) <= 14
        assert (frames[[0, -1]] == [100, 159]).all()
        assert frames[data["keyframes"]].tolist() == scene.selection.frame_indices
        assert f"Drawn: {len(frames)} frames" in plain(scene.render())

    def test_shows_every_restart_and_which_was_best(self):
        text = make_scene(histories=((9.0, 5.0, 4.0), (8.0, 3.5))).render()
        assert text.count("<polyline") == 2
        assert "run 1: J = 4 after 3 iterations" in text
        assert "run 2: J = 3.5 after 2 iterations" in text
        assert "best: run 2" in text
        assert "2 runs of k-means; each goes downhill" in text

    def test_of_a_single_run_nothing_is_best(self):
        text = make_scene(histories=((9.0, 5.0, 4.0),)).render()
        assert "By k-means, which goes downhill until nothing moves." in text
        assert "<i>J = 4</i>" in text
        assert "best" not in plain(text)

    def test_what_does_not_go_down_is_not_drawn(self):
        assert "How the clusters were found" not in make_scene(histories=((0.0,), (0.0,))).render()

    def test_without_k_means_no_objective_is_shown(self):
        scene = make_scene(histories=())
        scene.record["inertia"] = None
        assert "How the clusters were found" not in scene.render()
        assert "objective J" not in scene.render()

    def test_an_empty_cluster_has_a_colour_too(self):
        scene = make_scene()
        scene.clustering = Clustering(6, scene.clustering.labels, scene.clustering.distances)
        assert len(page_data(scene.render())["colours"]) == 6

    def test_one_candidate_is_enough(self):
        text = make_scene(n=1, k=1).render()
        assert "1 frame chosen to stand for 1" in plain(text)

    def test_a_hostile_name_is_only_text(self):
        scene = make_scene(HOSTILE + ".mp4", warnings=[HOSTILE])
        text = scene.render()
        assert "hacked()>" not in text
        assert "<script>hacked" not in text
        assert "49" not in re.search("<title>(.*?)</title>", text)[1]
        assert text.count("<script") == 2  # the data and our own
        assert page_data(text)["duration"] == 6.0

    def test_a_name_that_is_no_text_still_makes_a_page(self):
        text = make_scene("m\udcffuse.mp4").render()
        assert "m?use.mp4" in text
        assert "labeled-data/m%FFuse/img000102.png" in text

    def test_loads_nothing_from_anywhere(self):
        text = make_scene().render()
        assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?\s*(?:https?:)?//""", text)
        assert "default-src 'none'" in text

    def test_150_frames_of_pure_noise_and_many_points_stay_under_3_mb(self):
        rng = np.random.default_rng(0)
        scene = make_scene(n=20_000, k=150)
        size = picture_size(150)
        scene.pictures = [
            rng.integers(0, 256, (size * 3 // 4, size, 3), np.uint8) for _ in range(150)
        ]
        assert len(scene.render().encode()) < 3_000_000


class TestPictures:
    def test_more_pictures_are_smaller(self):
        sizes = [picture_size(n) for n in (1, 20, 50, 150, 400, 10_000)]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] == 640
        assert sizes[-1] == 160


class TestProjection:
    @pytest.mark.parametrize("shape", [(200, 30), (40, 100), (50, 2), (3, 5)])
    def test_is_the_principal_plane(self, shape):
        rng = np.random.default_rng(1)
        scales = 0.7 ** np.arange(shape[1])
        values = rng.normal(size=shape) * scales
        values -= values.mean(axis=0)
        found = project(values.astype(np.float32))
        left, lengths, _ = np.linalg.svd(values, full_matrices=False)
        assert np.abs(found.points) == pytest.approx(np.abs(left * lengths)[:, :2], abs=1e-3)
        assert found.shares == pytest.approx(tuple((lengths**2 / np.sum(lengths**2))[:2]), rel=1e-4)

    def test_a_line_has_no_second_component(self):
        found = project(np.arange(-2, 3, dtype=np.float32)[:, np.newaxis])
        assert found.points[:, 0] == pytest.approx([-2, -1, 0, 1, 2])
        assert (found.points[:, 1] == 0).all()
        assert found.shares == pytest.approx((1, 0))

    def test_equal_rows_lie_on_one_point(self):
        found = project(np.zeros((4, 3), np.float32))
        assert (found.points == 0).all()
        assert found.shares == (0, 0)


class TestColours:
    def test_oklch_of_known_colours(self):
        lightness = np.array([0.0, 1.0, 0.627955])
        chroma = np.array([0.0, 0.0, 0.257683])
        hue = np.array([0.0, 0.0, 29.2339])
        assert to_hex(lightness, chroma, hue) == ["#000000", "#ffffff", "#ff0000"]

    @given(hnp.arrays(float, st.tuples(st.integers(1, 30), st.just(2)), elements=st.floats(-9, 9)))
    def test_every_cluster_has_its_own_colour(self, points):
        colours = cluster_colours(points)
        assert len(set(colours)) == len(points)
        assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)

    def test_time_gets_ever_lighter(self):
        luma = [
            0.2126 * int(colour[1:3], 16)
            + 0.7152 * int(colour[3:5], 16)
            + 0.0722 * int(colour[5:], 16)
            for colour in time_colours(16)
        ]
        assert luma == sorted(luma)


class TestScale:
    def test_ends_are_0_and_100(self):
        scale = Scale.around([2.0, 12.0, 7.0])
        assert [scale(2.0), scale(7.0), scale(12.0)] == [0, 50, 100]

    def test_ticks_are_round(self):
        assert Scale(81_000.0, 90_500.0).ticks(4) == [82_000, 84_000, 86_000, 88_000, 90_000]
        assert Scale(1.0, 3.0).ticks(6, whole=True) == [1, 2, 3]

    @given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9), st.integers(2, 8))
    def test_ticks_lie_on_the_axis(self, low, length, n):
        scale = Scale(low, low + length)
        assert all(-1e-3 <= scale(tick) <= 100 + 1e-3 for tick in scale.ticks(n))
        assert 1 <= len(scale.ticks(n)) <= 2 * n + 1

    def test_one_value_lies_in_the_middle(self):
        assert Scale.around([4.0])(4.0) == 50


@pytest.mark.parametrize(("value", "low", "high"), [(0.0, 0.0, 0.4), (-0.25, -0.2, 0.2)])
def test_a_chart_has_no_tick_below_all_that_there_can_be(value, low, high):
    line = Line([(2, value), (3, value)], "J")
    chart = make_chart([line], label="", x_label="", y_label="", y_text=lambda tick: f"{tick:g}")
    ticks = [float(text) for _, text in chart.y_ticks]
    assert (min(ticks), max(ticks)) == (low, high)


class TestIndex:
    def test_has_a_row_a_video(self, tmp_path):
        write_folder(tmp_path, make_scene("a.mp4"), "a")
        write_folder(tmp_path, make_scene("b.mp4", warnings=["the video is damaged"]), "b")
        text = render_index(tmp_path)
        assert re.findall('<a href="([^"]*)">', text) == ["a.html", "b.html"]
        assert "8 keyframes from 2 videos" in plain(text)
        assert "1 video with a warning" in plain(text)
        assert text.count("data:image/jpeg") == 8

    def test_lists_the_folders_in_it_and_looks_through_no_pictures(self, tmp_path, monkeypatch):
        write_folder(tmp_path / "day 1", make_scene("cam.mp4"), "cam")
        assert write_index(tmp_path) is None
        write_folder(tmp_path / "day 2" / "left", make_scene("cam.mp4"), "cam").unlink()
        write_folder(tmp_path, make_scene("z.mp4"), "z")
        (tmp_path / "labeled-data" / "z" / "not" / "labeled-data").mkdir(parents=True)
        listed = []
        scan = os.scandir
        monkeypatch.setattr(os, "scandir", lambda path: listed.append(str(path)) or scan(path))
        page = write_index(tmp_path)
        assert str(tmp_path / "day 1") in listed
        assert str(tmp_path / "labeled-data" / "z") not in listed
        text = page.read_text(encoding="utf-8")
        assert re.findall('<a href="([^"]*)">', text) == ["z.html", "day%201/cam.html"]
        names = re.findall(r"<h2>(?:<a[^>]*>)?([^<]*)", text)
        assert names == ["z.mp4", "day 1/cam.mp4", "day 2/left/cam.mp4"]
        assert text.count("data:image/jpeg") == 12

    def test_leaves_alone_what_another_run_is_writing(self, tmp_path):
        for stem in "ab":
            write_folder(tmp_path, make_scene(f"{stem}.mp4"), stem)
        with atomic_file(tmp_path / "index.html") as file:
            write_index(tmp_path)
            file.write(b"the other's")
        assert (tmp_path / "index.html").read_bytes() == b"the other's"

    def test_has_no_pictures_of_very_many_videos(self, tmp_path, monkeypatch):
        for stem in "ab":
            write_folder(tmp_path, make_scene(f"{stem}.mp4"), stem)
        monkeypatch.setattr("keyframes.report.index.MAX_STRIPS", 1)
        assert "data:image/jpeg" not in render_index(tmp_path)

    def test_shows_what_is_left_where_pictures_were_removed(self, tmp_path):
        scene = make_scene("a.mp4")
        write_folder(tmp_path, scene, "a").unlink()
        (tmp_path / scene.record["keyframes"][1]["image"]).unlink()
        (tmp_path / scene.record["keyframes"][2]["image"]).write_bytes(b"no picture")
        text = render_index(tmp_path)
        assert text.count("data:image/jpeg") == 2
        assert "1 picture removed since" in plain(text)
        assert "<a href" not in text

    def test_a_hostile_name_is_only_text(self, tmp_path):
        scene = make_scene()
        scene.record["identity"]["video"]["name"] = HOSTILE
        scene.record["warnings"] = [HOSTILE]
        write_folder(tmp_path, scene, "x")
        text = render_index(tmp_path)
        assert "hacked()>" not in text
        assert "<script" not in text

    def test_names_what_failed_until_it_has_a_result_or_is_gone(self, tmp_path):
        write_folder(tmp_path, make_scene("a.mp4"), "a")
        bad, worse = tmp_path / "b & b.mp4", tmp_path / "c.mp4"
        for video in (bad, worse):
            video.write_text("no video")
        failed = {str(bad): "holds no video", str(worse): "neither", HOSTILE: HOSTILE}
        text = write_index(tmp_path, failed).read_text(encoding="utf-8")
        assert "3 videos failed." in plain(text)
        assert "hacked()>" not in text
        write_folder(tmp_path, make_scene("d.mp4"), "d")
        text = plain(write_index(tmp_path).read_text(encoding="utf-8"))
        assert "8 keyframes from 2 videos" in text
        assert "2 videos failed." in text
        assert "b &amp; b.mp4 holds no video" in text
        worse.unlink()
        text = plain(write_index(tmp_path, {str(bad): "still none"}).read_text(encoding="utf-8"))
        assert "1 video failed." in text
        assert "b &amp; b.mp4 still none" in text
        scene = make_scene(bad.name)
        scene.record["video"]["path"] = str(bad)
        write_folder(tmp_path, scene, "b")
        assert "failed" not in plain(write_index(tmp_path).read_text(encoding="utf-8"))

    def test_names_the_videos_that_others_stand_for_until_they_have_a_result(self, tmp_path):
        write_folder(tmp_path, make_scene("a.mp4"), "a")
        pooled, bad = tmp_path / "b.mp4", tmp_path / "c.mp4"
        for video in (pooled, bad):
            video.write_text("a video")
        write_index(tmp_path, {str(pooled): OTHERS_STAND, str(bad): "holds no video"})
        write_folder(tmp_path, make_scene("d.mp4"), "d")
        text = plain(write_index(tmp_path).read_text(encoding="utf-8"))
        assert "8 keyframes from 2 videos" in text
        assert "Others stand for 1 video. 1 video failed." in text
        told = (
            f"1 video without a keyframe All were pooled, and others show what is in them. {pooled}"
        )
        assert f"{told} none: others stand for it 1 video failed" in text
        scene = make_scene(pooled.name)
        scene.record["video"]["path"] = str(pooled)
        write_folder(tmp_path, scene, "b")
        assert "thers stand for" not in write_index(tmp_path).read_text(encoding="utf-8")

    def test_stays_true_of_the_only_video_that_is_left(self, tmp_path):
        a, bad = make_scene("a.mp4"), tmp_path / "bad.mp4"
        bad.write_text("no video")
        assert "2 videos failed" in plain(
            write_index(tmp_path, {str(bad): "none", "c.mp4": "gone"}).read_text(encoding="utf-8")
        )
        write_folder(tmp_path, a, "a")
        text = plain(write_index(tmp_path).read_text(encoding="utf-8"))
        assert "4 keyframes from 1 video" in text
        assert "1 video failed" in text
        bad.unlink()
        write_folder(tmp_path, make_scene("b.mp4"), "b")
        assert "from 2 videos" in write_index(tmp_path).read_text(encoding="utf-8")
        OutputFolder(tmp_path, "b").record.unlink()
        assert "from 1 video" in write_index(tmp_path).read_text(encoding="utf-8")

    def test_reads_no_picture_again_where_nothing_is_new(self, tmp_path, monkeypatch):
        scenes = {stem: make_scene(f"{stem}.mp4") for stem in "ab"}
        for stem, scene in scenes.items():
            write_folder(tmp_path, scene, stem)
        page = write_index(tmp_path)
        before = page.read_bytes()
        (tmp_path / scenes["a"].record["keyframes"][0]["image"]).write_bytes(b"no picture")
        monkeypatch.chdir(tmp_path)
        assert write_index(Path()) == Path("index.html")
        assert page.read_bytes() == before
        scenes["b"].record["warnings"] = ["the video is damaged"]
        write_folder(tmp_path, scenes["b"], "b")
        text = write_index(tmp_path).read_text(encoding="utf-8")
        assert text.count("data:image/jpeg") == 7
        assert "1 video with a warning" in plain(text)

    def test_is_refused_beforehand_where_another_page_is_in_its_place(self, tmp_path):
        (tmp_path / "index.html").write_text("<!DOCTYPE html><title>mine</title>")
        a, b = (OutputFolder(tmp_path, stem) for stem in "ab")
        check_index(tmp_path, [a])
        with pytest.raises(OutputError, match=r"index\.html: exists and was not written by"):
            check_index(tmp_path, [a, b])
        write_folder(tmp_path, make_scene("a.mp4"), "a")
        check_index(tmp_path, [a])
        with pytest.raises(OutputError, match="was not written by"):
            check_index(tmp_path, [b])

    def test_an_empty_folder_is_refused(self, tmp_path):
        with pytest.raises(OutputError, match="holds no finished keyframes"):
            render_index(tmp_path)


def test_page_of_the_choice_of_k_shows_both_curves():
    scores = tuple(Score(k, 100 / k, 1 - 1 / k, 0.1 * (k == 3)) for k in (2, 3, 5))
    asked = Settings(seed=7, width=32).to_json()
    text = render_choice(HOSTILE, ChoiceOfK(3, scores, 60, 50), asked, f"choose-k {HOSTILE}")
    told = "What was asked features hog seed 7 step auto width 32 To do it again choose-k"
    assert told in plain(text)
    assert text.count("<polyline") == 2
    assert "elbow: k = 3" in text
    assert "highest: k = 3" in text
    assert "3 · elbow 33.333 66.7 % 0.100 5 20.000 80.0 % 0.000" in plain(text)
    assert "<script" not in text
    assert "hacked()>" not in text


class TestCheckPage:
    def test_ours_may_be_replaced(self, tmp_path):
        check_page(tmp_path / "new.html")
        check_page(write_folder(tmp_path, make_scene(), "v"))

    def test_others_may_not(self, tmp_path):
        path = tmp_path / "theirs.html"
        path.write_text("<!DOCTYPE html><title>mine</title>")
        with pytest.raises(OutputError, match="was not written by keyframes"):
            check_page(path)
        with pytest.raises(OutputError, match=r"ends in \.html"):
            check_page(tmp_path / "plot.png")


def test_shortfall_is_said():
    scene = make_scene()
    scene.selection = replace(scene.selection, n_asked=9)
    assert "4 of 9 asked for" in plain(scene.render())
