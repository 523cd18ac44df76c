"""Labelling projects as where videos come from."""

import pytest

from keyframes.projects import plan_project_jobs
from keyframes.records import Crop
from keyframes.settings import Settings

pytest.importorskip("ruamel.yaml", reason="needs the extra dlc")


@pytest.mark.parametrize(
    ("crop", "expected"),
    [("0, 96, 0, 64", None), ("0, 96, 0, 60", Crop(0, 0, 96, 60))],
    ids=["whole picture", "part"],
)
def test_crop_of_the_whole_picture_is_none(crop, expected, make_video, tmp_path):
    video = make_video(tmp_path / "a.mp4", n_frames=2)
    config = tmp_path / "config.yaml"
    entry = f"video_sets:\n  {video}:\n    crop: {crop}\n"
    config.write_text(f"Task: Reach\nscorer: me\n{entry}start: 0\nstop: 1\nnumframes2pick: 2\n")
    (job,), missing = plan_project_jobs(config, tmp_path / "out", Settings(), given=())
    assert (job.settings.crop, job.settings.count, missing) == (expected, 2, ())
