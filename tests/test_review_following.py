"""What was exported follows a review: the labelling tools' own readers see what is chosen now."""

import html
import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

import keyframes.export
from export_helpers import snapshot
from keyframes import OutputError, Settings, extract
from keyframes.export import export
from keyframes.export.history import read_history
from keyframes.export.lightning_pose import withdraw_from_lightning_pose
from keyframes.files import read_json, write_json
from keyframes.images import encode_png, read_label, read_picture
from keyframes.output import OutputFolder
from keyframes.review import say_what_follows
from keyframes.review import session as session_module
from reviewing import open_stem

CONFIG = "Task: Reach\nscorer: me\nvideo_sets: {}\nbodyparts: [nose]\nstart: 0\nstop: 1\n"
TASKS = {
    "coco": "annotations/instances_default.json",
    "cvat": "annotations.xml",
    "label-studio": "tasks.json",
}


@pytest.fixture(scope="module")
def video(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("video") / "mouse.mp4", n_frames=60)


@pytest.fixture
def project(tmp_path):
    pytest.importorskip("ruamel.yaml", reason="needs the extra dlc")
    project = tmp_path / "reach"
    project.mkdir()
    (project / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return project


def review(out, stem="mouse"):
    return open_stem(out, stem)


def chosen(out, stem="mouse"):
    return [row["frame_index"] for row in read_json(out / f"{stem}.json")["keyframes"]]


def pictures(folder):
    """Every picture's bytes by its frame."""
    return {int(path.stem.removeprefix("img")): path.read_bytes() for path in folder.glob("*.png")}


class TestDeepLabCut:
    def test_pictures_come_and_go(self, out, project):
        export("deeplabcut", out, project / "config.yaml")
        folder, before = project / "labeled-data" / "mouse", snapshot(project)
        session, first = review(out), chosen(out)[0]
        assert session.reject(first).warnings == []
        assert first not in pictures(folder)
        assert pictures(folder) == pictures(out / "labeled-data" / "mouse")
        assert session.add(next(n for n in range(60) if n not in pictures(folder))).warnings == []
        assert len(pictures(folder)) == 6
        session.undo()
        session.undo()
        assert {name: content for name, (content, _) in snapshot(project).items()} == {
            name: content for name, (content, _) in before.items()
        }

    def test_what_is_labelled_stays(self, out, project):
        export("deeplabcut", out, project)
        folder, (first, second, *_) = project / "labeled-data" / "mouse", chosen(out)
        table = f"scorer,,,me\nlabeled-data,mouse,img{first:02d}.png,5\n"
        (folder / "CollectedData_me.csv").write_text(table, encoding="utf-8")
        (folder / "CollectedData_me.h5").touch()
        session = review(out)
        assert session.reject(first).warnings == [
            f"Frame {first} stays in reach: it is labelled there."
        ]
        assert session.reject(second).warnings == []
        assert set(pictures(folder)) == {first, *chosen(out)}

    @pytest.mark.parametrize(
        "row",
        ["/old/place/labeled-data/mouse/{};5", "labeled-data/Mouse/{},5", "labeled-data/m/{},5"],
    )
    def test_what_is_labelled_stays_however_its_row_is_spelled(self, out, project, row):
        export("deeplabcut", out, project)
        folder, frame = project / "labeled-data" / "mouse", chosen(out)[0]
        table = f"scorer,me\n{row.format(f'img{frame:02d}.png')}\n"
        (folder / "CollectedData_me.csv").write_text(table, encoding="utf-8")
        assert len(review(out).reject(frame).warnings) == 1
        assert frame in pictures(folder)

    def test_predictions_are_no_labels(self, out, project):
        """What DeepLabCut writes beside the outliers that it extracts; the stems differ."""
        export("deeplabcut", out, project)
        folder, frame = project / "labeled-data" / "mouse", chosen(out)[0]
        (folder / "machinelabels-iter0.h5").touch()
        table = f"scorer,,,net\nlabeled-data,mouse,img{frame:02d}.png,5\n"
        (folder / "machinelabels.csv").write_text(table, encoding="utf-8")
        for name in ("._CollectedData_me.csv", "._CollectedData_old.h5"):  # macOS's, of its own
            (folder / name).write_bytes(b"\0\5\x16\7\xff")
        assert review(out).reject(frame).warnings == []
        assert set(pictures(folder)) == {*chosen(out)}

    def test_what_was_there_before_stays(self, out, project):
        folder, frame = project / "labeled-data" / "mouse", chosen(out)[1]
        folder.mkdir(parents=True)
        theirs = folder / f"img{frame:02d}.png"
        cv2.imwrite(str(theirs), np.zeros((64, 96, 3), np.uint8))
        content = theirs.read_bytes()
        export("deeplabcut", out, project)
        assert review(out).reject(frame).warnings == [
            f"Frame {frame} stays in reach: nothing says that keyframes put it there."
        ]
        assert theirs.read_bytes() == content

    def test_labels_that_cannot_be_read_are_not_risked(self, out, project):
        export("deeplabcut", out, project)
        folder, frame = project / "labeled-data" / "mouse", chosen(out)[1]
        (folder / "CollectedData_me.h5").touch()
        (warning,) = review(out).reject(frame).warnings
        assert warning.startswith("reach doesn't follow: ")
        assert "has no .csv beside it" in warning
        assert frame in pictures(folder)

    def test_a_project_that_is_gone_is_said_once(self, out, project, tmp_path):
        export("deeplabcut", out, project)
        project.rename(tmp_path / "elsewhere")
        session = review(out)
        (warning,) = session.reject(chosen(out)[0]).warnings
        assert "reach isn't there any more" in warning
        assert session.reject(chosen(out)[0]).warnings == []
        assert not project.exists()

    @pytest.mark.parametrize("is_there", [True, False])
    def test_a_change_that_was_cut_short_is_made_up_for(
        self, out, project, monkeypatch, tmp_path, is_there
    ):
        export("deeplabcut", out, project)
        session = review(out)

        def stop(folder, video):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(session_module, "follow_exports", stop)
            with pytest.raises(KeyboardInterrupt):
                session.reject(chosen(out)[0])
        assert set(pictures(project / "labeled-data" / "mouse")) != set(chosen(out))
        if not is_there:
            project.rename(tmp_path / "elsewhere")
        page = review(out).page()
        assert ("reach isn&#39;t there any more" in page) != is_there
        if is_there:
            assert set(pictures(project / "labeled-data" / "mouse")) == set(chosen(out))


class TestSleap:
    @pytest.fixture
    def sio(self):
        return pytest.importorskip("sleap_io", reason="needs the extra sleap")

    def suggested(self, sio, target):
        labels = sio.load_slp(str(target), open_videos=False)
        return sorted(suggestion.frame_idx for suggestion in labels.suggestions)

    def test_suggestions_come_and_go(self, sio, out, tmp_path):
        target, before = tmp_path / "labels.slp", chosen(out)
        export("sleap", out, target)
        session = review(out)
        assert session.reject(before[0]).warnings == []
        assert self.suggested(sio, target) == chosen(out) != before
        session.undo()
        assert self.suggested(sio, target) == chosen(out) == before

    def test_what_a_person_did_stays(self, sio, out, tmp_path):
        """Suggested by hand before the export, or labelled after it."""
        target, (by_hand, labelled, ours, *_) = tmp_path / "labels.slp", chosen(out)
        mouse = sio.Video(read_json(out / "mouse.json")["video"]["path"])
        skeleton = sio.Skeleton(["nose"])
        labels = sio.Labels(videos=[mouse], suggestions=[sio.SuggestionFrame(mouse, by_hand)])
        labels.save(str(target), verbose=False)
        export("sleap", out, target)
        labels = sio.load_slp(str(target))
        nose = sio.Instance.from_numpy(np.array([[1.5, 2.0]]), skeleton)
        frame = sio.LabeledFrame(video=labels.videos[0], frame_idx=labelled, instances=[nose])
        labels.append(frame)
        labels.save(str(target), verbose=False)

        session = review(out)
        assert session.reject(by_hand).warnings == [
            f"Frame {by_hand} stays in labels.slp: nothing says that keyframes put it there."
        ]
        assert session.reject(labelled).warnings == [
            f"Frame {labelled} stays in labels.slp: it is labelled there."
        ]
        assert session.reject(ours).warnings == []
        assert self.suggested(sio, target) == sorted([by_hand, labelled, *chosen(out)])
        (frame,) = sio.load_slp(str(target), open_videos=False).labeled_frames
        assert frame.frame_idx == labelled
        np.testing.assert_array_equal(frame.instances[0].numpy(), nose.numpy())

    def test_what_a_person_suggests_again_is_theirs(self, sio, out, tmp_path):
        target, frame = tmp_path / "labels.slp", chosen(out)[0]
        export("sleap", out, target)
        session = review(out)
        session.reject(frame)
        labels = sio.load_slp(str(target))
        labels.suggestions.append(sio.SuggestionFrame(labels.videos[0], frame))
        labels.save(str(target), verbose=False)
        session.undo()
        assert len(session.reject(frame).warnings) == 1
        assert frame in self.suggested(sio, target)

    @pytest.mark.usefixtures("sio")
    def test_a_package_stays_as_it_is(self, out, tmp_path):
        target = tmp_path / "labels.pkg.slp"
        export("sleap", out, target, embed=True)
        export("sleap", out, tmp_path / "labels.slp")
        before, session = target.read_bytes(), review(out)
        foreseen = say_what_follows(OutputFolder(out, "mouse"))
        assert foreseen in html.unescape(session.page())
        (warning,) = session.reject(chosen(out)[0]).warnings
        assert warning.startswith(
            "labels.pkg.slp doesn't follow: nothing can be added to a package"
        )
        assert foreseen == f"Every change is saved at once, also in labels.slp. {warning}"
        assert target.read_bytes() == before


class TestLightningPose:
    def queue(self, target):
        lines = (target / "CollectedData.unlabeled.jsonl").read_text(encoding="utf-8").splitlines()
        return [int(json.loads(line)["frame_path"][-12:-4]) for line in lines]

    def test_frames_queue_and_neighbours_follow(self, out, tmp_path):
        target, before = tmp_path / "lp", chosen(out)
        export("lightning-pose", out, target, context=1)
        files = snapshot(target).keys()
        session = review(out)
        assert session.reject(before[2]).warnings == []
        assert sorted(self.queue(target)) == chosen(out)
        near = {n for frame in chosen(out) for n in (frame - 1, frame, frame + 1) if 0 <= n < 60}
        assert set(pictures(target / "labeled-data" / "mouse")) == near
        session.undo()
        assert snapshot(target).keys() == files
        neighbour = next(iter(near - {*before}))
        session.add(neighbour)
        assert neighbour in self.queue(target)
        assert session.undo().warnings == [], "it is a neighbour again"
        assert snapshot(target).keys() == files

    def test_what_is_labelled_stays_with_its_neighbours(self, out, tmp_path):
        target, frame = tmp_path / "lp", chosen(out)[2]
        export("lightning-pose", out, target, context=1)
        with (target / "CollectedData.csv").open("a", encoding="utf-8") as table:
            table.write(f"labeled-data/mouse/img{frame:08d}.png,1,2\n")
        (warning,) = review(out).reject(frame).warnings
        assert warning == f"Frame {frame} stays in lp: it is labelled there."
        assert {frame - 1, frame, frame + 1} <= pictures(target / "labeled-data" / "mouse").keys()

    def test_cameras_that_differ_now_are_said(self, make_video, tmp_path):
        for view in ("top", "side"):
            video = make_video(tmp_path / f"day1_{view}.mp4", n_frames=30)
            extract(video, tmp_path / "out", Settings(count=3, method="uniform"))
        export("lightning-pose", tmp_path / "out", tmp_path / "lp", views=("top", "side"))
        before = snapshot(tmp_path / "lp")
        session = review(tmp_path / "out", "day1_top")
        (warning,) = session.reject(chosen(tmp_path / "out", "day1_top")[0]).warnings
        assert "are different frames" in warning
        assert snapshot(tmp_path / "lp") == before
        assert session.undo().warnings == []
        assert snapshot(tmp_path / "lp").keys() == before.keys()

    def test_of_several_cameras_each_has_its_own_queue_and_labels(self, make_video, tmp_path):
        out, target = tmp_path / "out", tmp_path / "lp"
        for view in ("top", "side"):
            video = make_video(tmp_path / f"day 1_{view}.mp4", n_frames=30)
            extract(video, out, Settings(count=3, method="uniform"))
        export("lightning-pose", out, target, views=("top", "side"))
        first, second, third = chosen(out, "day 1_side")
        with (target / "CollectedData_side.csv").open("a", encoding="utf-8") as table:
            table.write(f"labeled-data/day-1_side/img{second:08d}.png,1,2\n")
        before = snapshot(target)
        gone = {
            frame: out / "labeled-data" / "day 1_side" / f"img{frame:06d}.png"
            for frame in (first, second)
        }
        (past,) = read_history(out / "day 1_side.json")
        stays = withdraw_from_lightning_pose(past, video, gone)
        assert stays == {second: "it is labelled there"}
        assert set(pictures(target / "labeled-data" / "day-1_side")) == {second, third}
        after = snapshot(target)
        changed = {name for name in before if before[name] != after.get(name)}
        assert changed == {
            f"labeled-data/day-1_side/img{first:08d}.png",
            "CollectedData_side.unlabeled.jsonl",
        }
        assert after.keys() <= before.keys()

    def test_a_queue_that_another_program_wrote_again_follows(self, out, tmp_path):
        export("lightning-pose", out, tmp_path / "lp")
        path = tmp_path / "lp" / "CollectedData.unlabeled.jsonl"
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        assert review(out).reject(chosen(out)[0]).warnings == []
        assert sorted(self.queue(tmp_path / "lp")) == chosen(out)


def stays(tool, frame):
    """Label Studio shows pictures from where they are, and keeps the labels to itself."""
    there = [f"Frame {frame} stays in task: it may be labelled there."]
    return there if tool == "label-studio" else []


def contents(folder):
    """What the files hold but for the ids that COCO pictures keep, and the seal on these."""
    own = re.compile(rb'"id": \d+| [0-9a-f]{64}')
    return {name: own.sub(b"", content) for name, (content, _) in snapshot(folder).items()}


@pytest.mark.parametrize("tool", TASKS)
class TestTaskFiles:
    def test_follow_with_their_pictures(self, out, tmp_path, tool):
        export(tool, out, tmp_path / "task", keypoints=("nose", "tail"))
        first = chosen(out)[0]
        assert review(out).reject(first).warnings == stays(tool, first)
        export(tool, out, tmp_path / "anew", keypoints=("nose", "tail"))
        followed, anew = contents(tmp_path / "task"), contents(tmp_path / "anew")
        picture = {f"images/mouse/img{first:06d}.png"} if tool == "label-studio" else set()
        assert followed.keys() == anew.keys() | picture
        assert all(followed[name] == anew[name] for name in anew)

    def test_above_the_pictures_follow_alone(self, out, tool):
        target = out / f"mine{Path(TASKS[tool]).suffix}"
        export(tool, out, target)
        frame = chosen(out)[0]
        assert f"img{frame:06d}" in target.read_text(encoding="utf-8")
        assert review(out).reject(frame).warnings == []
        assert f"img{frame:06d}" not in target.read_text(encoding="utf-8")

    def test_that_somebody_has_changed_stay(self, out, tmp_path, tool):
        export(tool, out, tmp_path / "task")
        file = tmp_path / "task" / TASKS[tool]
        file.write_bytes(file.read_bytes() + b"\n")
        before = snapshot(tmp_path / "task")
        session = review(out)
        assert session.reject(chosen(out)[0]).warnings == [
            "task doesn't follow: it was changed since; export to another place."
        ]
        assert snapshot(tmp_path / "task") == before

    def test_what_another_file_may_have_labelled_stays(self, out, tmp_path, tool):
        export(tool, out, tmp_path / "task")
        (tmp_path / "task" / TASKS[tool]).with_name("mine.json").write_text("{}")
        frame = chosen(out)[0]
        (warning,) = review(out).reject(frame).warnings
        assert warning.startswith(f"Frame {frame} stays in task: it may be labelled")
        assert frame in pictures(tmp_path / "task" / "images" / "mouse")

    def test_of_several_videos_keep_the_others(self, make_video, tmp_path, tool):
        out = tmp_path / "out"
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            video = make_video(tmp_path / folder / "mouse.mp4", n_frames=30)
            extract(video, out / folder, Settings(count=3))
        export(tool, out, tmp_path / "task")
        first = chosen(out / "a")[0]
        assert review(out / "a").reject(first).warnings == stays(tool, first)
        (tmp_path / "task" / f"images/a/mouse/img{first:06d}.png").unlink(missing_ok=True)
        export(tool, out, tmp_path / "anew")
        followed, anew = contents(tmp_path / "task"), contents(tmp_path / "anew")
        assert len([name for name in anew if "b/mouse" in name]) == 3
        assert followed == anew

    def test_videos_are_reviewed_in_turn(self, make_video, tmp_path, tool):
        out, stems = tmp_path / "out", ("mouse", "rat")
        for stem in stems:
            video = make_video(tmp_path / f"{stem}.mp4", n_frames=30)
            extract(video, out, Settings(count=3))
        sessions = [review(out, stem) for stem in stems]
        export(tool, out, tmp_path / "task")
        for stem, session in [*zip(stems, sessions, strict=True)] * 2:
            first = chosen(out, stem)[0]
            assert session.reject(first).warnings == stays(tool, first)
        text = (tmp_path / "task" / TASKS[tool]).read_text(encoding="utf-8")
        pictures = {f"{stem}/img{frame:06d}" for stem in stems for frame in chosen(out, stem)}
        assert set(re.findall(r"\w+/img\d{6}", text)) == pictures


def test_exports_of_what_has_grown_follow(out, video, tmp_path):
    export("coco", out, tmp_path / "task")
    extract(video, out, Settings(count=7), grow=True)
    assert review(out).reject(chosen(out)[0]).warnings == []
    assert pictures(tmp_path / "task" / "images" / "mouse").keys() == {*chosen(out)}


@pytest.mark.parametrize("tool", ["deeplabcut", "lightning-pose"])
def test_growing_changes_what_pictures_say_but_not_whose_they_are(out, video, project, tool):
    export(tool, out, project)
    folder, (first, second, *_) = project / "labeled-data" / "mouse", chosen(out)
    extract(video, out, Settings(count=7), grow=True)
    ours = pictures(out / "labeled-data" / "mouse")
    assert ours[first] != pictures(folder)[first]
    session = review(out)
    assert session.reject(first).warnings == []
    assert first not in pictures(folder)
    edited = next(folder.glob(f"img*{second}.png"))
    edited.write_bytes(encode_png(255 - read_picture(edited), read_label(edited)))
    assert session.reject(second).warnings == [
        f"Frame {second} stays in reach: nothing says that keyframes put it there."
    ]


@pytest.mark.parametrize(("settings", "is_kept"), [(Settings(count=5), True), (Settings(), False)])
def test_exports_are_of_what_was_exported(out, video, tmp_path, settings, is_kept):
    export("coco", out, tmp_path / "task")
    extract(video, out, settings, overwrite=True)
    assert ("exports" in read_json(out / "mouse.json")) is is_kept


def test_what_overwriting_loses_is_said_once(out, video, tmp_path):
    export("sleap", out, tmp_path / "labels.slp")
    review(out).reject(chosen(out)[0])
    *_, exported, changed = extract(video, out, Settings(count=8), overwrite=True).warnings
    assert exported.startswith("other keyframes than these were exported to labels.slp: export")
    assert changed == "what was changed by hand is replaced: 1 change"
    assert read_json(out / "mouse.json")["warnings"] == []
    assert extract(video, out, Settings(count=8), overwrite=True).warnings == ()


@pytest.mark.parametrize("tool", ["deeplabcut", "sleap", "lightning-pose", *TASKS])
def test_in_a_copied_study_the_copies_follow(finished, project, tmp_path, tool):
    if tool == "sleap":
        pytest.importorskip("sleap_io", reason="needs the extra sleap")
    study = shutil.copytree(finished, tmp_path / "study" / "out").parent
    to = study / ("labels.slp" if tool == "sleap" else "task")
    if tool == "deeplabcut":
        project.rename(to)
    export(tool, study / "out", to)
    shutil.copytree(study, tmp_path / "copy")
    before, frame = snapshot(study), chosen(study / "out")[0]
    assert review(tmp_path / "copy" / "out").reject(frame).warnings == stays(tool, frame)
    assert snapshot(study) == before
    copied, changed = (snapshot(tmp_path / name) for name in ("study", "copy"))
    name = to.name if to.is_file() else f"{to.name}/"
    assert any(copied[file] != changed.get(file) for file in copied if file.startswith(name))


def test_what_will_not_follow_is_said_beforehand_and_stays_noted(out, tmp_path):
    for task in ("gone", "edited", "kept"):
        export("coco", out, tmp_path / task)
    shutil.rmtree(tmp_path / "gone")
    tasks = tmp_path / "edited" / TASKS["coco"]
    tasks.write_bytes(tasks.read_bytes() + b"\n")
    before = read_json(out / "mouse.json")
    said = say_what_follows(OutputFolder(out, "mouse"))
    assert said.startswith("Every change is saved at once, also in kept. gone doesn't follow: ")
    assert "edited doesn't follow: it was changed since" in said
    assert read_json(out / "mouse.json") == before


def test_what_lies_elsewhere_follows_and_is_said_once(out, tmp_path):
    export("coco", out, tmp_path / "task")
    far = tmp_path / "far" / "off"
    far.mkdir(parents=True)
    session = review(out.rename(far / "out"))
    assert session.reject(chosen(far / "out")[0]).warnings == [
        f"{tmp_path / 'task'} is what follows: no copy of it lies as it did."
    ]
    assert pictures(tmp_path / "task/images/mouse").keys() == {*chosen(far / "out")}
    assert session.reject(chosen(far / "out")[0]).warnings == []


def test_a_copy_beside_leaves_alone_what_was_exported_from_the_original(out, tmp_path):
    export("coco", out, tmp_path / "task")
    copy = shutil.copytree(out, tmp_path / "copy")
    before = snapshot(tmp_path / "task")
    (warning,) = review(copy).reject(chosen(copy)[0]).warnings
    assert warning == (
        f"task doesn't follow: it goes with {out}, of which this is a copy; export to another "
        "place."
    )
    assert snapshot(tmp_path / "task") == before
    renamed = out.rename(tmp_path / "renamed")
    assert review(renamed).reject(chosen(renamed)[0]).warnings == []


def test_pictures_that_are_labelled_stay(out):
    name = f"img{chosen(out)[0]:06d}.png"
    picture = next(out.glob(f"labeled-data/mouse/{name}"))
    rows = "scorer,,,me,me", "bodyparts,,,nose,nose", "coords,,,x,y"
    table = picture.with_name("CollectedData_me.csv")
    table.write_text("\n".join([*rows, f"labeled-data,mouse,{name},3,4"]), encoding="utf-8")
    session, (first, second, *_) = review(out), chosen(out)
    with pytest.raises(OutputError, match=r"would go \(img.*\); move the table away"):
        session.reject(first)
    session.reject(second)
    assert picture.exists()


def test_exports_that_earlier_versions_noted_follow(out, tmp_path):
    """By absolute paths alone."""
    export("coco", out, tmp_path / "task")
    record = read_json(out / "mouse.json")
    (past,) = record["exports"]
    del past["from_here"], past["origin"]
    past["files"] = {str(tmp_path / path): digest for path, digest in past["files"].items()}
    write_json(out / "mouse.json", record)
    session = review(out)
    assert session.reject(chosen(out)[0]).warnings == []
    assert pictures(tmp_path / "task/images/mouse").keys() == {*chosen(out)}
    assert len(read_history(out / "mouse.json")) == 1


@pytest.mark.parametrize("place", [r"C:\walks\task", "/walks/task"])
def test_exports_of_another_system_stay_noted(out, tmp_path, place):
    export("coco", out, tmp_path / "task")
    record = read_json(out / "mouse.json")
    (ours,) = record["exports"]
    theirs = {**ours, "destination": place, "from_here": "../walks/task"}
    write_json(out / "mouse.json", {**record, "exports": [theirs, ours]})
    (warning,) = review(out).reject(chosen(out)[0]).warnings
    assert warning.endswith(f"doesn't follow: {Path(place)} isn't there any more.")
    if Path(place).is_absolute():
        (followed,) = read_json(out / "mouse.json")["exports"]
    else:
        kept, followed = read_json(out / "mouse.json")["exports"]
        assert kept == theirs
    assert followed["destination"] == str(tmp_path / "task")


def test_only_exports_that_were_made_are_remembered(out, tmp_path):
    with pytest.raises(OutputError):
        export("coco", out, out / "beside" / "task.json")
    assert "exports" not in read_json(out / "mouse.json")
    export("coco", out, tmp_path / "task", overwrite=True)
    export("coco", out, tmp_path / "task", keypoints=("nose",), overwrite=True)
    (past,) = read_json(out / "mouse.json")["exports"]
    assert past["options"] == {"keypoints": ["nose"]}
    assert past["destination"] == str(tmp_path / "task")


@pytest.mark.parametrize("tool", ["deeplabcut", "sleap", "lightning-pose", *TASKS])
def test_an_export_that_was_killed_before_it_was_noted_is_mended_by_another(out, project, tool):
    if tool == "sleap":
        pytest.importorskip("sleap_io", reason="needs the extra sleap")
    to = project.with_name("labels.slp" if tool == "sleap" else "task")
    if tool == "deeplabcut":
        project.rename(to)
    record, frame = read_json(out / "mouse.json"), chosen(out)[0]
    export(tool, out, to)
    write_json(out / "mouse.json", record)
    before = snapshot(to.parent)
    assert not export(tool, out, to).written
    assert review(out).reject(frame).warnings == stays(tool, frame)
    assert snapshot(to.parent) != before


def test_a_record_that_cannot_be_written_does_not_stop_an_export(out, tmp_path, monkeypatch):
    def refuse(results, now, exported):
        raise OutputError("mouse.json: can't be written")

    monkeypatch.setattr(keyframes.export, "remember", refuse)
    exported = export("coco", out, tmp_path / "task")
    assert "mouse.json: can't be written" in exported.notes[-1]
    assert (tmp_path / "task" / TASKS["coco"]).exists()
