from pathlib import Path

import cv2
import numpy as np
import pytest

from export_helpers import extract_cropped, extract_videos, snapshot, strip_digest
from footage import encode_video
from keyframes import Crop, OutputError, Settings, SettingsError, Span, extract
from keyframes.export import export
from keyframes.export.deeplabcut import existing_frames
from keyframes.export.dlc_project import read_project
from keyframes.export.results import read_results
from keyframes.video import Position

yaml = pytest.importorskip("ruamel.yaml", reason="needs the extra dlc")

CONFIG = """\
# Project definitions (do not edit)
Task: Reach
scorer: me
multianimalproject: {multi}

# Project path (change when moving around)
project_path: /nowhere/any/more

# Annotation data set configuration
video_sets:{videos}
bodyparts: {bodyparts}
start: 0.07
stop: 0.5   # half of it
numframes2pick: 7
TrainingFraction:
- 0.95
"""


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return extract_videos(tmp_path_factory.mktemp("deeplabcut"))


@pytest.fixture
def make_project(tmp_path):
    def make(videos: dict[object, str], *, multi: bool = False) -> Path:
        entries = "".join(f"\n  {video}:\n    crop: {crop}" for video, crop in videos.items())
        bodyparts = "MULTI!" if multi else "[nose, tail]"
        text = CONFIG.format(videos=entries, multi=str(multi).lower(), bodyparts=bodyparts)
        tmp_path.joinpath("project").mkdir()
        tmp_path.joinpath("project", "config.yaml").write_text(text, encoding="utf-8")
        return tmp_path / "project"

    return make


def pictures(project: Path, stem: str) -> list[str]:
    return sorted(path.name for path in (project / "labeled-data" / stem).iterdir())


def somebody_elses_picture() -> bytes:
    return cv2.imencode(".png", np.zeros((64, 96, 3), np.uint8))[1].tobytes()


def video(output: Path, name: str) -> Path:
    return output.parent / name


def load(project: Path):
    return yaml.YAML(typ="safe").load((project / "config.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("multi", [False, True])
def test_frames_lie_where_deeplabcut_looks(output, make_project, multi):
    project = make_project({video(output, "mouse.mp4"): "0, 96, 0, 64"}, multi=multi)
    export("deeplabcut", output, project)
    # As many digits as ceil(log10(40)).
    assert pictures(project, "mouse") == ["img05.png", "img15.png", "img25.png", "img35.png"]
    exported = project / "labeled-data" / "rat" / "img15.png"
    assert exported.read_bytes() == (output / "labeled-data/rat/img000015.png").read_bytes()
    folders = {path.name for path in (project / "labeled-data").iterdir()}
    assert folders == {Path(key).stem for key in load(project)["video_sets"]}


def test_only_frames_and_the_config_are_written(output, make_project):
    project = make_project({})
    export("deeplabcut", output, project)
    assert {Path(name).suffix for name in snapshot(project)} == {".png", ".yaml"}


def test_a_second_export_changes_nothing(output, make_project):
    project = make_project({})
    export("deeplabcut", output, project)
    before = snapshot(project)
    exported = export("deeplabcut", output, project / "config.yaml")
    assert exported.written == ()
    assert len(exported.kept) == 8
    assert snapshot(project) == before


def test_new_videos_are_added_and_all_else_in_the_config_stays(output, make_project):
    project = make_project({video(output, "mouse.mp4"): "1, 90, 0, 64"})
    before = (project / "config.yaml").read_text(encoding="utf-8").splitlines()
    export("deeplabcut", output, project)
    after = (project / "config.yaml").read_text(encoding="utf-8").splitlines()
    added = [f"  {video(output, 'rat.mp4')}:", "    crop: 0, 96, 0, 64"]
    assert [line for line in after if line not in before] == added
    assert [line for line in after if line not in added] == before


def test_frames_of_another_recording_of_the_same_name_are_refused(output, make_project, tmp_path):
    project = make_project({"/gone/mouse.mp4": "0, 96, 0, 64"})
    export("deeplabcut", output, project)
    encode_video(tmp_path / "mouse.mp4", 40, first_number=100)
    extract(tmp_path / "mouse.mp4", tmp_path / "out", Settings(frames=(6, 15)))
    before = snapshot(project)
    with pytest.raises(OutputError, match="mouse: holds frames of another recording"):
        export("deeplabcut", tmp_path / "out", project)
    assert snapshot(project) == before
    for picture in (project / "labeled-data/mouse").iterdir():
        strip_digest(picture)
    with pytest.raises(OutputError, match=r"img15\.png: is a frame of another recording"):
        export("deeplabcut", tmp_path / "out", project)
    # Other programs may merely have been inexact; that is said.
    theirs = project / "labeled-data/mouse/img15.png"
    theirs.write_bytes(somebody_elses_picture())
    exported = export("deeplabcut", tmp_path / "out", project)
    assert [path.name for path in exported.written] == ["img06.png"]
    guess, note = exported.notes
    assert guess == "mouse.mp4 is taken for the moved /gone/mouse.mp4; check that it is"
    assert "don't look like the frames of mouse.mp4" in note
    assert "named after: img15.png;" in note
    same = cv2.imread(str(tmp_path / "out/labeled-data/mouse/img000015.png"))
    theirs.write_bytes(cv2.imencode(".png", cv2.add(same, 12))[1].tobytes())  # other colours
    assert not export("deeplabcut", tmp_path / "out", project).notes


def test_line_ends_stay(output, make_project):
    config = make_project({}) / "config.yaml"
    config.write_bytes(b"\r\n".join(config.read_bytes().splitlines()) + b"\r\n")
    before = config.read_bytes().replace(b"video_sets:\r\n", b"")
    export("deeplabcut", output, config)
    after = config.read_bytes()
    assert after.count(b"\r") == after.count(b"\n") == after.count(b"\r\n")
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []


def test_new_videos_can_be_refused_before_anything_is_written(output, make_project):
    project = make_project({video(output, "mouse.mp4"): "0, 96, 0, 64"})
    before = snapshot(project)
    with pytest.raises(OutputError, match=r"video_sets has no rat\.mp4"):
        export("deeplabcut", output, project, add_videos=False)
    assert snapshot(project) == before


def test_the_padding_of_the_folder_is_kept(output, make_project):
    project = make_project({})
    folder = project / "labeled-data" / "mouse"
    folder.mkdir(parents=True)
    picture = somebody_elses_picture()
    (folder / "img00015.png").write_bytes(picture)
    export("deeplabcut", output, project)
    assert pictures(project, "mouse") == [f"img000{n:02}.png" for n in (5, 15, 25, 35)]
    assert (folder / "img00015.png").read_bytes() == picture, "a frame that is there stays"


def test_the_padding_of_the_labels_counts_where_pictures_were_dropped(output, make_project):
    project = make_project({})
    folder = project / "labeled-data" / "mouse"
    folder.mkdir(parents=True)
    labels = "scorer,,,me\nbodyparts,,,nose\ncoords,,,x\nlabeled-data,mouse,img0012.png,3\n"
    (folder / "CollectedData_me.csv").write_text(labels, encoding="utf-8")
    export("deeplabcut", output, project)
    assert "img0015.png" in pictures(project, "mouse")
    assert (folder / "CollectedData_me.csv").read_text(encoding="utf-8") == labels
    assert existing_frames(project, [Path("mouse.mp4")]) == [{5, 12, 15, 25, 35}]


def test_what_macos_leaves_on_foreign_disks_is_no_frame(output, make_project):
    project = make_project({})
    folder = project / "labeled-data" / "mouse"
    folder.mkdir(parents=True)
    for name in ("._img0007.png", "._CollectedData_me.csv"):
        (folder / name).write_bytes(b"\0\5\x16\7\xff")
    assert existing_frames(project, [Path("mouse.mp4")]) == [set()]
    export("deeplabcut", output, project)
    assert "img05.png" in pictures(project, "mouse")


@pytest.mark.parametrize("content", ["Müller".encode("cp1252"), "a,b".encode("utf-16")])
def test_labels_that_a_spreadsheet_saved_its_own_way_are_refused(output, make_project, content):
    project = make_project({video(output, "mouse.mp4"): "0, 96, 0, 64"})
    table = project / "labeled-data" / "mouse" / "CollectedData_me.csv"
    table.parent.mkdir(parents=True)
    table.write_bytes(content)
    with pytest.raises(OutputError, match=r"CollectedData_me\.csv: can't be read as CSV in UTF-8"):
        existing_frames(project, [video(output, "mouse.mp4")])


def test_mixed_padding_is_refused(output, make_project):
    project = make_project({})
    folder = project / "labeled-data" / "mouse"
    folder.mkdir(parents=True)
    for name in ("img07.png", "img0008.png"):
        (folder / name).write_bytes((output / "labeled-data/mouse/img000005.png").read_bytes())
    with pytest.raises(OutputError, match=r"mouse: has frame numbers of 2 and 4 digits"):
        export("deeplabcut", output, project)


def test_frames_of_another_size_are_refused(output, make_project, tmp_path):
    project = make_project({})
    export("deeplabcut", output, project)
    with pytest.raises(OutputError, match="96×64 pixels, the keyframes are 64×40"):
        export("deeplabcut", extract_cropped(tmp_path / "cropped"), project)


def test_the_crop_of_cut_pictures_is_in_deeplabcuts_order(make_project, tmp_path):
    project = make_project({})
    cropped = extract_cropped(tmp_path / "cropped")
    export("deeplabcut", cropped, project)
    assert list(load(project)["video_sets"].values()) == [{"crop": "0, 64, 8, 48"}]
    [dlc_video] = read_project(project).videos
    assert (dlc_video.crop, dlc_video.crop_output) == (Crop(0, 8, 64, 48), True)


@pytest.mark.parametrize("other", ["/elsewhere/mouse.avi", r"C:\videos\Mouse.mp4"])
def test_two_videos_with_one_stem_are_refused(output, make_project, other):
    project = make_project({other: "0, 96, 0, 64"})
    frames = project / "labeled-data" / "mouse"
    frames.mkdir(parents=True)
    cv2.imwrite(str(frames / "img01.png"), np.zeros((8, 8, 3), np.uint8))  # of another size
    before = snapshot(project)
    with pytest.raises(OutputError, match=r"mouse\.mp4 would share the folder"):
        export("deeplabcut", output, project)
    assert snapshot(project) == before


def test_two_new_videos_with_one_stem_are_refused(make_project, tmp_path):
    project = make_project({})
    for day in ("day1", "day2"):
        (tmp_path / day).mkdir()
        mouse = encode_video(tmp_path / day / "mouse.mp4", n_frames=8)
        extract(mouse, tmp_path / "out" / day, Settings(count=2))
    with pytest.raises(OutputError, match=r"day1.*day2.*would share the folder"):
        export("deeplabcut", tmp_path / "out", project)


def test_another_recording_of_the_same_name_is_refused(output, make_project, make_video):
    project = make_project({"/old/place/mouse.mp4": "0, 96, 0, 64"})
    (project / "videos").mkdir()
    make_video(project / "videos" / "mouse.mp4", n_frames=8)
    with pytest.raises(OutputError, match="would share the folder"):
        export("deeplabcut", output, project)


def test_a_moved_project_is_gone_by_where_its_config_lies(output, make_project):
    project = make_project({r"C:\old place\videos\mouse.mp4": "0, 96, 0, 64"})
    (project / "videos").mkdir()
    moved = video(output, "mouse.mp4")
    (project / "videos" / "mouse.mp4").write_bytes(moved.read_bytes())
    export("deeplabcut", output, project)
    assert len(pictures(project, "mouse")) == 4
    assert len(load(project)["video_sets"]) == 2, "only the rat is new"
    dlc = read_project(project)
    assert [video.path.name for video in dlc.videos] == ["mouse.mp4", "rat.mp4"]
    assert dlc.videos[0].path == project / "videos" / "mouse.mp4"


def test_what_a_project_asks_for(output, make_project):
    mouse = video(output, "mouse.mp4")
    project = make_project({mouse: "10, 90, 5, 60", "/gone/fly.avi": "0, 9, 0, 9"})
    dlc = read_project(project / "config.yaml")
    assert [(v.path, v.crop, v.crop_output) for v in dlc.videos] == [
        (mouse, Crop(10, 5, 90, 60), False)
    ]
    assert dlc.missing == ("/gone/fly.avi",)
    assert dlc.count == 7
    assert dlc.span == Span(Position(7.0, "%"), Position(50.0, "%"))


def test_uncropped_videos_are_the_ones_of_a_cropped_multi_animal_project(output, make_project):
    project = make_project({"/p/mouse_cropped/1.png": "0, 9, 0, 9"}, multi=True)
    config = project / "config.yaml"
    mouse = video(output, "mouse.mp4")
    text = f"video_sets_original:\n  {mouse}:\n    crop: 0, 96, 0, 64\n"
    config.write_text(config.read_text(encoding="utf-8") + text, encoding="utf-8")
    export("deeplabcut", output, project)
    assert [Path(key).stem for key in load(project)["video_sets_original"]] == ["mouse", "rat"]
    assert [video.path for video in read_project(project).videos] == [
        mouse,
        video(output, "rat.mp4"),
    ]


@pytest.mark.parametrize(
    ("line", "wrong", "message"),
    [
        ("numframes2pick: 7", "numframes2pick: none", "numframes2pick is 'none'"),
        ("start: 0.07", "start: 0.7", "no part of a video"),
        ("crop: 0, 9, 0, 9", "crop: all of it", "x1, x2, y1, y2"),
        ("crop: 0, 9, 0, 9", "crop: 0, 0, 9, 9", "'0, 0, 9, 9'; DeepLabCut writes 'x1, x2, y1"),
    ],
)
def test_values_that_cannot_work_are_refused(output, make_project, line, wrong, message):
    project = make_project({video(output, "mouse.mp4"): "0, 9, 0, 9"})
    config = project / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace(line, wrong), encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        read_project(project)


def test_what_is_no_project_is_refused(output, tmp_path):
    with pytest.raises(OutputError, match="create_new_project"):
        export("deeplabcut", output, tmp_path)
    (tmp_path / "config.yaml").write_text("a: 1\n", encoding="utf-8")
    with pytest.raises(OutputError, match="no video_sets"):
        export("deeplabcut", output, tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: 1\nvideo_sets: [", "line 2: expected the node content, but found '<stream end>'"),
        (b"a: 1\nb: c: d\n", "line 2: mapping values are not allowed here"),
        (b"a: 1\na: 2\n", "line 2: found duplicate key"),
        (b"a: 1\nb: \x00\n", "unacceptable character"),
        (b"\xff\xfe\n", "'utf-8' codec"),
    ],
)
def test_what_is_no_yaml_is_refused_in_one_clean_line(content, reason, output, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_bytes(content)
    with pytest.raises(OutputError) as refused:
        export("deeplabcut", output, tmp_path)
    told = str(refused.value)
    assert told.startswith(f"{config}: is no valid YAML ({reason}")
    assert told.endswith("); correct it, or name a DeepLabCut project's config.yaml")
    assert "unicode string" not in told
    assert "\n" not in told


def test_indented_lists_stay_indented(output, make_project):
    project = make_project({})
    config = project / "config.yaml"
    text = config.read_text(encoding="utf-8").replace("\n- 0.95", "\n    - 0.95")
    config.write_text(text, encoding="utf-8")
    export("deeplabcut", output, project)
    assert "\n    - 0.95\n" in config.read_text(encoding="utf-8")


@pytest.mark.filterwarnings("default")  # the reader's own
def test_deeplabcut_itself_reads_the_project(output, tmp_path):
    deeplabcut = pytest.importorskip("deeplabcut", reason="needs DeepLabCut")
    mouse = str(video(output, "mouse.mp4"))
    config = deeplabcut.create_new_project(
        "reach", "me", [mouse], working_directory=str(tmp_path), copy_videos=False
    )
    export("deeplabcut", output, Path(config))
    deeplabcut.comparevideolistsanddatafolders(config)
    stems = {Path(key).stem for key in load(Path(config).parent)["video_sets"]}
    assert stems == {result.stem for result in read_results(output)}
