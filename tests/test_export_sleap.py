import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import cv2
import numpy as np
import pytest

from export_helpers import extract_cropped, extract_videos, snapshot
from footage import encode_video, read_number
from keyframes import MissingExtraError, OutputError, Settings, SettingsError, VideoError, extract
from keyframes.export import export
from keyframes.export.sleap import existing_frames

sio = pytest.importorskip("sleap_io", reason="needs the extra sleap")

FRAMES = [5, 15, 25, 35]


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return extract_videos(tmp_path_factory.mktemp("sleap"))


def suggested(labels, video):
    return [s.frame_idx for s in labels.suggestions if s.video is video]


def load(path):
    return sio.load_slp(str(path), open_videos=False)


def suggest_25(target, videos):
    """Write a SLEAP file of these videos, which suggests frame 25 of the last one."""
    suggestions = [sio.SuggestionFrame(videos[-1], 25)]
    sio.Labels(videos=videos, suggestions=suggestions).save(str(target), verbose=False)


def test_sleap_io_reads_the_suggestions(output, tmp_path):
    export("sleap", output, tmp_path / "new" / "labels.slp")
    labels = sio.load_slp(str(tmp_path / "new" / "labels.slp"))
    assert [video.filename for video in labels.videos] == [
        (output.parent / name).as_posix() for name in ("mouse.mp4", "rat.mp4")
    ]
    assert [suggested(labels, video) for video in labels.videos] == [FRAMES, FRAMES]
    assert [s.metadata["group"] for s in labels.suggestions[:4]] == [0, 1, 2, 3]
    assert labels.videos[0].shape == (40, 64, 96, 3)
    assert labels.provenance["keyframes"]["mouse"]["seed"] == 0
    assert read_number(labels.videos[0][15]) == 15


def test_a_package_holds_our_exact_pictures(output, tmp_path):
    export("sleap", output, tmp_path / "labels.pkg.slp")
    moved = tmp_path / "elsewhere.pkg.slp"
    (tmp_path / "labels.pkg.slp").rename(moved)
    labels = sio.load_slp(str(moved))
    for video, stem in zip(labels.videos, ("mouse", "rat"), strict=True):
        assert suggested(labels, video) == FRAMES
        assert video.source_video.filename == (output.parent / f"{stem}.mp4").as_posix()
        for index in FRAMES:
            png = cv2.imread(str(output / f"labeled-data/{stem}/img{index:06}.png"))
            np.testing.assert_array_equal(video[index], png[:, :, ::-1])


def test_exports_to_one_file_at_once_lose_nothing(tmp_path):
    outputs = [extract_videos(tmp_path / name, [f"{name}.mp4"]) for name in "abcdef"]
    ready = Barrier(len(outputs))

    def export_one(output):
        ready.wait()
        return export("sleap", output, tmp_path / "new" / "labels.slp").written

    with ThreadPoolExecutor(len(outputs)) as pool:
        assert all(pool.map(export_one, outputs))
    assert len(load(tmp_path / "new" / "labels.slp").suggestions) == 6 * len(FRAMES)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["labels.slp"]


def test_what_is_there_already_needs_no_writable_folder(output, tmp_path):
    export("sleap", output, tmp_path / "labels.slp")
    tmp_path.chmod(0o555)
    assert not export("sleap", output, tmp_path / "labels.slp").written
    tmp_path.chmod(0o755)


@pytest.mark.parametrize("name", ["labels.slp", "labels.pkg.slp"])
@pytest.mark.parametrize("n_bytes", [0, 20_000])
def test_a_full_disk_is_told_of_and_leaves_nothing(output, tmp_path, name, n_bytes):
    code = """if True:
        import resource, sys, pathlib
        from keyframes import OutputError
        from keyframes.export import export
        output, target, n_bytes = sys.argv[1:]
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(n_bytes), resource.RLIM_INFINITY))
        try:
            export("sleap", pathlib.Path(output), pathlib.Path(target))
        except OutputError as error:
            sys.exit(str(error))
    """
    pytest.importorskip("resource", reason="file size limits are a Unix thing")
    arguments = output, tmp_path / name, n_bytes
    done = subprocess.run(  # a crash would take the tests along
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"{name}: can't be written (File too large)" in done.stderr
    assert done.returncode == 1
    assert not list(tmp_path.iterdir())


def test_a_package_is_made_where_it_goes(output, tmp_path, monkeypatch):
    """The system's own folder for temporary files is often a small one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    left = tmp_path / ".keyframes-01234567-89abcdef"  # by a run that was killed
    left.touch()
    os.utime(left, (0, 0))
    export("sleap", output, tmp_path / "labels.pkg.slp")
    assert snapshot(tmp_path).keys() == {"labels.pkg.slp"}


@pytest.mark.parametrize(("name", "embed"), [("a.slp", False), ("a.pkg.slp", True)])
def test_the_same_bytes_again_and_then_nothing(output, tmp_path, name, embed):
    target = tmp_path / name
    export("sleap", output, target, embed=embed)
    before = snapshot(tmp_path)
    assert export("sleap", output, target, embed=embed).written == ()
    assert snapshot(tmp_path) == before
    target.unlink()
    export("sleap", output, target, embed=embed)
    assert target.read_bytes() == before[name][0]


def test_adding_keeps_all_that_the_file_holds(output, tmp_path):
    skeleton = sio.Skeleton(["nose", "tail"], edges=[("nose", "tail")])
    mouse = sio.Video(str(output.parent / "mouse.mp4"))
    other = sio.Video("somewhere/fly.mp4", open_backend=False)
    instance = sio.Instance.from_numpy(np.array([[1.5, 2.0], [np.nan, np.nan]]), skeleton)
    predicted = sio.PredictedInstance.from_numpy(
        np.array([[3.0, 4.0], [5.0, 6.0]]), skeleton, score=0.5, track=sio.Track("left")
    )
    labels = sio.Labels(
        [
            sio.LabeledFrame(video=mouse, frame_idx=15, instances=[instance]),
            sio.LabeledFrame(video=mouse, frame_idx=5, instances=[predicted]),
            sio.LabeledFrame(video=other, frame_idx=25, instances=[predicted]),
        ],
        suggestions=[sio.SuggestionFrame(mouse, 3), sio.SuggestionFrame(mouse, 35)],
        provenance={"lab": "ours"},
    )
    target = tmp_path / "labels.slp"
    labels.save(str(target), verbose=False)

    export("sleap", output, target)
    after = load(target)
    assert [video.filename for video in after.videos][:2] == [mouse.filename, other.filename]
    # 15 is labelled and 35 suggested; 5 is only predicted.
    assert suggested(after, after.videos[0]) == [3, 35, 5, 25]
    assert suggested(after, after.videos[2]) == FRAMES
    first, guess, second = after.labeled_frames
    assert guess.instances[0].score == 0.5
    np.testing.assert_array_equal(first.instances[0].numpy(), instance.numpy())
    assert (second.instances[0].score, second.instances[0].track.name) == (0.5, "left")
    assert after.skeleton.edge_names == [("nose", "tail")]
    assert after.provenance["lab"] == "ours"
    assert existing_frames(target, [output.parent / "mouse.mp4"]) == [{3, 5, 15, 25, 35}]


def test_a_cluster_that_the_file_knows_keeps_its_group(tmp_path):
    output = extract_videos(tmp_path, ["mouse.mp4"])
    record = json.loads((output / "mouse.json").read_text(encoding="utf-8"))
    record["keyframes"][1]["cluster"] = record["keyframes"][0]["cluster"]
    (output / "mouse.json").write_text(json.dumps(record), encoding="utf-8")
    video = sio.Video(str(tmp_path / "mouse.mp4"))
    suggestions = [sio.SuggestionFrame(video, index, {"group": 3}) for index in (1, 5)]
    sio.Labels(suggestions=suggestions).save(str(tmp_path / "a.slp"), verbose=False)
    export("sleap", output, tmp_path / "a.slp")
    groups = {s.frame_idx: s.metadata["group"] for s in load(tmp_path / "a.slp").suggestions}
    assert groups == {1: 3, 5: 3, 15: 3, 25: 2, 35: 4}


def test_a_video_that_moved_is_known_by_its_name(output, tmp_path):
    target = tmp_path / "labels.slp"
    moved = sio.Video(r"D:\data\mouse.mp4", open_backend=False)
    suggest_25(target, [moved])
    videos = [output.parent / "mouse.mp4", output.parent / "rat.mp4"]
    assert existing_frames(target, videos) == [{25}, set()]


def test_of_moved_videos_of_one_name_it_is_the_one_of_the_same_folder(tmp_path):
    (tmp_path / "day2").mkdir()
    encode_video(tmp_path / "day2" / "video.mp4", 30)
    target = tmp_path / "labels.slp"
    moved = [sio.Video(f"/gone/day{n}/video.mp4", open_backend=False) for n in (1, 2)]
    suggest_25(target, moved)
    assert existing_frames(target, [tmp_path / "day2" / "video.mp4"]) == [{25}]
    (tmp_path / "day2").rename(tmp_path / "day3")
    with pytest.raises(OutputError, match=r"could be /gone/day1/.* or /gone/day2/"):
        existing_frames(target, [tmp_path / "day3" / "video.mp4"])


@pytest.mark.parametrize(
    ("shape", "frames"),
    [((40, 64, 96, 3), {25}), ((60, 64, 96, 3), set()), ((40, 48, 96, 3), set())],
)
def test_a_moved_video_has_its_length_and_size(output, tmp_path, shape, frames):
    target = tmp_path / "labels.slp"
    moved = sio.Video("/gone/mouse.mp4", open_backend=False)
    moved.backend_metadata = {"type": "MediaVideo", "shape": list(shape)}
    suggest_25(target, [moved])
    assert existing_frames(target, [output.parent / "mouse.mp4"]) == [frames]


def test_another_recording_of_the_same_name_is_another_video(output, tmp_path, make_video):
    target = tmp_path / "labels.slp"
    other = sio.Video(str(make_video(tmp_path / "mouse.mp4", n_frames=30)))
    suggest_25(target, [other])
    export("sleap", output, target)
    after = load(target)
    assert len(after.videos) == 3
    assert suggested(after, after.videos[0]) == [25]


def test_another_recording_is_not_taken_for_one_that_is_gone(tmp_path):
    """As long and as large as the one that the file knows; cameras name them alike."""
    for day in (1, 2):
        (tmp_path / f"day{day}").mkdir()
        video = encode_video(tmp_path / f"day{day}" / "cam.mp4", 40, first_number=100 * day)
        extract(video, tmp_path / f"out{day}", Settings(frames=(day, 10 + day)))
    target, older = tmp_path / "labels.slp", tmp_path / "older.slp"
    export("sleap", tmp_path / "out1", target)
    labels = load(target)
    del labels.provenance["keyframes_videos"]
    labels.save(str(older), verbose=False)
    (tmp_path / "day1").rename(tmp_path / "archive")
    first, second = tmp_path / "archive" / "cam.mp4", tmp_path / "day2" / "cam.mp4"
    assert existing_frames(target, [first, second]) == [{1, 11}, set()]
    assert export("sleap", tmp_path / "out2", target).notes == ("2 frames suggested",)
    assert existing_frames(target, [first, second]) == [{1, 11}, {2, 12}]
    # A file that doesn't tell goes by the name, and that is said.
    guess, _ = export("sleap", tmp_path / "out2", older).notes
    assert guess == f"cam.mp4 is taken for the moved {tmp_path}/day1/cam.mp4; check that it is"
    assert existing_frames(older, [second]) == [{1, 2, 11, 12}]


def test_of_two_recordings_of_one_name_one_alone_has_the_entry(tmp_path):
    videos = []
    for day in (1, 2):
        (tmp_path / f"day{day}").mkdir()
        video = encode_video(tmp_path / f"day{day}" / "cam.mp4", 40, first_number=100 * day)
        extract(video, tmp_path / "out" / f"day{day}", Settings(frames=(day, 10 + day)))
        videos.append(video)
    target = tmp_path / "labels.slp"
    for path in ("/gone/day1/cam.mp4", "/gone/cam.mp4"):
        moved = sio.Video(path, open_backend=False)
        moved.backend_metadata = {"type": "MediaVideo", "shape": [40, 64, 96, 3]}
        suggest_25(target, [moved])
        if path == "/gone/day1/cam.mp4":
            assert existing_frames(target, videos) == [{25}, set()]
            export("sleap", tmp_path / "out", target)
            assert len(load(target).videos) == 2
            assert existing_frames(target, videos) == [{1, 11, 25}, {2, 12}]
        else:  # as near to one as to the other
            with pytest.raises(OutputError, match=r"could be .*day1.* or .*day2.*; mend the path"):
                export("sleap", tmp_path / "out", target)


def test_another_recording_at_the_same_place_is_refused(tmp_path):
    video = encode_video(tmp_path / "mouse.mp4", 40)
    extract(video, tmp_path / "out", Settings(frames=(5,)))
    target = tmp_path / "labels.slp"
    export("sleap", tmp_path / "out", target)
    before = target.read_bytes()
    encode_video(video, 40, first_number=100)
    with pytest.raises(OutputError, match="isn't the recording that the project holds"):
        existing_frames(target, [video])
    extract(video, tmp_path / "out2", Settings(frames=(6,)))
    with pytest.raises(OutputError, match="isn't the recording that the project holds"):
        export("sleap", tmp_path / "out2", target)
    assert target.read_bytes() == before


def test_frames_that_sleap_may_not_find_are_said(tmp_path):
    for name, pts in {
        "even": None,
        "gap": [40 * i for i in range(42) if i not in (20, 21)],
    }.items():
        video = encode_video(tmp_path / f"{name}.mkv", 40, pts=pts)
        extract(video, tmp_path / "out", Settings(frames=(5, 30)))
    note, _ = export("sleap", tmp_path / "out", tmp_path / "labels.slp").notes
    assert note.startswith("SLEAP seeks, and may show others than these frames of gap.mkv: export")
    assert len(export("sleap", tmp_path / "out", tmp_path / "labels.pkg.slp").notes) == 1


def test_a_package_is_never_added_to(output, tmp_path):
    only_mouse = extract_videos(tmp_path / "one", ["mouse.mp4"])
    target = tmp_path / "labels.pkg.slp"
    export("sleap", only_mouse, target, embed=True)
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match="without some of the keyframes"):
        export("sleap", output, target, embed=True)
    assert snapshot(tmp_path) == before


def test_cut_pictures_are_suggested_but_not_embedded(tmp_path):
    cropped = extract_cropped(tmp_path)
    export("sleap", cropped, tmp_path / "labels.slp")
    assert len(load(tmp_path / "labels.slp").suggestions) == 4
    with pytest.raises(OutputError, match="--crop-output"):
        export("sleap", cropped, tmp_path / "labels.pkg.slp", embed=True)


@pytest.mark.parametrize(("name", "embed"), [("a.slp", True), ("a.h5", False)])
def test_names_that_do_not_fit_are_refused(output, tmp_path, name, embed):
    with pytest.raises(SettingsError, match="name"):
        export("sleap", output, tmp_path / name, embed=embed)


def test_a_video_that_is_gone_or_changed_is_refused(tmp_path, make_video):
    output = extract_videos(tmp_path, ["mouse.mp4"])
    make_video(tmp_path / "mouse.mp4", n_frames=50)
    with pytest.raises(VideoError, match="isn't the video"):
        export("sleap", output, tmp_path / "a.slp")
    (tmp_path / "mouse.mp4").unlink()
    with pytest.raises(VideoError, match="isn't there any more"):
        export("sleap", output, tmp_path / "a.slp")


def test_a_file_that_is_no_sleap_file_is_refused_and_kept(output, tmp_path):
    (tmp_path / "a.slp").write_bytes(b"my notes")
    (tmp_path / "b.slp").mkdir()
    for name in ("a.slp", "b.slp"):
        with pytest.raises(OutputError, match=r"no SLEAP file that sleap-io can read; choose ano"):
            export("sleap", output, tmp_path / name)
    assert (tmp_path / "a.slp").read_bytes() == b"my notes"


def test_without_the_extra_the_error_names_the_command(output, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sleap_io", None)
    with pytest.raises(MissingExtraError, match=r'pip install "pose-keyframes\[sleap\]"'):
        export("sleap", output, tmp_path / "a.slp")
