"""What all exporters share, and the command."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from export_helpers import extract_videos, snapshot
from keyframes import OutputError
from keyframes.export import EXPORTERS, export
from keyframes.export.delivery import Delivery, take_turns
from keyframes.export.frame_folder import find_labelled, find_pictures, padded_width
from keyframes.export.results import read_results
from keyframes.export.sources import find_recorded, is_same_video
from keyframes.files import identify


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return extract_videos(tmp_path_factory.mktemp("export"))


def keyframes(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "keyframes", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_results_are_what_was_extracted(output):
    mouse, rat = read_results(output)
    assert (mouse.stem, rat.stem) == ("mouse", "rat")
    assert mouse.video == output.parent / "mouse.mp4"
    assert mouse.size == (96, 64)
    assert [keyframe.frame_index for keyframe, _ in mouse.items()] == [5, 15, 25, 35]


@pytest.mark.parametrize("format_", EXPORTERS)
def test_a_missing_or_swapped_picture_is_refused(tmp_path, format_):
    output = extract_videos(tmp_path, ["mouse.mp4"])
    pictures = sorted((output / "labeled-data" / "mouse").iterdir())
    pictures[0].write_bytes(pictures[1].read_bytes())
    with pytest.raises(OutputError, match="isn't the picture"):
        export(format_, output, tmp_path / "to")
    pictures[0].unlink()
    with pytest.raises(OutputError, match="is missing"):
        export(format_, output, tmp_path / "to")


def test_a_recorded_path_means_a_video(output, tmp_path):
    mouse, rat = output.parent / "mouse.mp4", output.parent / "rat.mp4"
    assert is_same_video(str(mouse), mouse)
    assert is_same_video(r"C:\gone\mouse.mp4", mouse)
    assert is_same_video("/gone/mouse.mp4", mouse)
    assert not is_same_video(str(rat), mouse)
    spelled = tmp_path / "MOUSE.mp4"  # another name of the file: for some systems the same
    assert not is_same_video(str(spelled), mouse)
    os.link(mouse, spelled)
    assert is_same_video(str(spelled), mouse)
    spelled.unlink()
    (tmp_path / "mouse.mp4").write_bytes(rat.read_bytes())
    assert not is_same_video(str(tmp_path / "mouse.mp4"), mouse)
    digest, other = (identify(video)["sha256_of_samples"] for video in (mouse, rat))
    assert is_same_video("/gone/mouse.mp4", mouse, digest)
    assert not is_same_video("/gone/mouse.mp4", mouse, other)
    # Whose content is known goes before one that merely has the name.
    assert find_recorded({"/a/mouse.mp4": None, "/b/mouse.mp4": digest}, mouse) == "/b/mouse.mp4"
    assert find_recorded({"/b/mouse.mp4": digest, str(mouse): None}, mouse) == str(mouse)


def test_a_delivery_writes_nothing_before_all_is_checked(tmp_path):
    theirs = tmp_path / "b.txt"
    theirs.write_text("theirs", encoding="utf-8")
    delivery = Delivery(overwrite=True)
    delivery.add(tmp_path / "deep" / "a.txt", b"ours")
    with pytest.raises(OutputError, match=r"b\.txt: exists and was not written by keyframes"):
        delivery.add(theirs, b"ours")
    assert list(snapshot(tmp_path)) == ["b.txt"]
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder: exists and was not written by keyframes"):
        delivery.add(tmp_path / "folder", b"ours")
    delivery.carry_out()
    assert list(snapshot(tmp_path)) == ["b.txt", "deep/a.txt"]


def test_what_a_killed_export_left_behind_goes(tmp_path, leave_half):
    leave_half(tmp_path / "a.txt")
    delivery = Delivery()
    delivery.add(tmp_path / "a.txt", b"ours")
    delivery.carry_out()
    assert list(snapshot(tmp_path)) == ["a.txt"]


@pytest.mark.parametrize("made", ["task/task.json", "task.json"])
def test_an_export_waits_for_another_that_makes_its_destination(tmp_path, made):
    target = tmp_path / made.split("/", maxsplit=1)[0]
    is_inside = Event()

    def follow():
        with take_turns(target):
            is_inside.set()

    with ThreadPoolExecutor() as pool:
        with take_turns(target):
            (tmp_path / made).parent.mkdir(exist_ok=True)
            (tmp_path / made).touch()
            second = pool.submit(follow)
            assert not is_inside.wait(0.2)
        second.result()
    assert list(snapshot(tmp_path)) == [made]


def test_frames_are_found_by_the_digits_of_their_names(tmp_path):
    frames = {
        3: "frame_0003.jpeg",
        7: "img007.png",
        8: "cam2_img_008.png",
        9: "img2024-01-05_img009.png",
        12: "img12.JPG",
    }
    for name in (*frames.values(), "notes.txt", "sheet.png", "img3_labeled4.png", "cam2_14.png"):
        (tmp_path / name).touch()
    assert find_pictures(tmp_path) == frames
    assert find_pictures(tmp_path / "none") == {}
    (tmp_path / "img0012.png").touch()
    with pytest.raises(OutputError, match=r"img0012\.png and img12\.JPG are the same frame"):
        find_pictures(tmp_path)


def test_labels_are_found_however_a_row_names_its_picture(tmp_path):
    table = tmp_path / "CollectedData_me.csv"
    table.write_text(
        "scorer,,,me\n"
        'labeled-data,"a, b",img01.png,5\n'
        '"labeled-data/a, b/img02.png",5\n'
        r'"labeled-data\a, b\img03.png",5' + "\n"
        "/home/me/reach/labeled-data/a/img04.png;5\n"
        '"img05.png"\t5\n',
        encoding="utf-8-sig",
    )
    assert find_labelled(table) == {n: f"img0{n}.png" for n in range(1, 6)}
    assert find_labelled(tmp_path / "none.csv", "a") == {}


def test_labels_of_another_folder_are_not_found(tmp_path):
    table = tmp_path / "CollectedData.csv"
    rows = "coords,x\nlabeled-data/Mouse/img01.png,1\nlabeled-data/rat/img02.png,1\nimg03.png,1\n"
    table.write_text(rows, encoding="utf-8")
    assert find_labelled(table, "mouse") == {1: "img01.png", 3: "img03.png"}


def test_a_table_without_pictures_is_refused(tmp_path):
    table = tmp_path / "CollectedData.csv"
    table.write_text("scorer,me\nbodyparts,nose\ncoords,x\n", encoding="utf-8")
    assert find_labelled(table) == {}
    table.write_text("scorer,me\nframe 12,5\n", encoding="utf-8")
    with pytest.raises(OutputError, match="its rows name no pictures"):
        find_labelled(table)


@pytest.mark.parametrize(
    ("names", "width"),
    [
        ([], None),
        (["img05.png", "img99.png", "img100.png"], 2),
        (["img5.png", "img1000.png"], 1),
        (["img0005.png", "img1000.png"], 4),
        (["cam2_img0005.png", "cam2_img1000.png"], 4),
    ],
)
def test_padding_is_read_off_the_names(names, width, tmp_path):
    assert padded_width(tmp_path, names) == width


def test_the_command_says_what_it_did(output, tmp_path):
    first = keyframes("export", "coco", output, "-o", tmp_path, "--json")
    assert first.returncode == 0, first.stderr
    assert len(json.loads(first.stdout)["written"]) == 9
    again = keyframes("export", "coco", output, "-o", tmp_path)
    assert again.stderr == (
        f"coco: 8 keyframes of 2 videos are in {tmp_path}; nothing had to be changed\n"
    )
    assert again.stdout == ""


def test_the_command_refuses_in_one_line(output, tmp_path):
    for arguments, reason in [
        (["coco", output, "-o", tmp_path, "--embed"], "--embed means nothing to coco"),
        (["yolo", output, "-o", tmp_path], "'yolo' is not one of"),
        (["coco", tmp_path, "-o", tmp_path], "holds no finished keyframes"),
        (["coco", output, "-o", tmp_path, "--keypoints", "a,,b"], "no list of different names"),
    ]:
        done = keyframes("export", *arguments)
        assert done.returncode == 2
        assert reason in done.stderr
        assert done.stderr.count("\n") == 1
    assert snapshot(tmp_path) == {}


def test_help_names_every_format():
    text = keyframes("export", "--help").stdout
    assert all(format_ in text for format_ in EXPORTERS)
