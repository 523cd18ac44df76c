"""What all tests share."""

import errno
import logging
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import hypothesis
import pytest

from footage import encode_video
from keyframes import Settings, extract
from keyframes.ahead import count_cores
from keyframes.cli import main
from keyframes.files import write_atomically

# On a machine that has other things to do, any example may take long.
hypothesis.settings.register_profile("keyframes", deadline=None)
hypothesis.settings.load_profile("keyframes")


def pytest_configure():
    """Let Ctrl-C stop what the tests start, though they run in the background of a script."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Run one more test than there are cores: some wait for a browser or other processes."""
    return count_cores() + 1


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """A cache for the tests: that of whoever runs them is neither used nor filled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEYFRAMES_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def own_log():
    """Put back what a command changes about the log."""
    log = logging.getLogger("keyframes")
    level, handlers = log.level, log.handlers[:]
    yield
    log.setLevel(level)
    log.handlers[:] = handlers


@pytest.fixture(scope="session")
def make_video():
    """A function that encodes a tiny video: make_video(path, n_frames=40, ...) -> path."""
    return encode_video


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command in a folder of its own: run(*arguments) -> (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["keyframes", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def finished(video, tmp_path_factory):
    """An output folder of five keyframes of the module's video, to be copied."""
    out = tmp_path_factory.mktemp("finished")
    extract(video, out, Settings(count=5))
    return out


@pytest.fixture
def out(finished, tmp_path):
    """A copy of the finished output folder, to be changed."""
    return shutil.copytree(finished, tmp_path / "out")


@pytest.fixture
def on_windows(monkeypatch):
    """Let no file be removed or replaced while this process has it open, as Windows doesn't."""
    one_at_a_time = threading.RLock()  # to look whether a file is open and remove it are one step

    def is_open(path, handle):
        try:
            return os.path.samestat(os.fstat(handle), path.stat())
        except OSError:
            return False

    def refuse(*paths):
        for path in paths:
            if any(is_open(path, handle) for handle in range(256)):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))

    def open_(*arguments, **options):
        with one_at_a_time:
            return really_open(*arguments, **options)

    def unlink(path, missing_ok=False):
        with one_at_a_time:
            refuse(path)
            really_unlink(path, missing_ok)

    def replace(path, target):
        with one_at_a_time:
            refuse(path, target)
            return really_replace(path, target)

    really_open, really_unlink, really_replace = os.open, Path.unlink, Path.replace
    monkeypatch.setattr(os, "open", open_)
    monkeypatch.setattr(Path, "unlink", unlink)
    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr("sys.platform", "win32")


@pytest.fixture
def small_disk():
    """Let no file grow beyond 1,000 bytes, as on a disk that is nearly full."""
    resource = pytest.importorskip("resource", reason="file size limits are a Unix thing")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def no_root(tmp_path):
    """Let what is closed be closed, even where root runs the tests."""
    if sys.platform == "win32":
        pytest.skip("permissions are another thing there")
    if os.geteuid() != 0:
        yield
        return
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        folder.chmod(folder.stat().st_mode | 0o111)
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def leave_half(monkeypatch):
    """A function that leaves of a file what a killed run does: leave_half(path)."""

    def leave_half(path):
        with monkeypatch.context() as patch:
            # A killed process neither renames nor cleans up.
            patch.setattr(Path, "replace", lambda *_: None)
            patch.setattr(Path, "unlink", lambda *_, **__: None)
            write_atomically(path, b"half")

    return leave_half
