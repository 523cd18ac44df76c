"""Projects as targets: checked before frames are read, and grown by frames that are new to them."""

import json
import sys
from pathlib import Path

import pytest

from export_helpers import extract_videos, snapshot, strip_digest
from footage import encode_video
from keyframes import Crop, MissingExtraError, OutputError, Settings, SettingsError, extract
from keyframes.batch import Outcome, extracting, find_outcome, run_jobs
from keyframes.export import EXPORTERS, export
from keyframes.jobs import Job
from keyframes.projects import (
    Target,
    check_targets,
    export_outcomes,
    hold_frames,
    plan_project_jobs,
)

sio = pytest.importorskip("sleap_io", reason="needs the extra sleap")
yaml = pytest.importorskip("ruamel.yaml", reason="needs the extra dlc")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return [encode_video(folder / name, 40, hold=10) for name in ("mouse.mp4", "rat_top.mp4")]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return extract_videos(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_project(folder: Path, *keys: object) -> Path:
    folder.mkdir(parents=True)
    sets = "".join(f"  {key}:\n    crop: 0, 96, 0, 64\n" for key in keys)
    text = f"Task: Reach\nvideo_sets:\n{sets}" if keys else "Task: Reach\nvideo_sets: {}\n"
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return folder


def check(tool, destination, videos, settings=None, find=find_outcome, **options):
    """Check a target for videos of which nothing is there yet."""
    jobs = [Job(video, Path("out"), settings or Settings(count=4)) for video in videos]
    check_targets([Target(tool, Path(destination), options)], jobs, Path("out"), find)


def dlc_project_without_the_videos(finished):
    make_project(Path("to"))
    return {"add_videos": False}


def dlc_project_with_another_mouse(finished):
    make_project(Path("to"), "/elsewhere/mouse.avi")


def dlc_project_with_smaller_frames(finished):
    frames = make_project(Path("to")) / "labeled-data" / "mouse"
    cropped = Settings(count=2, crop=Crop(0, 0, 32, 32), crop_output=True)
    extract(finished.parent / "mouse.mp4", "smaller", cropped)
    frames.parent.mkdir()
    Path("smaller/labeled-data/mouse").rename(frames)


def dlc_project_of_mixed_padding(finished):
    frames = make_project(Path("to")) / "labeled-data" / "mouse"
    frames.mkdir(parents=True)
    for name in ("img01.png", "img0002.png"):
        (frames / name).write_bytes((finished / "labeled-data/mouse/img000005.png").read_bytes())


def lightning_project_of_another_animal(finished):
    export("lightning-pose", finished, Path("to"), keypoints=["wing"])
    return {"keypoints": ["paw"]}


def lightning_folder_of_another_video(finished):
    export("lightning-pose", finished, Path("to"))
    frames = Path("to/labeled-data/rat").rename("to/labeled-data/rat_top")
    for picture in frames.iterdir():
        strip_digest(picture)


def lightning_queue_that_is_none(finished):
    Path("to").mkdir()
    Path("to/CollectedData.unlabeled.jsonl").write_text("my notes", encoding="utf-8")


def views_that_are_not_all_there(finished):
    return {"views": ["top", "side"]}


def their_tasks(finished):
    Path("to/annotations").mkdir(parents=True)
    for name in ("annotations/instances_default.json", "annotations.xml", "tasks.xml"):
        Path("to", name).write_text("theirs", encoding="utf-8")


def our_tasks_of_other_videos(finished):
    for tool in ("coco", "cvat", "label-studio"):
        export(tool, finished, Path("to"))


@pytest.mark.parametrize(
    ("tool", "prepare", "message"),
    [
        ("deeplabcut", None, "create_new_project"),
        ("deeplabcut", dlc_project_without_the_videos, r"video_sets has no mouse\.mp4"),
        ("deeplabcut", dlc_project_with_another_mouse, "would share the folder"),
        ("deeplabcut", dlc_project_with_smaller_frames, "32×32 pixels, the keyframes are 96×64"),
        ("deeplabcut", dlc_project_of_mixed_padding, "2 and 4 digits"),
        ("lightning-pose", lightning_project_of_another_animal, "has the keypoints wing"),
        ("lightning-pose", lightning_folder_of_another_video, r"holds frames of rat\.mp4"),
        ("lightning-pose", lightning_queue_that_is_none, "no queue"),
        ("lightning-pose", views_that_are_not_all_there, "ends with none of the views"),
        ("coco", their_tasks, "not written by keyframes"),
        ("cvat", their_tasks, "not written by keyframes"),
        ("label-studio", their_tasks, "not written by keyframes"),
        ("coco", our_tasks_of_other_videos, "--overwrite"),
        ("cvat", our_tasks_of_other_videos, "--overwrite"),
        ("label-studio", our_tasks_of_other_videos, "--overwrite"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_would_be_refused_in_the_end_is_refused_first(
    finished, videos, tool, prepare, message
):
    options = (prepare(finished) if prepare else None) or {}
    with pytest.raises((OutputError, SettingsError), match=message):
        check(tool, "to", [finished.parent / "mouse.mp4", videos[1]], **options)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("name", "message"), [("a.h5", "name"), ("notes.slp", "no SLEAP file"), ("p.pkg.slp", "added")]
)
@pytest.mark.usefixtures("here")
def test_a_sleap_file_that_cannot_take_the_frames_is_refused_first(finished, videos, name, message):
    Path("notes.slp").write_text("my notes", encoding="utf-8")
    export("sleap", finished, Path("p.pkg.slp"))
    with pytest.raises((OutputError, SettingsError), match=message):
        check("sleap", name, videos)


@pytest.mark.usefixtures("here")
def test_cut_pictures_are_refused_for_a_package_first(videos):
    cropped = Settings(crop=Crop(0, 0, 32, 32), crop_output=True)
    with pytest.raises(OutputError, match="crop-output"):
        check("sleap", "new.pkg.slp", videos, cropped)


@pytest.mark.usefixtures("here")
def test_pictures_beside_a_task_file_elsewhere_are_refused_first(videos):
    with pytest.raises(OutputError, match="don't lie below it"):
        check("coco", "elsewhere/mine.json", videos)
    check("coco", "mine.json", videos)


@pytest.mark.parametrize("tool", ["sleap", "lightning-pose", "coco"])
@pytest.mark.usefixtures("here")
def test_a_place_that_cannot_be_written_is_refused_first(videos, tool):
    Path("file").write_text("in the way", encoding="utf-8")
    with pytest.raises(OutputError, match="is no folder"):
        check(tool, "file/below/to.slp", videos)


@pytest.mark.usefixtures("here")
def test_a_missing_package_is_missed_first(videos, monkeypatch):
    monkeypatch.setitem(sys.modules, "sleap_io", None)
    with pytest.raises(MissingExtraError, match="sleap"):
        check("sleap", "new.slp", videos)


@pytest.mark.usefixtures("here")
def test_views_need_listed_frames(videos):
    side = encode_video(Path("rat_side.mp4"), 40)
    views = {"views": ["top", "side"]}
    with pytest.raises(OutputError, match="keyframes match"):
        check("lightning-pose", "to", [videos[1], side], **views)
    check("lightning-pose", "to", [videos[1], side], Settings(frames=(3, 5)), **views)


@pytest.mark.parametrize("tool", EXPORTERS)
@pytest.mark.usefixtures("here")
def test_what_fits_is_not_refused(videos, tool):
    make_project(Path("to"))
    check(tool, "new.slp" if tool == "sleap" else "to", videos)


@pytest.mark.usefixtures("here")
def test_where_nothing_new_can_come_nothing_is_refused(finished, videos):
    """As when the same command is given again, with a video that can't be read."""
    export("coco", finished, Path("to"))
    bad = Path("bad.mp4")
    bad.write_text("no video", encoding="utf-8")

    def find(job):
        return None if job.video == bad else Outcome(job, is_new=False)

    check("coco", "to", [*videos, bad], find=find)
    with pytest.raises(OutputError, match="--overwrite"):
        check("coco", "to", [*videos, bad], find=lambda _: None)


def test_without_a_target_no_video_is_looked_at(tmp_path):
    jobs = [Job(tmp_path / "absent.mp4", tmp_path, Settings())]
    check_targets([], jobs, tmp_path, lambda _: pytest.fail("looked up"))


@pytest.mark.parametrize("tool", ["deeplabcut", "sleap"])
def test_a_project_grows_by_frames_unlike_those_it_has(here, videos, tool):
    """The video shows four pictures, ten frames each; the project has two of the first one."""
    mouse = videos[0]
    if tool == "deeplabcut":
        destination = make_project(here / "to", mouse)
        first = extract(mouse, "first", Settings(frames=(2, 7)))
    else:
        destination = here / "to.slp"
        video = sio.Video(str(mouse))
        frame = sio.LabeledFrame(video=video, frame_idx=2, instances=[])
        labels = sio.Labels([frame], suggestions=[sio.SuggestionFrame(video, 7)])
        labels.save(str(destination), verbose=False)
    target = Target(tool, destination)
    if tool == "deeplabcut":
        export(tool, Path("first"), destination)
        assert first.frame_indices == [2, 7]
    (job,) = hold_frames([Job(mouse, Path("out"), Settings(count=5))], [target], anew=True)
    assert job.settings.held == (2, 7)
    outcomes = list(run_jobs([job], extracting()))
    chosen = outcomes[0].selection.frame_indices
    assert {2, 7} < set(chosen)
    assert sorted(frame // 10 for frame in chosen) == [0, 0, 1, 2, 3]

    record = json.loads(Path("out/mouse.json").read_text("utf-8"))
    assert record["identity"]["settings"]["held"] == [2, 7]
    distances = {row["frame_index"]: row["distance"] for row in record["keyframes"]}
    assert (distances[2], distances[7]) == (0, 0)

    export_outcomes(target, outcomes, Path("out"))
    (again,) = hold_frames([job], [target], anew=True)
    assert again.settings.held == tuple(chosen)
    assert find_outcome(again).selection.frame_indices == chosen, "nothing is left to do"
    before = snapshot(here)
    assert export_outcomes(target, outcomes, Path("out")).written == ()
    assert snapshot(here) == before


@pytest.mark.parametrize("tool", ["deeplabcut", "sleap"])
def test_what_a_person_labels_later_leaves_a_finished_run_finished(here, videos, tool):
    mouse, to = videos[0], here / "to.slp"
    if tool == "deeplabcut":
        to = make_project(here / "to", mouse)
    target, job = Target(tool, to), Job(mouse, Path("out"), Settings(count=3))
    (outcome,) = run_jobs([job], extracting())
    export_outcomes(target, [outcome], Path("out"))
    theirs = next(n for n in range(40) if n not in outcome.selection.frame_indices)
    extract(mouse, "theirs", Settings(frames=(theirs,)))
    export(tool, Path("theirs"), to)
    (again,) = hold_frames([job], [target], anew=False)
    assert find_outcome(again).selection.frame_indices == outcome.selection.frame_indices
    (grown,) = hold_frames([job], [target], anew=True)
    assert theirs in grown.settings.held
    other = Target(tool, to.rename(to.with_name(f"other{to.suffix}")))
    (elsewhere,) = hold_frames([job], [other], anew=False)
    assert theirs in elsewhere.settings.held, "chosen without a look at what is there"


@pytest.mark.usefixtures("here")
def test_listed_frames_stay_themselves_whatever_the_project_holds(videos):
    project = make_project(Path("to"), videos[0])
    extract(videos[0], "first", Settings(frames=(2, 7)))
    export("deeplabcut", Path("first"), project)
    job = Job(videos[0], Path("out"), Settings(frames=(30,)))
    assert hold_frames([job], [Target("deeplabcut", project)], anew=True) == [job]


def test_groups_stay_one_each_when_a_sleap_file_grows(here, videos):
    target = Target("sleap", here / "to.slp")
    groups = []
    for count in (2, 4):
        settings = Settings(count=count)
        (job,) = hold_frames([Job(videos[0], Path("out"), settings)], [target], anew=True)
        outcomes = list(run_jobs([job], extracting(grow=True)))
        export_outcomes(target, outcomes, Path("out"))
        labels = sio.load_slp("to.slp", open_videos=False)
        groups.append([s.metadata["group"] for s in labels.suggestions])
    assert len({s.frame_idx // 10 for s in labels.suggestions}) == 4
    assert sorted(groups[1]) == [0, 1, 2, 3]
    assert groups[1][:2] == groups[0]


def test_a_project_is_read_once_for_all_videos(here, videos, monkeypatch):
    export("sleap", extract_videos(here / "some"), here / "to.slp")
    loads = []
    load = sio.load_slp
    monkeypatch.setattr(sio, "load_slp", lambda *a, **k: loads.append(a) or load(*a, **k))
    jobs = [Job(video, Path("out"), Settings()) for video in videos]
    hold_frames(jobs, [Target("sleap", here / "to.slp")], anew=True)
    assert len(loads) == 1


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


def test_a_crop_that_is_no_part_of_the_picture_names_the_project_and_stops_no_other(
    make_video, tmp_path
):
    names = ("a.mp4", "b.mp4")
    videos = [make_video(tmp_path / name, n_frames=2) for name in names]
    config = tmp_path / "config.yaml"
    crops = zip(videos, ("0, 97, 0, 64", "0, 9, 0, 8"), strict=True)
    entries = "".join(f"  {video}:\n    crop: {crop}\n" for video, crop in crops)
    config.write_text(f"Task: Reach\nscorer: me\nvideo_sets:\n{entries}start: 0\nstop: 1\n")
    (job,), (wrong,) = plan_project_jobs(config, tmp_path / "out", Settings(), given=())
    assert (job.video, job.settings.crop) == (videos[1], Crop(0, 0, 9, 8))
    assert wrong.job.video == videos[0]
    assert str(wrong.error) == (
        f"{config}: the crop of {videos[0]} is '0, 97, 0, 64' (x1, x2, y1, y2), no part of its "
        "96×64 pixels; correct it, or give --crop"
    )
