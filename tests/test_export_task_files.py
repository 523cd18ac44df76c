"""COCO, CVAT and Label Studio, each read by its own reader."""

import json
import sys
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest

from export_helpers import extract_cropped, extract_videos, snapshot
from keyframes import OutputError, Settings, extract
from keyframes.export import export, hand_over
from keyframes.export.results import read_results

FORMATS = {
    "coco": "annotations/instances_default.json",
    "cvat": "annotations.xml",
    "label-studio": "tasks.json",
}
# What the paths in them are relative to.
BASES = {"coco": "images", "cvat": "images", "label-studio": "."}


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return extract_videos(tmp_path_factory.mktemp("tasks"), ["mouse.mp4", "rat #2 é.mp4"])


def listed(format_: str, file: Path) -> list[tuple[str, int, int]]:
    """Path, width and height of each picture."""
    if format_ == "coco":
        images = json.loads(file.read_text(encoding="utf-8"))["images"]
        return [(image["file_name"], image["width"], image["height"]) for image in images]
    if format_ == "cvat":
        images = ET.parse(file).getroot().findall("image")  # noqa: S314 - our own file
        return [(i.get("name"), int(i.get("width")), int(i.get("height"))) for i in images]
    tasks = [task["data"] for task in json.loads(file.read_text(encoding="utf-8"))]
    paths = [parse_qs(urlsplit(task["image"]).query)["d"][0] for task in tasks]
    return [(p, t["width"], t["height"]) for p, t in zip(paths, tasks, strict=True)]


@pytest.mark.parametrize("format_", FORMATS)
def test_what_has_grown_is_exported_as_the_refusal_says(run, make_video, tmp_path, format_):
    asked = ["extract", make_video(tmp_path / "mouse.mp4"), "-q", "--grow", "-k"]
    run(*asked, 4, "--export", format_, "task")
    first = listed(format_, tmp_path / "task" / FORMATS[format_])
    code, _, errors = run(*asked, 6, "--export", format_, "task")
    assert code == 2
    assert "replace it with `keyframes export --overwrite`, after extracting without" in errors
    assert run(*asked, 6) == (0, "", "")
    code, _, _ = run("export", format_, "keyframes-out", "-o", "task", "--overwrite")
    assert code == 0
    now = listed(format_, tmp_path / "task" / FORMATS[format_])
    assert len(now) == 6
    assert set(now) > set(first)


def test_coco_pictures_keep_their_ids(make_video, tmp_path):
    video, file = make_video(tmp_path / "mouse.mp4"), tmp_path / "coco" / FORMATS["coco"]
    ids = []
    for count in (3, 6):
        extract(video, tmp_path / "out", Settings(count=count), grow=count > 3)
        export("coco", tmp_path / "out", tmp_path / "coco", overwrite=True)
        images = json.loads(file.read_text(encoding="utf-8"))["images"]
        ids.append({image["file_name"]: image["id"] for image in images})
    assert sorted(ids[1].values()) == [1, 2, 3, 4, 5, 6]
    assert ids[0].items() < ids[1].items()
    before = snapshot(tmp_path)
    export("coco", tmp_path / "out", tmp_path / "coco")
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("format_", FORMATS)
def test_the_folder_holds_the_pictures_with_their_size(output, tmp_path, format_):
    export(format_, output, tmp_path)
    pictures = listed(format_, tmp_path / FORMATS[format_])
    assert len(pictures) == 8
    for path, width, height in pictures:
        encoded = np.fromfile(tmp_path / BASES[format_] / path, np.uint8)
        assert cv2.imdecode(encoded, cv2.IMREAD_COLOR).shape == (height, width, 3)


@pytest.mark.parametrize("format_", FORMATS)
def test_sizes_are_those_of_the_pictures_not_of_the_video(tmp_path, format_):
    export(format_, extract_cropped(tmp_path), tmp_path / "tasks")
    pictures = listed(format_, tmp_path / "tasks" / FORMATS[format_])
    assert {(width, height) for _, width, height in pictures} == {(64, 40)}


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_above_the_pictures_names_them_where_they_are(tmp_path, format_):
    output = extract_videos(tmp_path, ["mouse.mp4"])
    before = snapshot(output)
    target = output / f"mine{Path(FORMATS[format_]).suffix}"
    export(format_, output, target)
    assert [path for path, *_ in listed(format_, target)] == [
        f"labeled-data/mouse/img{n:06}.png" for n in (5, 15, 25, 35)
    ]
    after = snapshot(output)
    changed = {path for path in before if after[path] != before[path]}
    assert changed == {"mouse.json"}, "the record remembers where the keyframes went"
    assert {Path(path).stem for path in after.keys() - before.keys()} == {"mine"}
    export(format_, output, target)
    assert snapshot(output) == after


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_elsewhere_is_refused(output, tmp_path, format_):
    with pytest.raises(OutputError, match="don't lie below it"):
        export(format_, output, tmp_path / f"mine{Path(FORMATS[format_]).suffix}")
    assert snapshot(tmp_path) == {}


@pytest.mark.parametrize("format_", FORMATS)
def test_a_second_export_changes_nothing_and_others_are_refused(output, tmp_path, format_):
    export(format_, output, tmp_path)
    before = snapshot(tmp_path)
    assert export(format_, output, tmp_path).written == ()
    with pytest.raises(OutputError, match="or replace it with `keyframes export --overw"):
        export(format_, output, tmp_path, keypoints=["nose"])
    assert snapshot(tmp_path) == before
    export(format_, output, tmp_path, keypoints=["nose"], overwrite=True)
    changed = [path for path, content in snapshot(tmp_path).items() if content != before[path]]
    assert [Path(path).suffix for path in changed] in ([".json"], [".xml"])


@pytest.mark.parametrize("format_", FORMATS)
def test_what_keyframes_did_not_write_is_never_replaced(output, tmp_path, format_):
    (tmp_path / FORMATS[format_]).parent.mkdir(exist_ok=True)
    (tmp_path / FORMATS[format_]).write_text("[]", encoding="utf-8")
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match="was not written by keyframes"):
        export(format_, output, tmp_path, overwrite=True)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("format_", FORMATS)
def test_what_somebody_has_edited_is_never_replaced(output, tmp_path, format_):
    export(format_, output, tmp_path)
    task = tmp_path / FORMATS[format_]
    task.write_bytes(task.read_bytes().replace(b"96", b"97", 1))
    before = snapshot(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="has been edited since keyframes wrote it"):
            export(format_, output, tmp_path, overwrite=overwrite)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("format_", FORMATS)
def test_pictures_of_the_selection_that_is_replaced_go(tmp_path, format_):
    output = extract_videos(tmp_path, ["mouse.mp4"])
    export(format_, output, tmp_path / "task")
    images = tmp_path / "task" / "images" / "mouse"
    (images / "mine.png").write_bytes(b"theirs")
    extract(tmp_path / "mouse.mp4", output, Settings(frames=(5, 6)), overwrite=True)
    exported = export(format_, output, tmp_path / "task", overwrite=True)
    left = sorted(path.name for path in images.iterdir())
    # Label Studio shows them from here, maybe with labels.
    stay = [f"img0000{n}.png" for n in (15, 25, 35)] if format_ == "label-studio" else []
    assert left == sorted(["img000005.png", "img000006.png", "mine.png", *stay])
    told = [note for note in exported.notes if f"stays in {images}, since it may be lab" in note]
    assert [note.partition(" of an earlier")[0] for note in told] == [", ".join(stay)] * bool(stay)


@pytest.mark.parametrize("format_", ["coco", "cvat"])
def test_pictures_stay_that_another_file_may_have_labelled(tmp_path, format_):
    output = extract_videos(tmp_path, ["mouse.mp4"])
    export(format_, output, tmp_path / "task")
    saved = (tmp_path / "task" / FORMATS[format_]).with_name("mine.json")
    saved.write_text("{}", encoding="utf-8")
    extract(tmp_path / "mouse.mp4", output, Settings(frames=(5, 6)), overwrite=True)
    (note,) = export(format_, output, tmp_path / "task", overwrite=True).notes
    assert note.startswith("img000015.png, img000025.png, img000035.png of an earlier selection")
    assert note.endswith("since it may be labelled in mine.json")
    assert len(list((tmp_path / "task" / "images" / "mouse").iterdir())) == 5
    for name in ("Thumbs.db", "desktop.ini", "._instances.json"):
        saved.with_name(name).touch()
    saved.rename(saved.with_name(".DS_Store"))
    assert export(format_, output, tmp_path / "task", overwrite=True).notes == ()
    assert len(list((tmp_path / "task" / "images" / "mouse").iterdir())) == 2


@pytest.mark.parametrize("format_", FORMATS)
def test_what_a_task_file_names_no_more_is_said(tmp_path, format_):
    output = extract_videos(tmp_path)
    first = export(format_, output, tmp_path / "task").notes
    assert export(format_, output, tmp_path / "task", overwrite=True).notes == first
    mouse = [result for result in read_results(output) if result.stem == "mouse"]
    note, *others = hand_over(mouse, format_, tmp_path / "task", overwrite=True).notes
    assert f"{Path(FORMATS[format_]).name} names what was exported now, and rat no more" in note
    assert others == list(first)


def test_another_recording_never_gets_among_pictures_that_are_served(tmp_path):
    export("label-studio", extract_videos(tmp_path / "a", ["mouse.mp4"]), tmp_path / "studio")
    before = snapshot(tmp_path / "studio")
    other = extract_videos(tmp_path / "b", ["rat.mp4", "mouse.mp4"])
    with pytest.raises(OutputError, match="mouse: holds frames of another recording"):
        export("label-studio", other, tmp_path / "studio", overwrite=True)
    assert snapshot(tmp_path / "studio") == before


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
@pytest.mark.parametrize("format_", FORMATS)
def test_pictures_may_lie_on_another_disk(output, tmp_path, format_):
    (tmp_path / "disk").mkdir()
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "images").symlink_to(tmp_path / "disk", target_is_directory=True)
    export(format_, output, tmp_path / "task")
    pictures = listed(format_, tmp_path / "task" / FORMATS[format_])
    assert all((tmp_path / "task" / BASES[format_] / path).is_file() for path, *_ in pictures)
    assert len(list((tmp_path / "disk").rglob("*.png"))) == 8


def test_coco_tells_all_that_is_known_of_a_frame(output, tmp_path):
    export("coco", output, tmp_path, keypoints=["nose", "tail"])
    document = json.loads((tmp_path / FORMATS["coco"]).read_text(encoding="utf-8"))
    image = document["images"][1]
    assert image == {
        "id": 2,
        "file_name": "mouse/img000015.png",
        "width": 96,
        "height": 64,
        "video": "mouse.mp4",
        "frame_index": 15,
        "time_s": 0.6,
        "cluster": 1,
        "cluster_size": 10,
        "distance": image["distance"],
    }
    assert document["categories"][0]["keypoints"] == ["nose", "tail"]


def test_cvat_labels_are_the_keypoints(output, tmp_path):
    export("cvat", output, tmp_path, keypoints=["nose", "tail"])
    root = ET.parse(tmp_path / FORMATS["cvat"]).getroot()  # noqa: S314 - our own file
    labels = root.findall("meta/task/labels/label")
    assert [(x.findtext("name"), x.findtext("type")) for x in labels] == [
        ("nose", "points"),
        ("tail", "points"),
    ]


def test_label_studio_quotes_paths(output, tmp_path):
    export("label-studio", output, tmp_path)
    tasks = json.loads((tmp_path / FORMATS["label-studio"]).read_text(encoding="utf-8"))
    image = tasks[-1]["data"]["image"]
    assert image.startswith("/data/local-files/?d=images/rat%20%232%20")
    assert (tmp_path / unquote(image.partition("=")[2])).is_file()
    assert tasks[0]["data"]["frame"] == 5


@pytest.mark.parametrize(
    ("target", "folder"), [("tasks", "images"), ("out/t.json", "labeled-data")]
)
def test_label_studio_is_told_what_to_serve(tmp_path, target, folder):
    output = extract_videos(tmp_path, ["mouse.mp4"])
    root = tmp_path / "tasks" if folder == "images" else output
    start, storage, *more = export("label-studio", output, tmp_path / target).notes
    assert start.endswith(f"LOCAL_FILES_DOCUMENT_ROOT={root}")
    assert storage.endswith(f": {root / folder}")
    assert ["labelled or not" in note for note in more] == [True] * (folder == "labeled-data")


def test_pycocotools_reads_coco(output, tmp_path):
    coco = pytest.importorskip("pycocotools.coco", reason="needs pycocotools")
    export("coco", output, tmp_path, keypoints=["nose"])
    loaded = coco.COCO(str(tmp_path / FORMATS["coco"]))
    assert loaded.getImgIds() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert loaded.loadCats(loaded.getCatIds())[0]["keypoints"] == ["nose"]


@pytest.mark.filterwarnings("default")  # the reader's own
@pytest.mark.parametrize("format_", ["coco", "cvat"])
def test_datumaro_reads_coco_and_cvat(output, tmp_path, format_):
    datumaro = pytest.importorskip("datumaro", reason="needs datumaro (extra test-export)")
    export(format_, output, tmp_path)
    dataset = datumaro.Dataset.import_from(
        str(tmp_path / FORMATS[format_]), "coco_instances" if format_ == "coco" else "cvat"
    )
    shapes = {item.id: item.media.data.shape for item in dataset}
    assert len(shapes) == 8
    assert shapes["mouse/img000005"] == (64, 96, 3)


@pytest.mark.filterwarnings("default")  # the reader's own
def test_label_studio_takes_the_tasks(output, tmp_path):
    interface = pytest.importorskip(
        "label_studio_sdk.label_interface", reason="needs label-studio-sdk (extra test-export)"
    )
    export("label-studio", output, tmp_path, keypoints=["nose", "tail"])
    config = (tmp_path / "tasks.xml").read_text(encoding="utf-8")
    labels = interface.LabelInterface(config)
    for task in json.loads((tmp_path / FORMATS["label-studio"]).read_text(encoding="utf-8")):
        assert labels.validate_task(task)
    assert not labels.validate_task({"data": {"text": "no picture"}})
