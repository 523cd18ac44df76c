"""The output folder: what is skipped, refused, replaced and never touched."""

import sys
import threading

import cv2
import numpy as np
import pytest

from export_helpers import tree
from factories import IDENTITY, NO_CLUSTERS, make_selection
from keyframes.errors import OutputError
from keyframes.files import write_json
from keyframes.output import OutputFolder
from keyframes.results import find_results
from keyframes.run_record import make_record


@pytest.fixture
def folder(tmp_path):
    return OutputFolder(tmp_path / "out", "v")


def write(folder, names, identity=IDENTITY, value=7):
    picture = np.full((8, 8, 3), value, np.uint8)
    images = [(picture, {"Software": "keyframes", "video": "v.mp4"})] * len(names)
    folder.write_images(names, images, on_image=lambda _: None)
    finish(folder, names, identity)


def finish(folder, names, identity):
    selection = make_selection([int(name[3:9]) for name in names])
    record = make_record(selection, NO_CLUSTERS, identity, folder.images_path, {})
    folder.finish(None, record)


def names_in(folder):
    return sorted(path.name for path in folder.images.iterdir())


def test_layout(folder):
    write(folder, ["img000001.png", "img000002.png"])
    files = sorted(str(path.relative_to(folder.root)) for path in folder.root.rglob("*.*"))
    assert [file.replace("\\", "/") for file in files] == [
        "labeled-data/v/img000001.png",
        "labeled-data/v/img000002.png",
        "v.csv",
        "v.json",
    ]
    assert find_results(folder.root)["v"]["identity"] == IDENTITY


def test_finished_run_is_found_by_its_identity(folder):
    assert folder.find_finished(IDENTITY["video"]) is None
    write(folder, ["img000001.png"])
    record = folder.find_finished(IDENTITY["video"])
    assert record is not None
    assert record["identity"] == IDENTITY
    for settings in (IDENTITY["settings"], {}):
        folder.check_settings(record, settings)


@pytest.mark.parametrize(
    ("video", "message"),
    [
        ({"name": "v.mp4", "bytes": 11}, "another video.*bytes 10, now 11.*; rename"),
        (
            {"sha256_of_samples": "0f"},
            r"another video \(other content\); rename the recording, choose",
        ),
    ],
)
def test_other_videos_results_are_refused(folder, video, message):
    write(folder, ["img000001.png"])
    with pytest.raises(OutputError, match=message):
        folder.find_finished(video)


@pytest.mark.skipif(sys.platform == "win32", reason="too long a path looks like a missing file")
def test_a_name_that_leaves_no_room_for_a_suffix_is_refused_beforehand(tmp_path):
    folder = OutputFolder(tmp_path, 240 * "x")
    assert not folder.record.exists(), "that one would still fit"
    with pytest.raises(OutputError, match=r"can't be written \(.*\); rename the recording"):
        folder.check_ownership()


@pytest.mark.skipif(sys.platform == "win32", reason="a missing folder looks the same there")
def test_a_file_in_the_place_of_the_folder_is_refused_beforehand(tmp_path):
    (tmp_path / "file").touch()
    for root in (tmp_path / "file", tmp_path / "file" / "within"):
        with pytest.raises(OutputError, match=r"is no folder; choose another -o$"):
            OutputFolder(root, "v").check_ownership()


def test_results_of_other_settings_are_refused_with_what_helps(folder):
    write(folder, ["img000001.png"])
    record = folder.find_finished(IDENTITY["video"])
    with pytest.raises(OutputError, match=r"other settings.*-k 2, now 3.*--overwrite$"):
        folder.check_settings(record, {"count": 3})
    with pytest.raises(OutputError, match=r"seed 0, now 1.*with --overwrite$"):
        folder.check_settings(record, {"count": 2, "seed": 1})


def test_new_run_removes_the_pictures_of_the_one_before(folder):
    write(folder, ["img000001.png", "img000002.png"])
    write(folder, ["img000002.png", "img000003.png"], value=9)
    assert names_in(folder) == ["img000002.png", "img000003.png"]
    assert cv2.imread(str(folder.images / "img000002.png"))[0, 0, 0] == 9


def test_pictures_are_known_from_the_table_where_the_record_was_removed(folder):
    """As Snakemake does before it runs a changed rule again."""
    write(folder, ["img000001.png", "img000002.png"])
    folder.record.unlink()
    write(folder, ["img000003.png"])
    assert names_in(folder) == ["img000003.png"]


@pytest.mark.parametrize("separator", [",", ";"])
def test_the_table_is_known_as_excel_saves_it(folder, separator):
    write(folder, ["img000001.png"])
    text = folder.csv.read_text(encoding="utf-8").replace(",", separator)
    folder.csv.write_text(text, encoding="utf-8-sig")
    folder.record.unlink()
    folder.check_ownership()
    write(folder, ["img000002.png"])
    assert names_in(folder) == ["img000002.png"]


def test_table_that_a_spreadsheet_saved_again_stops_nothing(folder):
    write(folder, ["img000001.png"])
    row = f"{folder.images_path}/Müller.png,1,0,0,1,0\n".encode("cp1252")
    folder.csv.write_bytes(folder.csv.read_bytes() + row)
    write(folder, ["img000002.png"])
    assert names_in(folder) == ["img000002.png"]


@pytest.mark.parametrize("row", [",,,,,,,,", '""', "..", ".,1"])
def test_rows_without_a_picture_stop_nothing(folder, row):
    """As spreadsheets leave them; a note may hold such names, too."""
    write(folder, ["img000001.png"])
    folder.csv.write_text(f"{folder.csv.read_text()}{row}\n")
    write_json(folder.unfinished, {"program": "keyframes", "images": ["", "v", "..", "x/.."]})
    write(folder, ["img000002.png"])
    assert names_in(folder) == ["img000002.png"]
    assert folder.find_finished(IDENTITY["video"])["found"] == 1
    assert not folder.unfinished.exists()


def test_pictures_that_are_not_ours_stay(folder):
    write(folder, ["img000001.png"])
    theirs = folder.images / "img000005.png"
    cv2.imwrite(str(theirs), np.zeros((4, 4, 3), np.uint8))
    before = theirs.read_bytes()
    write(folder, ["img000003.png"])
    assert names_in(folder) == ["img000003.png", "img000005.png"]
    with pytest.raises(OutputError, match=r"img000005.png: exists and was not written by"):
        write(folder, ["img000005.png"])
    assert theirs.read_bytes() == before


def test_picture_that_replaced_ours_stays(folder):
    """Somebody put another picture under a name of ours."""
    write(folder, ["img000001.png"])
    cv2.imwrite(str(folder.images / "img000001.png"), np.zeros((4, 4, 3), np.uint8))
    write(folder, ["img000002.png"])
    assert names_in(folder) == ["img000001.png", "img000002.png"]


def test_interrupted_run_is_cleaned_up_by_the_next(folder):
    write(folder, ["img000001.png"])

    def stop_after_one():
        yield np.zeros((8, 8, 3), np.uint8), {"Software": "keyframes"}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.write_images(
            ["img000004.png", "img000006.png"],
            stop_after_one(),
            on_image=lambda _: None,
        )
    assert not folder.record.exists(), "an unfinished run must not look finished"
    assert folder.find_finished(IDENTITY["video"]) is None
    write(folder, ["img000002.png"])
    assert names_in(folder) == ["img000002.png"]
    assert not folder.unfinished.exists()


@pytest.mark.parametrize(
    "note", ["", '{"images": ["img00', "[]", '{"images": null}', '{"images": [1]}']
)
def test_a_note_that_tells_nothing_stops_nobody(folder, note):
    folder.root.mkdir()
    folder.unfinished.write_text(note)
    write(folder, ["img000002.png"])
    assert names_in(folder) == ["img000002.png"]
    assert not folder.unfinished.exists()


def test_tables_and_records_of_others_are_refused(folder):
    folder.root.mkdir()
    folder.csv.write_text("scorer,resnet,resnet\n")
    with pytest.raises(OutputError, match=r"v.csv: exists and was not written by keyframes"):
        folder.check_ownership()
    folder.csv.unlink()
    folder.check_ownership()
    for theirs in ('{"something": "else"}', "[]", '{"cut'):
        folder.record.write_text(theirs)
        for refused in (lambda: folder.find_finished(IDENTITY["video"]), folder.read_record):
            with pytest.raises(OutputError, match=r"v.json: exists and was not written by .*move"):
                refused()
        with pytest.raises(OutputError, match=r"v.json: exists and was not written by keyframes"):
            write(folder, ["img000001.png"])
        assert folder.record.read_text() == theirs


@pytest.mark.parametrize("length", [0, 1, 20, 200])
def test_a_record_that_was_cut_short_is_replaced_where_that_is_asked_for(folder, length):
    write(folder, ["img000001.png", "img000002.png"])
    folder.record.write_bytes(folder.record.read_bytes()[:length])
    with pytest.raises(OutputError, match=r"v.json: .* is damaged; .*--overwrite, without --grow$"):
        folder.find_finished(IDENTITY["video"])
    assert folder.read_record(replaces=True) is None
    write(folder, ["img000003.png"])
    assert names_in(folder) == ["img000003.png"]
    assert folder.find_finished(IDENTITY["video"])


def test_a_selection_that_grows_is_told_of_until_it_has_grown(folder):
    """Whatever stops it, nothing is lost, and what was added is cleared away."""
    write(folder, ["img000001.png"])
    before = folder.csv.read_bytes()

    def stop_after_one():
        yield np.zeros((8, 8, 3), np.uint8), {"Software": "keyframes"}
        raise OutputError("the disk is full")

    with pytest.raises(OutputError, match="full"):
        folder.write_images(
            ["img000001.png", "img000002.png"],
            stop_after_one(),
            grows=True,
            on_image=lambda _: None,
        )
    assert folder.find_finished(IDENTITY["video"])["found"] == 1
    folder.csv.write_text(folder.csv.read_text() + "half a change\n")
    folder.tidy()
    assert names_in(folder) == ["img000001.png"]
    assert folder.csv.read_bytes() == before
    assert not list(folder.root.glob(".*"))


@pytest.mark.usefixtures("on_windows")
class TestOpenFiles:
    """What another program has open, where that keeps a file from being replaced."""

    @pytest.mark.parametrize("name", ["v.csv", "v.json", "labeled-data/v/img000001.png"])
    def test_nothing_is_lost_where_it_would_be_replaced(self, folder, name):
        write(folder, ["img000001.png", "img000002.png"])
        before = tree(folder.root)
        with (
            (folder.root / name).open("rb"),
            pytest.raises(OutputError, match=f"{name}.*; close it in other programs"),
        ):
            write(folder, ["img000001.png", "img000003.png"])
        assert tree(folder.root) == before

    def test_a_document_is_told_of_beforehand(self, folder):
        write(folder, ["img000001.png"])
        with folder.csv.open("rb"), pytest.raises(OutputError, match="close it in other programs"):
            folder.check_ownership()

    def test_a_picture_that_is_shown_goes_later(self, folder):
        write(folder, ["img000001.png", "img000002.png"])
        with (folder.images / "img000001.png").open("rb"):
            write(folder, ["img000002.png"])
            folder.tidy()
            assert names_in(folder) == ["img000001.png", "img000002.png"]
        folder.tidy()
        assert names_in(folder) == ["img000002.png"]
        assert not list(folder.root.glob(".*"))


def test_a_table_that_is_gone_comes_back(folder):
    write(folder, ["img000001.png", "img000002.png"])
    before = folder.csv.read_bytes()
    folder.csv.unlink()
    folder.tidy()
    assert folder.csv.read_bytes() == before


def test_one_run_at_a_time_writes(folder):
    """The other one waits, and then finds what the first has left."""
    seen = []

    def wait_and_look():
        with folder.alone():
            seen.append(folder.read_record())

    other = threading.Thread(target=wait_and_look)
    with folder.alone():
        other.start()
        write(folder, ["img000001.png"])
    other.join()
    assert seen[0]["identity"] == IDENTITY
    assert not folder.lock.exists()


def test_a_change_by_hand_waits_for_no_run(folder):
    """A person would wait, too, and then change what isn't there any more."""
    write(folder, ["img000001.png"])
    before = folder.record.read_bytes()
    with folder.alone(), pytest.raises(OutputError, match="another run is at work on this video"):
        folder.amend([], None, {})
    assert folder.record.read_bytes() == before
