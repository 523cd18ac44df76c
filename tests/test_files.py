"""Whole files or none."""

import errno
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from keyframes import files
from keyframes.errors import OutputError, VideoError
from keyframes.files import (
    atomic_file,
    atomic_path,
    check_replaceable,
    check_writable,
    explain,
    hold,
    identify,
    make_folder,
    read_json,
    remove_leftovers,
    remove_old_leftovers,
    write_atomically,
    write_json,
)


def test_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "a.csv"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_other_programs_write_a_file_whole_or_not_at_all(tmp_path):
    target = tmp_path / "labels.slp"
    with atomic_path(target) as place:
        assert place.parent == tmp_path
        assert place.name.startswith(".keyframes-")
        place.write_text("whole", encoding="utf-8")
        assert not target.exists()
    with pytest.raises(KeyError), atomic_path(target) as place:
        place.write_text("half", encoding="utf-8")
        raise KeyError
    assert [(path, path.read_text("utf-8")) for path in tmp_path.iterdir()] == [(target, "whole")]


@pytest.mark.usefixtures("small_disk")
def test_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.csv"
    write_atomically(path, b"old")
    with pytest.raises(OutputError, match=r"a.csv: can't be written \(File too large\)"):
        write_atomically(path, b"new" * 1000)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "free the disk or choose another place"),
        (errno.EDQUOT, "free the disk or choose another place"),
        (errno.EROFS, "choose another place"),
    ],
)
def test_disk_is_to_be_freed_where_it_is_full(tmp_path, code, advice):
    with pytest.raises(OutputError) as raised, atomic_file(tmp_path / "a.csv"):
        raise OSError(code, os.strerror(code))
    assert str(raised.value).endswith(f"({os.strerror(code)}); {advice}")


@pytest.mark.usefixtures("on_windows")
class TestOpenFiles:
    """What another program has open, where that keeps a file from being replaced."""

    def test_is_waited_for_as_long_as_a_virus_scanner_takes(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_bytes(b"old")
        scanned = path.open("rb")
        scanner = threading.Timer(0.2, scanned.close)
        scanner.start()
        write_atomically(path, b"new")
        scanner.join()
        assert path.read_bytes() == b"new"

    def test_is_named_with_what_helps(self, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "_N_TRIES", 1)
        path, other = tmp_path / "a.csv", tmp_path / "b.csv"
        path.write_bytes(b"old")
        check_replaceable([path, other, tmp_path])
        helps = r"a.csv: can't be written \(Permission denied\); close it in other programs and try"
        with path.open("rb"):
            with pytest.raises(OutputError, match=helps):
                check_replaceable([other, path])
            with pytest.raises(OutputError, match=helps):
                write_atomically(path, b"new")
        assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == [(path, b"old")]

    def test_of_another_run_keeps_none_from_a_folder(self, tmp_path):
        theirs = tmp_path / f"{files._temporary_prefix(tmp_path)}0123abcd"
        theirs.touch()
        with theirs.open("rb"):
            make_folder(tmp_path)
            assert list(tmp_path.iterdir()) == [theirs]
        make_folder(tmp_path)
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stem", ["a", "x" * 240, "ünï [1] %d"])
def test_leftovers_of_a_killed_run_are_found_again(tmp_path, stem, leave_half):
    path = tmp_path / f"{stem}.csv"
    leave_half(path)
    other = tmp_path / "other.csv"
    write_atomically(other, b"whole")
    assert len(list(tmp_path.iterdir())) == 2
    remove_leftovers(path)
    assert list(tmp_path.iterdir()) == [other]


def test_leftovers_are_looked_for_once_in_each_folder(tmp_path, leave_half, monkeypatch):
    paths = [tmp_path / folder / f"{n}.png" for folder in ("a", "b") for n in range(3)]
    for path in paths:
        make_folder(path.parent)
        leave_half(path)
    leave_half(tmp_path / "a" / "other.png")
    listed, glob = [], Path.glob

    def glob_and_tell(folder, *asked, **options):
        listed.append(folder)
        return glob(folder, *asked, **options)

    monkeypatch.setattr(Path, "glob", glob_and_tell)
    remove_leftovers(*paths, tmp_path / "absent" / "0.png")
    assert sorted(listed) == [tmp_path / folder for folder in ("a", "absent", "b")]
    assert len(list(tmp_path.rglob("*.*"))) == 1


def test_what_another_run_is_writing_is_no_leftover(tmp_path, leave_half):
    leave_half(tmp_path / "killed.html")
    (killed,) = tmp_path.iterdir()
    os.utime(killed, (0, 0))
    ours = tmp_path / ".keyframes-0123abcd-unfinished.json"
    ours.touch()
    os.utime(ours, (0, 0))
    path = tmp_path / "index.html"
    with atomic_file(path) as file:
        remove_old_leftovers(tmp_path)
        file.write(b"whole")
    assert sorted(tmp_path.iterdir()) == [ours, path]


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="choose another place"):
        make_folder(tmp_path / "file" / "folder")
    make_folder(tmp_path / "a" / "b")
    assert not list((tmp_path / "a" / "b").iterdir())


def test_drive_that_is_not_there(monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda _: False)
    monkeypatch.setattr(Path, "is_dir", lambda _: False)
    with pytest.raises(OutputError, match="is no folder; choose another place"):
        check_writable(Path("a", "b"))


def test_what_the_system_refused_is_told_with_its_file(tmp_path):
    with pytest.raises(OSError, match="No such file") as refusal:
        (tmp_path / "a.txt").open()
    line = explain(refusal.value)
    assert line.startswith(f"{tmp_path / 'a.txt'}: No such file or directory; check")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert explain(full).startswith(f"{os.strerror(errno.ENOSPC)}; check")


def test_json_round_trip_keeps_text(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"name": "Ünï", "values": [1, 2.5, None]})
    assert read_json(path) == {"name": "Ünï", "values": [1, 2.5, None]}
    assert "Ünï" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("content", ["", "[1]", "{", "\0"])
def test_other_json_is_refused(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(OutputError):
        read_json(path)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_name_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.mp4")
    path.write_bytes(b"x")
    with pytest.raises(VideoError, match=r"no UTF-8; rename it"):
        identify(path)


def test_identity_follows_the_content(tmp_path):
    path, copy, longer = (tmp_path / name for name in ("a.mp4", "b.mp4", "c.mp4"))
    content = bytes(range(256)) * 2000
    path.write_bytes(content)
    copy.write_bytes(content)
    longer.write_bytes(content + b"x")
    edited = bytearray(content)
    edited[len(edited) // 2 + 10] ^= 1
    (tmp_path / "d.mp4").write_bytes(edited)
    identities = [
        json.dumps({**identify(tmp_path / name), "name": ""})
        for name in ("a.mp4", "b.mp4", "c.mp4", "d.mp4")
    ]
    assert identities[0] == identities[1]
    assert len(set(identities)) == 3


@pytest.fixture(params=["this system", "Windows"])
def system(request):
    """Files as this system has them, and as Windows does."""
    if request.param == "Windows":
        request.getfixturevalue("on_windows")


@pytest.mark.usefixtures("system")
class TestHold:
    def test_one_at_a_time(self, tmp_path):
        inside, most = [], []

        def take_turns():
            for _ in range(5):
                with hold(tmp_path / ".lock", lambda: None):
                    inside.append(1)
                    most.append(len(inside))
                    time.sleep(0.001)
                    inside.pop()

        others = [threading.Thread(target=take_turns) for _ in range(4)]
        for other in others:
            other.start()
        for other in others:
            other.join()
        assert max(most) == 1
        assert len(most) == 20
        assert not list(tmp_path.iterdir())

    def test_the_folder_goes_with_whoever_came_first_and_is_made_again(self, tmp_path):
        path = tmp_path / "a" / "b" / ".lock"
        waits, inside = threading.Event(), []

        def come_second():
            with hold(path, waits.set):
                inside.append(path.exists())

        with hold(path):
            second = threading.Thread(target=come_second)
            second.start()
            assert waits.wait(10)
            assert not inside
        second.join()
        assert inside == [True]
        assert not list(tmp_path.iterdir())

    def test_nobody_waits_for_a_file_that_was_left_behind(self, tmp_path):
        path = tmp_path / ".lock"
        path.touch()
        with hold(path, lambda: pytest.fail("nobody holds it")):
            assert path.exists()
        assert not path.exists()

    def test_whoever_is_killed_holds_nothing(self, tmp_path):
        path = tmp_path / ".lock"
        code = """if True:
            import pathlib, sys, time
            from keyframes.files import hold
            with hold(pathlib.Path(sys.argv[1]), None):
                print("here", flush=True)
                time.sleep(60)
        """
        other = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE)
        assert other.stdout.readline().strip() == b"here"
        with hold(path, other.kill):
            assert other.wait() != 0
            assert path.exists()
        other.stdout.close()
        assert not path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are a Unix thing")
def test_what_another_user_has_left_is_held():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        path = Path(folder, ".lock")
        path.touch(0o444)
        path.parent.chmod(0o777)
        us = os.geteuid()
        if us == 0:  # may do everything
            os.seteuid(65534)
        try:
            with hold(path, None):
                assert path.exists()
        finally:
            os.seteuid(us)
        assert not path.exists()
