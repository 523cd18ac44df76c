"""Bars: what is drawn, and what the time that is left is reckoned with."""

import re

import pytest

from keyframes.progress import READING, ProgressBars


@pytest.fixture
def videos(tmp_path):
    paths = [tmp_path / "day1" / "cam.mp4", tmp_path / "day2" / "cam.mp4"]
    for path, n_bytes in zip(paths, (1000, 3000), strict=True):
        path.parent.mkdir()
        path.write_bytes(bytes(n_bytes))
    return paths


def test_bar_over_all_goes_by_bytes_and_reckons_only_with_what_was_work(videos):
    with ProgressBars(videos, shown=True) as bars:
        overall = bars._overall.bar
        bars(videos[1], "reading", 0, 0)
        bars(videos[1], "reading", 50, 100)
        bars(videos[1], "writing", 1, 20)
        assert (overall.n, overall.initial, overall.total) == (2713, 0, 4000)
        bars.finish(videos[0], was_work=False)
        assert (overall.n, overall.initial) == (3713, 1000)
        bars.finish(videos[1], was_work=True)
        assert (overall.n, overall.initial) == (4000, 1000)


def test_bar_over_all_moves_with_every_stage_and_is_full_only_when_all_is_done(videos):
    with ProgressBars(videos, shown=True) as bars:
        overall, shown = bars._overall.bar, []
        steps = [("reading", 0, 0), ("reading", 1, 1), ("clustering", 0, 0), ("clustering", 3, 3)]
        for step in [*steps, ("writing", 5, 10), ("writing", 10, 10)]:
            for video in videos:
                bars(video, *step)
            shown.append(overall.desc)
        assert shown == [f"0 of 2 videos: {percent:3d}%" for percent in (0, 80, 80, 90, 94, 99)]
        for video in videos:
            bars.finish(video, was_work=True)
        assert overall.desc == "2 of 2 videos: 100%"


def test_a_video_that_is_known_is_soon_where_choosing_begins(videos):
    with ProgressBars(videos, shown=True) as bars:
        bars(videos[1], "reading", 0, 0)
        bars(videos[1], "clustering", 0, 0)
        assert bars._overall.bar.desc == "0 of 2 videos:  60%"


def test_each_running_video_has_a_bar_of_its_own(videos, capsys):
    with ProgressBars(videos, shown=True) as bars:
        for video in videos:
            bars(video, "reading", 10, 40)
        bars.finish(videos[0], was_work=True)
        bars(videos[0], "writing", 20, 20)  # told late: it doesn't come back
        assert list(bars._bars) == [videos[1]]
        bars(videos[1], "clustering", 0, 3)
        assert (bars._bars[videos[1]].n, bars._bars[videos[1]].total) == (0, 3)
    drawn = capsys.readouterr().err
    for part in ("0 of 2 videos: ", "1 of 2 videos: ", "day1/cam: reading: ", "day2/cam: cluster"):
        assert part in drawn


def test_bars_have_a_name_and_no_figures_before_there_are_any(videos, capsys):
    with ProgressBars(videos, shown=True) as bars:
        bars(videos[0], "reading", 0, 0)
        bars(videos[0], "reading", 10, 40)
        bars(videos[0], "clustering", 0, 0)
    drawn = capsys.readouterr().err
    lines = [line.strip() for line in re.split(r"[\r\n]|\x1b\[A", drawn) if line.strip()]
    assert all(re.match("0 of 2 videos: |day1/cam: [rc]", line) for line in lines)
    assert "day1/cam: reading [00:00]" in lines
    assert "| 0/40 [" in drawn
    assert "?/" not in drawn
    assert "/?" not in drawn


def test_nothing_is_drawn_where_nobody_looks(videos, capsys):
    with ProgressBars(videos, shown=False) as bars:
        bars(videos[0], "reading", 10, 40)
        bars.finish(videos[0], was_work=True)
    assert capsys.readouterr().err == ""


def test_a_command_that_only_reads_fills_the_bar_by_reading(videos):
    with ProgressBars(videos, shown=True, spans=READING) as bars:
        overall = bars._overall.bar
        bars(videos[1], "reading", 50, 100)
        assert overall.n == 1500
        bars(videos[1], "reading", 100, 100)
        assert overall.n == 3000
