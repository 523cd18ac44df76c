import csv
import json
import re
import sys

import cv2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export_helpers import extract_cropped, extract_videos, snapshot, strip_digest
from footage import encode_video, read_number
from keyframes import MissingExtraError, OutputError, Settings, SettingsError, VideoError, extract
from keyframes.export import export
from keyframes.export.sessions import fit

yaml = pytest.importorskip("ruamel.yaml", reason="needs the extra lightning-pose")

KEYPOINTS = ("nose", "tail, base")


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return extract_videos(tmp_path_factory.mktemp("lightning"))


def pictures(project, name):
    return sorted(path.name for path in (project / "labeled-data" / name).iterdir())


def queue(project, view=""):
    lines = (project / f"CollectedData{view}.unlabeled.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in lines.splitlines()]


def headers(project, view=""):
    with (project / f"CollectedData{view}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_the_layout_of_a_project(output, tmp_path):
    export("lightning-pose", output, tmp_path, keypoints=KEYPOINTS)
    assert pictures(tmp_path, "mouse") == [f"img{n:08}.png" for n in (5, 15, 25, 35)]
    assert queue(tmp_path) == [
        {"frame_path": f"labeled-data/{stem}/img{n:08}.png", "predictions": None}
        for stem in ("mouse", "rat")
        for n in (5, 15, 25, 35)
    ]
    assert headers(tmp_path) == [
        ["scorer", *["keyframes"] * 4],
        ["bodyparts", "nose", "nose", "tail, base", "tail, base"],
        ["coords", "x", "y", "x", "y"],
    ]
    project = yaml.YAML(typ="safe").load((tmp_path / "project.yaml").read_text(encoding="utf-8"))
    assert project == {
        "schema_version": 1,
        "view_names": [],
        "keypoint_names": list(KEYPOINTS),
    }


def test_neighbours_are_the_exact_frames_clipped_at_the_ends(tmp_path):
    video = encode_video(tmp_path / "mouse.mp4", n_frames=6)
    extract(video, tmp_path / "out", Settings(count=6, method="uniform"))
    record = tmp_path / "out" / "mouse.json"
    text = json.loads(record.read_text(encoding="utf-8"))
    text["keyframes"] = [text["keyframes"][0], text["keyframes"][3]]
    record.write_text(json.dumps(text), encoding="utf-8")
    export("lightning-pose", tmp_path / "out", tmp_path / "lp", context=1)
    assert pictures(tmp_path / "lp", "mouse") == [f"img{n:08}.png" for n in (0, 1, 2, 3, 4)]
    for number in range(5):
        picture = cv2.imread(str(tmp_path / f"lp/labeled-data/mouse/img{number:08}.png"))
        assert read_number(picture) == number
    assert [row["frame_path"][-6:-4] for row in queue(tmp_path / "lp")] == ["00", "03"]


def test_neighbours_are_cut_like_the_keyframes(tmp_path):
    export("lightning-pose", extract_cropped(tmp_path), tmp_path / "lp", context=2)
    sizes = {cv2.imread(str(path)).shape for path in (tmp_path / "lp").rglob("*.png")}
    assert sizes == {(40, 64, 3)}


def test_a_second_export_changes_nothing_and_needs_no_more(output, tmp_path, monkeypatch):
    export("lightning-pose", output, tmp_path, context=2, keypoints=KEYPOINTS)
    before = snapshot(tmp_path)
    assert len(before) == 2 * 20 + 3
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)  # the first run did without, too
    again = export("lightning-pose", output, tmp_path, context=2)
    assert again.written == ()
    assert len(again.kept) == len(before)
    assert snapshot(tmp_path) == before
    (tmp_path / "project.yaml").write_text("view_names: # none\n", encoding="utf-8")
    with pytest.raises(MissingExtraError, match="lightning-pose"):
        export("lightning-pose", output, tmp_path)


def test_without_the_video_only_neighbours_are_out_of_reach(tmp_path):
    output = extract_videos(tmp_path, ["mouse.mp4"])
    (tmp_path / "mouse.mp4").unlink()
    export("lightning-pose", output, tmp_path / "lp")
    with pytest.raises(VideoError, match="isn't there any more"):
        export("lightning-pose", output, tmp_path / "lp", context=1)


def test_labels_and_queue_of_a_project_stay(output, tmp_path):
    export("lightning-pose", output, tmp_path, keypoints=["nose"])
    labels = tmp_path / "CollectedData.csv"
    text = labels.read_text(encoding="utf-8") + "labeled-data/mouse/img00000015.png,1.0,2.0\n"
    labels.write_text(text, encoding="utf-8")
    path = tmp_path / "CollectedData.unlabeled.jsonl"
    theirs = '{"frame_path":"labeled-data/fly/img00000001.jpg","predictions":{"model_name":"m"}}'
    path.write_text(f"{theirs}\n", encoding="utf-8")

    export("lightning-pose", output, tmp_path)
    assert labels.read_text(encoding="utf-8") == text
    assert path.read_text(encoding="utf-8").splitlines()[0] == theirs
    queued = [row["frame_path"] for row in queue(tmp_path)]
    assert len(queued) == 1 + 7
    assert "labeled-data/mouse/img00000015.png" not in queued


def test_a_frame_that_the_app_extracted_is_not_written_twice(output, tmp_path):
    folder = tmp_path / "labeled-data" / "mouse"
    folder.mkdir(parents=True)
    (folder / "img00000015.jpg").write_bytes(b"theirs")
    export("lightning-pose", output, tmp_path)
    assert "img00000015.png" not in pictures(tmp_path, "mouse")
    assert queue(tmp_path)[1]["frame_path"] == "labeled-data/mouse/img00000015.jpg"


def test_frames_of_two_videos_never_share_a_folder(tmp_path):
    """As those of two videos whose names are alike once they are made to fit."""
    export("lightning-pose", extract_videos(tmp_path / "a", ["day 1.mp4"]), tmp_path / "lp")
    with pytest.raises(OutputError, match=r"holds frames of day 1\.mp4"):
        export("lightning-pose", extract_videos(tmp_path / "b", ["day-1.mp4"]), tmp_path / "lp")


def test_frames_of_another_recording_of_the_same_name_are_refused(output, tmp_path):
    export("lightning-pose", output, tmp_path / "lp", context=1)
    encode_video(tmp_path / "mouse.mp4", 40, first_number=100)
    extract(tmp_path / "mouse.mp4", tmp_path / "out", Settings(frames=(20, 30)))
    before = snapshot(tmp_path / "lp")
    with pytest.raises(OutputError, match="mouse: holds frames of another recording"):
        export("lightning-pose", tmp_path / "out", tmp_path / "lp")
    assert snapshot(tmp_path / "lp") == before
    # What doesn't tell its recording goes by the name.
    for picture in (tmp_path / "lp/labeled-data/mouse").iterdir():
        strip_digest(picture)
    notes = export("lightning-pose", tmp_path / "out", tmp_path / "lp").notes
    assert notes[0].endswith("labeled-data/mouse are taken for frames of mouse.mp4")
    assert "taken for" not in export("lightning-pose", tmp_path / "out", tmp_path / "lp").notes[0]


def test_the_output_folder_itself_is_refused(output):
    before = snapshot(output)
    with pytest.raises(OutputError, match="is the output folder itself"):
        export("lightning-pose", output, output)
    assert snapshot(output) == before


def test_keypoints_can_be_named_later_but_not_changed(output, tmp_path):
    first = export("lightning-pose", output, tmp_path)
    assert "no keypoints" in first.notes[0]
    assert headers(tmp_path) == [["scorer"], ["bodyparts"], ["coords"]]
    export("lightning-pose", output, tmp_path, keypoints=["nose"])
    assert headers(tmp_path)[1] == ["bodyparts", "nose", "nose"]
    with pytest.raises(SettingsError, match="has the keypoints nose; leave --keypoints out"):
        export("lightning-pose", output, tmp_path, keypoints=["tail"])


def test_a_project_of_one_camera_gets_no_views(output, tmp_path):
    export("lightning-pose", output, tmp_path)
    with pytest.raises(SettingsError, match="one camera"):
        export("lightning-pose", output, tmp_path, views=["camA", "camB"])


def test_views_share_their_sessions_and_rows(tmp_path):
    names = ["day 1-camA.mp4", "day 1_camB.mp4", "day2_camA.mp4", "day2_camB.mp4"]
    output = extract_videos(tmp_path, names)
    project = tmp_path / "lp"
    export("lightning-pose", output, project, views=["camA", "camB"], keypoints=["nose"])
    folders = sorted(path.name for path in (project / "labeled-data").iterdir())
    assert folders == ["day-1_camA", "day-1_camB", "day2_camA", "day2_camB"]
    rows = [[row["frame_path"] for row in queue(project, view)] for view in ("_camA", "_camB")]
    assert [path.replace("_camA", "_camB") for path in rows[0]] == rows[1]
    assert not (project / "CollectedData.csv").exists()
    # The project knows its views from now on.
    assert export("lightning-pose", output, project).written == ()


def test_views_that_do_not_match_are_refused(output, tmp_path):
    with pytest.raises(SettingsError, match="ends with none of the views"):
        export("lightning-pose", output, tmp_path / "lp", views=["camA", "camB"])
    with pytest.raises(SettingsError, match="the only view"):
        export("lightning-pose", output, tmp_path / "lp", views=["mouse"])
    alone = extract_videos(tmp_path / "alone", ["s_camA.mp4"])
    with pytest.raises(OutputError, match="no keyframes of the view camB"):
        export("lightning-pose", alone, tmp_path / "lp", views=["camA", "camB"])
    video = encode_video(tmp_path / "alone" / "s_camB.mp4", n_frames=20)
    extract(video, alone, Settings(count=4, method="uniform"))
    with pytest.raises(OutputError, match="different frames"):
        export("lightning-pose", alone, tmp_path / "lp", views=["camA", "camB"])
    assert not (tmp_path / "lp").exists()


def test_names_are_made_to_fit_and_collisions_refused(tmp_path):
    output = extract_videos(tmp_path, ["Mäuse [1].mp4"])
    export("lightning-pose", output, tmp_path / "lp")
    assert pictures(tmp_path / "lp", "Mause-1")
    extract_videos(tmp_path, ["mause 1.mp4"])
    with pytest.raises(OutputError, match="would both be called"):
        export("lightning-pose", output, tmp_path / "lp2")
    nameless = extract_videos(tmp_path / "nameless", ["マウス.mp4"])
    with pytest.raises(OutputError, match="no letter or digit"):
        export("lightning-pose", nameless, tmp_path / "lp2")


@given(st.text(max_size=20))
def test_fitted_names_please_lightning_pose(name):
    assert re.fullmatch(r"[A-Za-z0-9_.-]*", fit(name))
    assert fit(fit(name)) == fit(name)


@pytest.mark.parametrize("name", ["mouse", "a.b_c-d", "2024.01.31_top"])
def test_fitting_names_stay(name):
    assert fit(name) == name


@pytest.mark.parametrize("content", [b"my notes\n", b'{"frame_path": "\xe4"}\n'])
def test_a_queue_that_is_none_is_refused(output, tmp_path, content):
    (tmp_path / "CollectedData.unlabeled.jsonl").write_bytes(content)
    with pytest.raises(OutputError, match="is no queue"):
        export("lightning-pose", output, tmp_path)


@pytest.mark.filterwarnings("default")  # the reader's own
def test_lightning_poses_own_app_reads_the_project(output, tmp_path):
    extract_frames, datatypes, validate = (
        pytest.importorskip(f"litpose_app.{module}", reason="needs the Lightning Pose app")
        for module in ("tasks.extract_frames", "datatypes", "routes.validate_files")
    )
    export("lightning-pose", output, tmp_path, context=2, keypoints=["nose", "tail"])
    labels = tmp_path / "CollectedData.csv"
    assert validate._label_header_issue(labels) is None
    file = extract_frames.LabelFileView(csvPath=labels, viewName="")
    known = extract_frames.known_frame_paths(tmp_path, extract_frames.MVLabelFile(views=[file]))
    assert known == {row["frame_path"] for row in queue(tmp_path)}
    assert all((tmp_path / path).is_file() for path in known)
    assert all(validate._FRAME_RE.fullmatch(path.name) for path in tmp_path.rglob("*.png"))
    project = yaml.YAML(typ="safe").load((tmp_path / "project.yaml").read_text(encoding="utf-8"))
    assert datatypes.ProjectConfig.model_validate(project).keypoint_names == ["nose", "tail"]
