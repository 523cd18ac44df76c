"""Reviewing a selection: what may stand in, what is saved, and who is answered."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

import keyframes.output
from export_helpers import tree
from factories import make_features
from footage import read_number
from keyframes import extract
from keyframes.describe import plan_sampling
from keyframes.errors import OutputError, SettingsError, VideoError
from keyframes.export import export
from keyframes.files import read_json, remove_leftovers, write_json
from keyframes.images import read_label
from keyframes.output import OutputFolder
from keyframes.records import Clustering, Crop
from keyframes.report import render_index
from keyframes.review import ReviewServer
from keyframes.review.gallery import Gallery
from keyframes.review.stand_ins import stand_ins
from keyframes.settings import Settings
from keyframes.video import Span, index_video, parse_position, read_thumbnails
from reviewing import open_stem, serve

STEM = "bee 1"


@pytest.fixture(scope="module")
def video(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("video") / f"{STEM}.mp4", n_frames=60)


def open_in(out, video=None):
    return open_stem(out, STEM, video)


def chosen(out):
    return [row["frame_index"] for row in read_json(out / f"{STEM}.json")["keyframes"]]


def check_consistent(out):
    """Record, PNGs, table and report tell of the same frames, and nothing else lies there."""
    frames = chosen(out)
    assert frames == sorted(set(frames))
    names = [f"img{frame:06d}.png" for frame in frames]
    folder = out / "labeled-data" / STEM
    assert sorted(path.name for path in folder.iterdir()) == names
    for frame, name in zip(frames, names, strict=True):
        assert read_number(cv2.imread(str(folder / name))) == frame
        assert read_label(folder / name)["frame_index"] == str(frame)
    lines = (out / f"{STEM}.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [int(line.split(",")[1]) for line in lines] == frames
    page = (out / f"{STEM}.html").read_text(encoding="utf-8")
    assert [int(frame) for frame in re.findall(r'alt="Frame (\d+), at', page)] == frames
    assert sorted(path.name for path in out.iterdir()) == [
        f"{STEM}.csv", f"{STEM}.html", f"{STEM}.json", "labeled-data",
    ]  # fmt: skip


class TestStandIns:
    """Candidates on a line, 10 apart in value from one cluster to the next."""

    def make(self, values, labels, distances, **options):
        clustering = Clustering(
            max(labels) + 1, np.array(labels, np.int32), np.array(distances, np.float32)
        )
        return make_features(values, **options), clustering

    def ask(self, features, clustering, row, chosen, refused=(), n=9, **options):
        arrays = {
            "chosen": np.array(chosen, np.int64),
            "refused": np.array(refused, np.int64),
        }
        return stand_ins(features, clustering, row, n=n, **arrays, **options).tolist()

    def test_members_by_distance(self):
        features, clustering = self.make(
            [0, 3, 6, 9, 100, 103], [0, 0, 0, 0, 1, 1], [0, 3, 1, 2, 0, 1]
        )
        assert self.ask(features, clustering, 0, [0, 4]) == [2, 3, 1]
        assert self.ask(features, clustering, 0, [0, 4], refused=[2]) == [3, 1]
        assert self.ask(features, clustering, 0, [0, 4], n=1) == [2]

    def test_next_to_the_centre_comes_before_the_edge_of_the_cluster(self):
        # Members that are 0.8 apart look alike, whatever lies far outside.
        values = [0, 0.1, 1, 1.5, 2, 2.2, 2.5, 4.5, 20, 20.1]
        distances = [*values[:8], 0, 0.1]
        features, clustering = self.make(values, [0] * 8 + [1] * 2, distances)
        for n in (1, 3, 9):
            others = self.ask(features, clustering, 0, [0, 8], n=n)
            assert others == [2, 4, 7, 1, 3, 5, 6][:n]
        # Neither a copy of a rejected one nor of another keyframe.
        assert self.ask(features, clustering, 2, [2, 8], refused=[0], n=1) == [4]
        assert self.ask(features, clustering, 0, [0, 3, 8], n=1) == [6]

    def test_what_looks_new_comes_first(self):
        # Mean squared distance of the members about 250: below 50, two of them look alike.
        features, clustering = self.make(
            [0, 0.1, 0.2, 9, 9.1, 18, -18], [0] * 7, [0, 1, 2, 3, 4, 5, 6]
        )
        assert self.ask(features, clustering, 0, [0]) == [3, 5, 6, 1, 2, 4]
        assert self.ask(features, clustering, 0, [0], refused=[5]) == [3, 6, 1, 2, 4]

    def test_blank_ones_and_near_ones_in_time_are_left_out(self):
        features, clustering = self.make(
            [0, 5, 10, 15], [0] * 4, [0, 1, 2, 3], blank=[False, True, False, False]
        )
        assert self.ask(features, clustering, 0, [0]) == [2, 3]
        # Row 2 at 0.2 s is too near to row 3, unless it replaces that one.
        assert self.ask(features, clustering, 0, [0, 3], min_gap_s=0.15) == []
        assert self.ask(features, clustering, 3, [0, 3], min_gap_s=0.15) == [2]

    def test_a_cluster_of_one_borrows_from_its_surroundings(self):
        features, clustering = self.make([0, 4, 8, 50, 54], [0, 1, 1, 2, 2], [0, 0, 1, 0, 1])
        assert self.ask(features, clustering, 0, [0, 3]) == [1, 2]

    def test_still_video(self):
        features, clustering = self.make([1, 1, 1], [0, 0, 0], [0, 0, 0])
        assert self.ask(features, clustering, 0, [0]) == [1, 2]


class TestSession:
    def test_reject_puts_the_next_in_its_place(self, out):
        before = chosen(out)
        session = open_in(out)
        outcome = session.reject(before[2])
        assert outcome.frame not in before
        assert chosen(out) == sorted({*before, outcome.frame} - {before[2]})
        check_consistent(out)
        record = read_json(out / f"{STEM}.json")
        assert record["curation"] == [
            {"action": "reject", "removed": before[2], "added": outcome.frame}
        ]
        again = session.reject(outcome.frame)
        assert again.frame not in {before[2], outcome.frame}
        check_consistent(out)

    def test_swap_takes_a_candidate(self, out):
        session, before = open_in(out), chosen(out)
        candidates = [candidate["frame"] for candidate in session.candidates(before[0])]
        assert len(candidates) >= 3
        assert not set(candidates) & set(before)
        session.swap(before[0], candidates[2])
        assert chosen(out) == sorted({*before, candidates[2]} - {before[0]})
        check_consistent(out)
        # What was swapped is still to be had; what was rejected isn't.
        assert before[0] in [c["frame"] for c in session.candidates(candidates[2])]
        rejected = candidates[2]
        new = session.reject(rejected).frame
        assert new != before[0], "given up once is enough"
        assert rejected not in [c["frame"] for c in session.candidates(new)]

    def test_add(self, out):
        session, before = open_in(out), chosen(out)
        frame = next(n for n in range(60) if n not in before)
        session.add(frame)
        assert chosen(out) == sorted([*before, frame])
        check_consistent(out)
        record = read_json(out / f"{STEM}.json")
        assert record["found"] == 6
        assert (record["asked"], record["shortfall"]) == (5, 0)
        assert "<small> of 5" not in (out / f"{STEM}.html").read_text(encoding="utf-8")
        with pytest.raises(SettingsError, match="is a keyframe already"):
            session.add(frame)
        with pytest.raises(SettingsError, match="there is no frame 60; the last one is 59"):
            session.add(60)

    def test_undoing_everything_leaves_the_very_same_bytes(self, video, tmp_path):
        out = tmp_path / "out"
        extract(video, out, Settings(count=5))
        before = tree(out)
        session = open_in(out)
        first, second, *_ = chosen(out)
        session.reject(first)
        session.swap(second, session.candidates(second)[0]["frame"])
        session.add(next(n for n in range(60) if n not in {*chosen(out), first, second}))
        assert tree(out).keys() != before.keys()
        again = open_in(out)  # the record remembers
        for _ in range(3):
            again.undo()
            check_consistent(out)
        assert tree(out) == before
        with pytest.raises(SettingsError, match="nothing is left to undo"):
            again.undo()

    def test_all_can_go_but_the_last(self, video, tmp_path):
        span = Span(parse_position("10f"), parse_position("12f"))
        extract(video, tmp_path, Settings(count=2, span=span))
        session = open_in(tmp_path)
        with pytest.raises(SettingsError, match="frame 9 wasn't looked at"):
            session.swap(10, 9)
        assert session.reject(10).frame is None
        assert chosen(tmp_path) == [11]
        assert read_json(tmp_path / f"{STEM}.json")["shortfall"] == 1
        with pytest.raises(SettingsError, match="frame 11 is the last keyframe"):
            session.reject(11)
        check_consistent(tmp_path)

    def test_extracting_again_keeps_the_persons_work(self, out, video):
        session = open_in(out)
        session.reject(chosen(out)[0])
        after = tree(out)
        selection = extract(video, out, Settings(count=5))
        assert selection.frame_indices == chosen(out)
        assert tree(out) == after

    def test_an_export_has_what_is_chosen_now(self, out, tmp_path):
        session = open_in(out)
        frame = chosen(out)[1]
        outcome = session.reject(frame)
        export("coco", out, tmp_path / "coco")
        names = {path.name for path in (tmp_path / "coco").rglob("*.png")}
        assert any(f"{outcome.frame:06d}.png" in name for name in names)
        assert not any(f"{frame:06d}.png" in name for name in names)

    def test_report_says_how_it_came_about(self, out):
        session = open_in(out)
        session.reject(chosen(out)[0])
        page = (out / f"{STEM}.html").read_text(encoding="utf-8")
        assert "changed by hand" in page
        assert f"--frames {','.join(map(str, chosen(out)))}" in page

    def test_no_report_stays_no_report(self, video, tmp_path):
        extract(video, tmp_path, Settings(count=3), with_page=False)
        open_in(tmp_path).reject(chosen(tmp_path)[0])
        assert not (tmp_path / f"{STEM}.html").exists()

    @pytest.mark.parametrize("method", ["coverage", "uniform"])
    def test_every_method_can_be_reviewed(self, video, tmp_path, method):
        extract(video, tmp_path, Settings(count=4, method=method))
        session = open_in(tmp_path)
        frame = chosen(tmp_path)[0]
        assert session.candidates(frame)
        session.reject(frame)
        check_consistent(tmp_path)

    def test_a_list_of_frames_has_no_others(self, video, tmp_path):
        extract(video, tmp_path, Settings(frames=(4, 30, 31)))
        session = open_in(tmp_path)
        assert session.candidates(30) == []
        assert session.reject(30).frame is None
        assert chosen(tmp_path) == [4, 31]
        session.undo()
        assert chosen(tmp_path) == [4, 30, 31]
        check_consistent(tmp_path)

    def test_pictures_are_cut_as_before(self, video, tmp_path):
        settings = Settings(count=3, crop=Crop(0, 0, 96, 40), crop_output=True)
        extract(video, tmp_path, settings)
        before = tree(tmp_path)
        session = open_in(tmp_path)
        added = session.reject(chosen(tmp_path)[0]).frame
        picture = cv2.imread(str(tmp_path / "labeled-data" / STEM / f"img{added:06d}.png"))
        assert picture.shape == (40, 96, 3)
        other = np.frombuffer(session.jpeg(session.candidates(added)[0]["frame"]), np.uint8)
        assert cv2.imdecode(other, cv2.IMREAD_COLOR).shape == (40, 96, 3)
        assert "--ratio: 2.4" in session.page()
        session.undo()
        assert tree(tmp_path) == before

    def test_growing_goes_on_from_what_was_curated(self, out, video):
        session, gone = open_in(out), chosen(out)
        for frame in gone:
            session.reject(frame)
        curated = chosen(out)
        grown = extract(video, out, Settings(count=55), grow=True)
        assert grown.warnings == ()
        assert set(curated) < set(chosen(out)) == set(range(60)) - set(gone)
        assert "changed by hand" in (out / f"{STEM}.html").read_text(encoding="utf-8")
        assert open_in(out).undo().frame == gone[-1]
        open_in(out).reject(chosen(out)[0])
        check_consistent(out)


class TestWhatIsNotOurs:
    def test_a_picture_of_somebody_else_is_neither_replaced_nor_removed(self, out):
        session = open_in(out)
        frame = chosen(out)[0]
        theirs = np.zeros((4, 4, 3), np.uint8)
        candidate = session.candidates(frame)[0]["frame"]
        target = out / "labeled-data" / STEM / f"img{candidate:06d}.png"
        cv2.imwrite(str(target), theirs)
        before = tree(out)
        with pytest.raises(OutputError, match="was not written by keyframes"):
            session.swap(frame, candidate)
        assert tree(out) == before
        target.unlink()
        old = out / "labeled-data" / STEM / f"img{frame:06d}.png"
        cv2.imwrite(str(old), theirs)
        session.swap(frame, candidate)
        assert old.exists(), "somebody put a picture of their own in its place"

    def test_another_program_in_the_folder_is_noticed(self, out, video):
        session, before = open_in(out), chosen(out)
        extract(video, out, Settings(count=6), overwrite=True)
        after = tree(out)
        with pytest.raises(OutputError, match="another program has changed it"):
            session.reject(before[0])
        assert tree(out) == after

    def test_missing_or_foreign_pictures_are_named(self, out):
        picture = out / "labeled-data" / STEM / f"img{chosen(out)[0]:06d}.png"
        picture.unlink()
        with pytest.raises(
            OutputError, match="is missing or empty; the command that made it writes"
        ):
            open_in(out)
        cv2.imwrite(str(picture), np.zeros((4, 4, 3), np.uint8))
        with pytest.raises(OutputError, match="isn't the picture that keyframes wrote"):
            open_in(out)

    def test_the_same_command_brings_what_was_chosen_by_hand_back(self, out, video):
        session, before = open_in(out), chosen(out)
        session.swap(before[0], session.candidates(before[0])[0]["frame"])
        now, whole = chosen(out), tree(out)
        shutil.rmtree(out / "labeled-data")
        again = extract(video, out, Settings(count=5))
        assert again.frame_indices == now != before
        assert tree(out) == whole

    def test_a_record_whose_clusters_cannot_be_found_again(self, out):
        record = read_json(out / f"{STEM}.json")
        record["keyframes"][1]["distance"] += 1
        write_json(out / f"{STEM}.json", record)
        with pytest.raises(OutputError, match="the clusters come out differently"):
            open_in(out)


class TestVideo:
    def test_that_moved_is_named(self, out, video, tmp_path, make_video):
        moved = tmp_path / "archive" / video.name
        moved.parent.mkdir()
        shutil.copy(video, moved)
        with pytest.raises(VideoError, match="isn't there; say where it is now with --video"):
            open_in(out, tmp_path / "gone.mp4")
        session = open_in(out, moved)
        session.reject(chosen(out)[0])
        check_consistent(out)
        record = read_json(out / f"{STEM}.json")
        assert record["video"]["path"] == str(moved)
        assert record["identity"]["video"]["name"] == video.name
        another = make_video(tmp_path / "another.mp4", n_frames=20)
        with pytest.raises(VideoError, match=rf"that was called {video.name}; rename it, or"):
            open_in(out, moved.rename(moved.with_name("other name.mp4")))
        with pytest.raises(VideoError, match="isn't the video that the keyframes are from"):
            open_in(out, another)


class StopNowError(BaseException):
    """What a kill is to the code that it stops."""


class TestKilledAtAnyMoment:
    @pytest.mark.parametrize("nth", range(6))
    def test_record_and_pictures_fit_and_the_next_review_tidies_up(self, out, monkeypatch, nth):
        """A change writes note, PNG, table, report, record; then it removes the old PNG."""
        session, before = open_in(out), chosen(out)
        calls = iter(range(100))

        def stopping(function):
            def stop_or_go_on(*arguments, **options):
                if next(calls) == nth:
                    raise StopNowError
                return function(*arguments, **options)

            return stop_or_go_on

        with monkeypatch.context() as patch:
            for name in ("write_json", "write_table", "write_atomically", "write_images"):
                patch.setattr(keyframes.output, name, stopping(getattr(keyframes.output, name)))
            patch.setattr(OutputFolder, "tidy", stopping(OutputFolder.tidy))
            with pytest.raises(StopNowError):
                session.reject(before[0])
        assert (before[0] in chosen(out)) == (nth < 5), "the record is the last to change"
        for frame in chosen(out):
            picture = cv2.imread(str(out / "labeled-data" / STEM / f"img{frame:06d}.png"))
            assert read_number(picture) == frame
        open_in(out)
        check_consistent(out)

    def test_really_killed(self, out, video):
        """A process that does nothing but changes is killed in the middle of them."""
        script = (
            "import sys; sys.path[:0] = sys.argv[3:]\n"
            "from test_review import open_in; from pathlib import Path\n"
            "session = open_in(Path(sys.argv[1]), Path(sys.argv[2]))\n"
            "print('ready', flush=True)\n"
            "frame = session.candidates(int(sys.stdin.readline()))[0]['frame']\n"
            "while True: session.add(frame); session.undo()\n"
        )
        for wait_s in (0.03, 0.11):
            arguments = [sys.executable, "-c", script, str(out), str(video), *sys.path]
            with subprocess.Popen(
                arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as process:
                assert process.stdout.readline() == "ready\n"
                process.stdin.write(f"{chosen(out)[0]}\n")
                process.stdin.flush()
                threading.Event().wait(wait_s)
                process.kill()
            open_in(out)
            # The next change clears away what a kill before or in the middle of the note leaves.
            remove_leftovers(OutputFolder(out, STEM).unfinished)
            OutputFolder(out, STEM).lock.unlink(missing_ok=True)
            check_consistent(out)


def test_gallery_remembers_within_its_bound(video):
    sampling = plan_sampling(index_video(video), Settings())
    reading = read_thumbnails(sampling.index, sampling.spec, lambda _: None)
    gallery = Gallery(sampling, reading, max_bytes=20_000)
    for row in (5, 40, 5):
        jpeg = gallery.jpegs([row])[row]
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert read_number(picture) == row
    gallery.jpegs(range(60))
    assert 0 < sum(map(len, gallery._jpegs.values())) == gallery._n_bytes <= 20_000


def send(server, path, method="GET", body=None, **headers):
    """Send a request as a page of ours would, but for `headers`; return status and body."""
    own = f"127.0.0.1:{server.server_port}"
    sent = {"Host": own}
    if method == "POST":
        sent |= {"Origin": f"http://{own}", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    data = json.dumps(body).encode() if body is not None else b""
    for name, value in {"Content-Length": str(len(data)), **sent}.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(data)
    reply = connection.getresponse()
    with reply:
        content = reply.read()
    connection.close()
    assert not any(name.lower().startswith("access-control") for name in reply.headers)
    return reply.status, content


def change(server, action, *frames, number=0, **headers):
    """Ask for a change, as `send` does; return status and body."""
    body = {"action": action, "frames": frames}
    return send(server, f"/{server.token}/{number}/changes", "POST", body, **headers)


class TestServer:
    @pytest.fixture
    def server(self, out):
        with serve(out, [STEM]) as server:
            yield server

    def test_answers_its_own_page(self, server, out):
        path = f"/{server.token}/0/"
        assert server.address == f"http://127.0.0.1:{server.server_port}{path}"
        assert len(server.token) >= 40
        status, page = send(server, path)
        assert status == 200
        assert b"connect-src 'self';" in page
        assert b"default-src 'none'" in page
        frame = chosen(out)[0]
        status, candidates = send(server, f"{path}candidates/{frame}")
        candidate = json.loads(candidates)["candidates"][0]
        status, jpeg = send(server, f"{path}frames/{candidate['frame']}.jpg")
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert read_number(picture) == candidate["frame"]
        image = f"labeled-data/bee%201/img{frame:06d}.png"
        assert send(server, path + image)[1] == (out / image.replace("%20", " ")).read_bytes()

    def test_changes_and_says_what_happened(self, server, out):
        before = chosen(out)
        status, reply = change(server, "reject", before[0])
        outcome = json.loads(reply)
        assert status == 200
        assert outcome["said"].startswith(f"Frame {before[0]} is out")
        assert outcome["frame"] in chosen(out)
        assert f"Frame {outcome['frame']}, at" in outcome["page"]
        check_consistent(out)
        status, reply = change(server, "reject", before[0])
        assert (status, reply.decode()) == (409, f"frame {before[0]} is no keyframe any more")
        assert change(server, "undo")[0] == 200
        assert chosen(out) == before

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"Origin": "https://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": None}, 403),
            ({"Origin": "http://127.0.0.1:1"}, 403),
            ({"Host": "evil.example"}, 403),
            ({"Host": None}, 403),
            ({"Host": "127.0.0.1"}, 403),
            ({"Content_Type": "text/plain"}, 415),
            ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
            ({"Content_Length": "5000"}, 413),
            ({"Content_Length": "-1"}, 413),
        ],
    )
    def test_a_foreign_request_changes_nothing(self, server, out, headers, status):
        before = tree(out)
        assert change(server, "reject", chosen(out)[0], **headers)[0] == status
        assert tree(out) == before

    @pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Host": "evil:80"}])
    def test_a_foreign_request_reads_nothing(self, server, headers):
        status, body = send(server, f"/{server.token}/0/", **headers)
        assert status == 403
        assert STEM.encode() not in body

    def test_localhost_is_a_name_of_ours(self, server):
        name = f"localhost:{server.server_port}"
        assert send(server, f"/{server.token}/0/", Host=name)[0] == 200
        assert change(server, "undo", Host=name, Origin=f"http://{name}")[0] == 409
        assert change(server, "undo", Host=name)[0] == 403

    @pytest.mark.parametrize("token", ["", "x", "{token}x", "%00", "%C3%A9"])
    def test_without_the_token_nothing_is_there(self, server, token):
        token = token.replace("{token}", server.token)
        for path in (f"/{token}", f"/{token}/", f"/{token}/0/", f"/{token}/0/frames/3.jpg"):
            assert send(server, path)[0] == 404

    @pytest.mark.parametrize(
        "path",
        [
            "1/", "00001/", "-1/", "0", "0/../../../etc/passwd", "0/labeled-data/../bee 1.json",
            "0/labeled-data/bee%201/../../bee%201.json", "0/labeled-data/bee%201/img999999.png",
            "0/labeled-data/%2e%2e/bee%201.csv", "0/bee%201.json", "0/labeled-data//etc/passwd",
            "0/changes", "0/frames/x.jpg", "0/frames/1/2.jpg", "0/frames/%C2%B2.jpg",
        ],
    )  # fmt: skip
    def test_only_what_is_listed_is_there(self, server, path):
        path = path.replace(" ", "%20")
        assert send(server, f"/{server.token}/{path}")[0] == 404

    @pytest.mark.parametrize("frame", [60, 999_999_999_999])
    def test_frames_that_are_not_there(self, server, frame):
        status, body = send(server, f"/{server.token}/0/frames/{frame}.jpg")
        assert status == 404
        assert f"there is no frame {frame}; the last one is 59" in body.decode()
        assert send(server, f"/{server.token}/0/candidates/{frame}")[0] == 404
        status, body = change(server, "add", frame)
        assert status == 409
        assert f"there is no frame {frame}; the last one is 59" in body.decode()

    @pytest.mark.parametrize(
        "body",
        [
            [], {}, "reject", {"action": "reject"}, {"action": "reject", "frames": []},
            {"action": "delete", "frames": [1]}, {"action": ["reject"], "frames": [1]},
            {"action": "reject", "frames": "1"}, {"action": "reject", "frames": [True]},
            {"action": "reject", "frames": [1.5]}, {"action": "add", "frames": [-1]},
            {"action": "add", "frames": [10**30]}, {"action": "add", "frames": {"1": 1}},
        ],
    )  # fmt: skip
    def test_what_is_no_change_is_refused(self, server, body):
        assert send(server, f"/{server.token}/0/changes", "POST", body)[0] == 400

    def test_other_methods_are_not_known(self, server):
        for method in ("OPTIONS", "PUT", "DELETE", "HEAD"):
            assert send(server, f"/{server.token}/0/", method)[0] == 501

    def test_a_bug_is_logged_and_not_told(self, server, caplog, monkeypatch):
        monkeypatch.setattr(ReviewServer, "index", lambda _: 1 / 0)
        status, body = send(server, f"/{server.token}/")
        assert status == 500
        assert b"ZeroDivisionError" not in body
        assert "ZeroDivisionError" in caplog.text

    def test_what_another_program_wrote_is_taken_up(self, server, out, video):
        before = chosen(out)
        send(server, f"/{server.token}/0/")
        extract(video, out, Settings(count=6), overwrite=True)
        after = tree(out)
        status, body = change(server, "reject", before[0])
        assert status == 409
        assert "another program has changed it" in body.decode()
        assert tree(out) == after
        page = send(server, f"/{server.token}/0/")[1].decode()
        assert [int(frame) for frame in re.findall(r'alt="Frame (\d+), at', page)] == chosen(out)
        assert change(server, "add", next(n for n in range(60) if n not in chosen(out)))[0] == 200
        assert len(chosen(out)) == 7
        check_consistent(out)

    def test_token_is_in_no_log(self, server, caplog):
        caplog.set_level("DEBUG")
        send(server, f"/{server.token}/0/")
        assert "GET /…/0/" in caplog.text
        assert server.token not in caplog.text

    def test_port_that_is_taken(self, server, out):
        with pytest.raises(SettingsError, match=f"port {server.server_port} can't be listened on"):
            ReviewServer(out, [OutputFolder(out, STEM)], open_stem, server.server_port)

    def test_changes_at_the_same_time_are_made_one_after_the_other(self, server, out):
        free = [n for n in range(60) if n not in chosen(out)][:6]
        threads = [threading.Thread(target=change, args=(server, "add", n)) for n in free]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(free) < set(chosen(out))
        check_consistent(out)


def test_several_videos_are_listed_and_opened_when_looked_at(make_video, tmp_path):
    out, stems = tmp_path / "out", ["a", "b", "c", "d"]
    for stem in stems:
        extract(make_video(tmp_path / f"{stem}.mp4", n_frames=12), out, Settings(count=2))
    with serve(out, stems) as server:
        assert server.address.endswith(f"/{server.token}/")
        index = send(server, f"/{server.token}/")[1].decode()
        assert [name in index for name in ('href="0/"', 'href="3/"', 'href="4/"')] == [1, 1, 0]
        for number, stem in enumerate(stems):
            page = send(server, f"/{server.token}/{number}/")[1].decode()
            assert f"<h1>{stem}.mp4</h1>" in page
            assert "All 4 videos" in page
        assert list(server._sessions) == [1, 2, 3]
        index = out / "index.html"
        index.write_text(render_index(out), encoding="utf-8")
        before = index.read_bytes()
        frame = read_json(out / "a.json")["keyframes"][0]["frame_index"]
        assert change(server, "reject", frame)[0] == 200
        assert frame not in [row["frame_index"] for row in read_json(out / "a.json")["keyframes"]]
    assert index.read_bytes() == render_index(out).encode() != before


def test_what_is_open_is_answered_while_another_video_is_opened(make_video, tmp_path):
    out, stems = tmp_path / "out", ["a", "b"]
    for stem in stems:
        extract(make_video(tmp_path / f"{stem}.mp4", n_frames=12), out, Settings(count=2))
    is_opening, may_open = threading.Event(), threading.Event()

    def open_slowly(out, stem, video):
        if stem == "b":
            is_opening.set()
            assert may_open.wait(60)
        return open_stem(out, stem, video)

    with serve(out, stems, open_stem=open_slowly) as server:
        a, b = (f"/{server.token}/{number}/" for number in (0, 1))
        send(server, a)
        asking = threading.Thread(target=send, args=(server, b))
        asking.start()
        assert is_opening.wait(60)
        try:
            assert send(server, f"{a}frames/3.jpg")[0] == 200
        finally:
            may_open.set()
            asking.join()


class TestCommand:
    @contextmanager
    def running(self, *arguments):
        with subprocess.Popen(
            [sys.executable, "-m", "keyframes", "review", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def fail(self, *arguments):
        with self.running(*arguments) as process:
            _, error = process.communicate(timeout=60)
        return process.returncode, error

    def look(self, address):
        with urllib.request.urlopen(address, timeout=20) as reply:  # noqa: S310 - it is ours
            return reply.read().decode()

    @pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals to one process")
    @pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
    def test_prints_the_address_and_stops_with_a_word(self, out, stop):
        with self.running(out) as process:
            address = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{40,}/0/", address)
            assert self.look(address)
            process.send_signal(stop)
            output, error = process.communicate(timeout=20)
        assert process.returncode == 0
        assert output == ""
        assert "The review has ended; every change is saved." in error
        assert "Traceback" not in error

    @pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals to one process")
    def test_index_follows_though_it_is_stopped_twice(self, out, make_video, tmp_path):
        # Ctrl-C goes to a shell's whole group, and what started the review may pass it on again.
        extract(make_video(tmp_path / "other.mp4", n_frames=12), out, Settings(count=2))
        index = out / "index.html"
        index.write_text(render_index(out), encoding="utf-8")
        before = index.read_bytes()
        frame = chosen(out)[0]
        with self.running(out, STEM) as process:
            port, token = re.fullmatch(
                r"http://127\.0\.0\.1:(\d+)/(.*)/0/", process.stdout.readline().strip()
            ).groups()
            server = SimpleNamespace(server_port=int(port), token=token)
            assert change(server, "reject", frame)[0] == 200
            while process.poll() is None:
                process.send_signal(signal.SIGINT)
                time.sleep(0.01)
            _, error = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "The review has ended; every change is saved." in error
        assert "stopped" not in error
        assert frame not in chosen(out)
        assert index.read_bytes() == render_index(out).encode() != before

    def test_results_in_folders_are_reviewed(self, make_video, tmp_path):
        out = tmp_path / "out"
        for place in ("day1/mouse", "day2/mouse"):
            video = tmp_path / f"{place}.mp4"
            video.parent.mkdir()
            extract(make_video(video, n_frames=12), (out / place).parent, Settings(count=2))
        with self.running(out) as process:
            address = process.stdout.readline().strip()
            index = self.look(address)
            assert [f'<a href="{n}/">day{n + 1}/mouse.mp4</a>' in index for n in (0, 1)] == [1, 1]
            page = self.look(f"{address}1/")
            assert "<h1>mouse.mp4</h1>" in page
            assert "All 2 videos" in page
        with self.running(out, "day2/mouse") as process:
            assert process.stdout.readline().endswith("/0/\n")
        code, error = self.fail(out, "mouse")
        assert (code, error.count("\n")) == (2, 1)
        assert "'mouse' is none of the videos there: day1/mouse, day2/mouse" in error

    def test_what_cannot_be_reviewed_is_said_in_one_line(self, out, tmp_path):
        code, error = self.fail(tmp_path / "nothing")
        assert (code, error.count("\n")) == (2, 1)
        assert "holds no finished keyframes" in error
        code, error = self.fail(out, "mouse")
        assert (code, error.count("\n")) == (2, 1)
        assert "'mouse' is none of the videos there: bee 1" in error
        code, error = self.fail(out, "--video", tmp_path / "gone.mp4")
        assert (code, error.count("\n")) == (1, 1)
        assert "--video PATH" in error
