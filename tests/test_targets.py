"""Straight from recordings into labelling tools: `extract` with what `export` takes."""

import csv
import json
import os
import re
import shlex
import shutil
from itertools import takewhile
from pathlib import Path

import pytest

from export_helpers import snapshot
from footage import encode_video

sio = pytest.importorskip("sleap_io", reason="needs the extra sleap")
yaml = pytest.importorskip("ruamel.yaml", reason="needs the extra dlc")

CONFIG = """\
# a comment
video_sets:
  {}:
    crop: 0, 96, 0, 64
numframes2pick: 3   # another one
start: 0.25
stop: 0.75
"""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    for name in ("day1/mouse.mp4", "day2/rat.mp4"):
        (folder / name).parent.mkdir()
        encode_video(folder / name, 40, first_number=len(name))
    return folder


@pytest.fixture
def project(tmp_path, recordings):
    """A DeepLabCut project that has the mouse."""
    folder = tmp_path / "project"
    folder.mkdir()
    text = CONFIG.format(recordings / "day1" / "mouse.mp4")
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return folder


def frames_in(folder):
    return sorted(int(path.stem.removeprefix("img")) for path in folder.glob("*.png"))


def test_a_deeplabcut_project_says_all_that_is_asked(run, project):
    code, _, errors = run("extract", "--dlc", project / "config.yaml")
    assert code == 0, errors
    frames = frames_in(project / "labeled-data" / "mouse")
    assert len(frames) == 3
    assert min(frames) >= 10
    assert max(frames) < 30
    before = snapshot(project)
    assert "keyframes-out/mouse.json" in before
    assert run("extract", "--dlc", project)[0] == 0
    assert snapshot(project) == before


def test_a_video_that_a_project_lacks_fails_in_one_share(run, project):
    config = project / "config.yaml"
    text = config.read_text("utf-8")
    config.write_text(text.replace("video_sets:\n", "video_sets:\n  /gone.mp4:\n    crop: ''\n"))
    for index in (0, 1):
        code, _, errors = run("extract", "--dlc", project, "--jobs", 1, "--shard", f"{index}/2")
        assert (code, "gone.mp4: is in" in errors) == ((1, True) if index == 0 else (0, False))


def test_videos_join_a_deeplabcut_project_or_are_refused_first(run, project, recordings):
    rat = recordings / "day2" / "rat.mp4"
    before = snapshot(project)
    for options in ([], ["--dry-run"]):
        code, _, errors = run("extract", rat, "--dlc", project, "--no-add-videos", *options)
        assert code == 2
        assert "video_sets has no rat.mp4" in errors
        assert errors.count("\n") == 1
    assert snapshot(project) == before
    assert not (project / "keyframes-out").exists()

    code, _, errors = run("extract", rat, "--dlc", project)
    assert code == 0, errors
    assert len(frames_in(project / "labeled-data" / "rat")) == 3, "as many as the project asks for"
    assert not (project / "labeled-data" / "mouse").exists()
    config = (project / "config.yaml").read_text(encoding="utf-8")
    assert "numframes2pick: 3   # another one" in config
    assert [Path(key).name for key in yaml.YAML(typ="safe").load(config)["video_sets"]] == [
        "mouse.mp4",
        "rat.mp4",
    ]


def test_recordings_of_one_name_cannot_share_a_deeplabcut_project(run, project, recordings):
    twins = [project / day / "rat.mp4" for day in ("day1", "day2")]
    for twin in twins:
        twin.parent.mkdir()
        shutil.copy(recordings / "day2" / "rat.mp4", twin)
    code, _, errors = run("extract", project, "--recursive", "--dlc", project)
    assert code == 2
    assert f"{twins[0]} and {twins[1]} would share labeled-data/rat of {project}" in errors
    assert errors.rstrip().endswith("rename one of them, or use a project for each")


def test_new_frames_are_told_from_those_that_the_project_has(run, project, recordings):
    mouse = recordings / "day1" / "mouse.mp4"
    run("extract", mouse, "--frames", "1,2,3,4,5", "--dlc", project, "-o", "listed")
    _, _, errors = run("extract", "--dlc", project)
    assert "mouse.mp4: nothing to add: the project has 5 frames of this video already" in errors
    code, _, errors = run("extract", "--dlc", project)
    assert code == 0
    assert f"deeplabcut: 5 keyframes of 1 video are in {project}; nothing had to be" in errors
    code, _, errors = run("extract", "--dlc", project, "-k", 7, "--grow")
    assert "mouse.mp4: 7 keyframes (2 new)\n" in errors
    code, _, errors = run("extract", "--dlc", project)
    assert code != 0
    assert "other settings (-k 7, now 3); keep or add to them with --grow" in errors
    assert run("extract", "--dlc", project, "--grow")[0] == 0


def test_a_project_says_itself_how_pictures_are_cut(run, project):
    code, _, errors = run("extract", "--dlc", project, "--crop-output")
    assert code == 2
    assert "leave out --crop-output" in errors


def test_a_dry_run_tells_of_exports(run, recordings):
    command = ["extract", recordings / "day1", "--export", "coco", "tasks", "--dry-run"]
    assert "\ncoco: would be exported to tasks\n" in run(*command)[1]
    document = json.loads(run(*command, "--json")[1])
    assert document["exports"] == [{"format": "coco", "destination": "tasks"}]


def test_a_video_that_the_project_misses_stops_no_other(run, project):
    config = project / "config.yaml"
    text = config.read_text(encoding="utf-8")
    gone = "  /gone/fly.avi:\n    crop: 0, 9, 0, 9\nnumframes2pick"
    config.write_text(text.replace("numframes2pick", gone), encoding="utf-8")
    for options in (["--dry-run"], []):
        code, output, errors = run("extract", "--dlc", config, "--json", *options)
        assert code == 1
        assert "/gone/fly.avi: is in" in errors
        document = json.loads(output)
        assert [failure["video"] for failure in document["failed"]] == [str(Path("/gone/fly.avi"))]
        assert len(document["videos"]) == 1
    assert len(frames_in(project / "labeled-data" / "mouse")) == 3


def test_a_broken_video_that_a_project_knows_stops_no_other(run, recordings):
    moved = sio.Video("/gone/mouse.mp4", open_backend=False)
    moved.backend_metadata = {"type": "MediaVideo", "shape": [40, 64, 96, 3]}
    sio.Labels(videos=[moved]).save("a.slp", verbose=False)
    Path("two").mkdir()
    shutil.copyfile(recordings / "day2" / "rat.mp4", "two/rat.mp4")
    Path("two/mouse.mp4").write_text("no video", encoding="utf-8")
    code, _, errors = run("extract", "two", "-k", 2, "--jobs", 1, "--export", "sleap", "a.slp")
    assert code == 1
    assert errors.splitlines()[-1].startswith("keyframes: 1 of 2 videos failed: ")
    assert "2 frames suggested" in errors


def test_a_video_that_may_not_be_read_stops_no_other(run, project, recordings):
    Path("two").mkdir()
    for name in ("day1/mouse.mp4", "day2/rat.mp4"):
        shutil.copyfile(recordings / name, Path("two", Path(name).name))
    mouse = Path("two/mouse.mp4")
    mouse.chmod(0)
    if os.access(mouse, os.R_OK):
        pytest.skip("this user may read all files")
    code, _, errors = run("extract", "two", "--jobs", 1, "--dlc", project)
    assert code == 1
    assert errors.splitlines()[-1] == f"keyframes: 1 of 2 videos failed: {mouse}"
    assert len(frames_in(project / "labeled-data" / "rat")) == 3


def test_shares_are_exported_when_all_are_there(run, recordings):
    command = ["extract", recordings, "--recursive", "-k", 2, "--export", "sleap", "a.slp"]
    for index in (0, 1):
        assert run(*command, "--shard", f"{index}/2")[0] == 0
        assert not Path("a.slp").exists()
    code, _, errors = run(*command)
    assert code == 0
    assert "4 frames suggested" in errors


def test_a_video_that_has_moved_is_exported_from_where_it_is(run, recordings, tmp_path):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        shutil.copyfile(recordings / "day1" / "mouse.mp4", tmp_path / folder / "mouse.mp4")
    run("extract", tmp_path / "here" / "mouse.mp4", "-k", 2)
    shutil.rmtree(tmp_path / "here")
    command = ["extract", tmp_path / "there" / "mouse.mp4", "-k", 2, "--export", "sleap", "a.slp"]
    code, _, errors = run(*command)
    assert code == 0, errors
    labels = sio.load_slp("a.slp", open_videos=False)
    assert Path(labels.videos[0].filename) == tmp_path / "there" / "mouse.mp4"


def test_several_tools_at_once_and_what_they_got_as_json(run, recordings):
    command = [
        *("extract", recordings, "--recursive", "--tree", "--jobs", 1, "-k", 2, "--json", "-q"),
        *("--export", "sleap", "new/labels.pkg.slp"),
        *("--export", "lightning-pose", "lp", "--context", 1, "--keypoints", "nose,tail"),
        *("--export", "coco", "coco"),
    ]
    code, output, errors = run(*command)
    assert (code, errors) == (0, "")
    sleap, _, coco = json.loads(output)["exports"]
    assert sleap == {
        "format": "sleap",
        "destination": str(Path("new", "labels.pkg.slp")),
        "written": [str(Path("new", "labels.pkg.slp"))],
        "kept": [],
        "notes": ["4 frames suggested"],
    }
    assert len(list(Path("lp").rglob("*.png"))) > 4, "neighbours, too"
    assert len(coco["written"]) == 5
    document = json.loads(Path("coco/annotations/instances_default.json").read_text("utf-8"))
    assert {image["file_name"].rpartition("/")[0] for image in document["images"]} == {
        "day1/mouse",
        "day2/rat",
    }
    assert document["categories"][0]["keypoints"] == ["nose", "tail"]

    before = snapshot(Path.cwd())
    code, output, _ = run(*command)
    assert code == 0
    assert [each["written"] for each in json.loads(output)["exports"]] == [[], [], []]
    assert snapshot(Path.cwd()) == before
    # What is in the folders of a tree is found by the other command, too.
    assert run("export", "coco", "keyframes-out", "-o", "coco", "--keypoints", "nose,tail")[0] == 0
    assert snapshot(Path.cwd()) == before


def test_options_that_no_tool_takes_are_refused(run, recordings):
    for arguments, message in [
        (["--context", 1], "--context means nothing to extract without --export"),
        (["--views", "a,b", "--context", 1], "--context means nothing"),  # always the same one
        (["--no-add-videos", "--export", "coco", "x"], "--no-add-videos means nothing to coco"),
    ]:
        code, _, errors = run("extract", recordings / "day1", *arguments)
        assert code == 2
        assert message in errors
        assert errors.count("\n") == 1


@pytest.mark.parametrize("tool", ["coco", "cvat", "label-studio", "lightning-pose"])
def test_where_no_folder_can_be_made_nothing_is_begun(run, recordings, tool):
    Path("afile").touch()
    named = {
        "afile": "afile is no folder; choose another place",
        "a.txt": "a.txt: would be a folder of a file's name; name a folder",
    }
    for destination, message in named.items():
        code, _, errors = run("extract", recordings / "day1", "--export", tool, destination)
        assert code == 2
        assert message in errors
        assert errors.count("\n") == 1
        assert not Path("keyframes-out").exists()
    run("extract", recordings / "day1", "-k", 2)
    code, _, errors = run("export", tool, "keyframes-out", "-o", "a.txt")
    assert code == 2
    assert "a.txt: would be" in errors


def test_an_export_that_fails_stops_nothing_and_is_told(run, recordings):
    run("extract", recordings / "day1", "-k", 2)
    Path("coco/annotations").mkdir(parents=True)
    Path("coco/annotations/instances_default.json").write_text("theirs", encoding="utf-8")
    code, output, errors = run(
        *("extract", recordings / "day1", "-k", 2, "--json"),
        *("--export", "coco", "coco", "--export", "sleap", "a.slp"),
    )
    assert code == 1
    assert "not written by keyframes" in errors
    coco, sleap = json.loads(output)["exports"]
    assert "not written by keyframes" in coco["error"]
    assert sleap["written"] == ["a.slp"]


def test_a_file_that_the_system_refuses_stops_no_other_export(run, recordings):
    run("extract", recordings / "day1", "-k", 2)
    Path("lp/project.yaml").mkdir(parents=True)
    code, output, errors = run(
        *("extract", recordings / "day1", "-k", 2, "--json"),
        *("--export", "lightning-pose", "lp", "--export", "coco", "coco"),
    )
    assert code == 1
    assert "project.yaml: " in errors
    pose, coco = json.loads(output)["exports"]
    assert "check the path, its permissions and the disk" in pose["error"]
    assert len(coco["written"]) > 2


def test_a_pool_goes_into_a_project_once(run, recordings):
    command = [
        *("extract", recordings, "--recursive", "--tree", "--jobs", 1, "--pool", "-k", 4),
        *("--export", "sleap", "pool.slp"),
    ]
    assert run(*command)[0] == 0
    before = snapshot(Path.cwd())
    code, _, errors = run(*command)
    assert code == 0, errors
    assert snapshot(Path.cwd()) == before
    code, _, errors = run(*command, "-o", "elsewhere")
    assert code == 2
    assert "a pool starts from nothing" in errors


def test_each_video_gets_its_own_listed_frames(run, recordings):
    Path("list.csv").write_text("video,frame\nmouse,3\nrat.mp4,9\nmouse,21\n", encoding="utf-8")
    code, _, errors = run("extract", recordings, "--recursive", "--jobs", 1, "--frames", "list.csv")
    assert code == 0, errors
    with Path("keyframes-out/mouse.csv").open(encoding="utf-8", newline="") as file:
        assert [row["frame_index"] for row in csv.DictReader(file)] == ["3", "21"]
    assert frames_in(Path("keyframes-out/labeled-data/rat")) == [9]


def test_a_frame_beyond_the_video_is_named(run, recordings):
    code, _, errors = run("extract", recordings / "day1", "--frames", "3,40", "-q")
    assert code == 1
    assert "mouse.mp4: has no frame 40; its 40 frames are numbered from 0 to 39" in errors
    assert errors.count("\n") == 1
    code, _, errors = run("extract", recordings / "day1", "--frames", "none.csv")
    assert code == 2
    assert "nor a file that is there" in errors
    assert errors.count("\n") == 1


def test_frames_of_a_list_are_written_again_whatever_a_project_holds(run, project, recordings):
    run("extract", "--dlc", project, "-o", "first")
    command = ["extract", recordings / "day1", "--frames", "1,2", "--dlc", project]
    for _ in range(2):
        code, _, errors = run(*command)
        assert code == 0, errors
    assert frames_in(project / "keyframes-out" / "labeled-data" / "mouse") == [1, 2]
    assert {1, 2} < set(frames_in(project / "labeled-data" / "mouse"))


def recipes():
    """Return the blocks of commands in the README's section on labelling tools."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Into your labelling tool")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.splitlines()[-1][:20])
def test_the_recipes_of_the_readme(run, tmp_path, recordings, recipe):
    mouse = recordings / "day1" / "mouse.mp4"
    for name in ("recordings/mouse.mp4", "day1_camA.mp4", "day1_camB.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(mouse, tmp_path / name)
    project = tmp_path / "walking-me-2025-01-31"
    project.mkdir()
    (project / "config.yaml").write_text(CONFIG.format(mouse), encoding="utf-8")
    for command in recipe.splitlines():
        program, *words = shlex.split(command, comments=True)
        if program == "keyframes":
            code, _, errors = run(*words)
            assert code == 0, errors
        elif program in ("napari", "sleap-label"):
            opened = takewhile(lambda word: not word.startswith("--"), words)
            assert all(Path(word).exists() for word in opened), command
