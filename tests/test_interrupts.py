"""Ctrl-C: never swallowed, never a traceback."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are a Unix thing")

STOP = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"


def run(folder, code):
    (folder / "swallows.py").write_text(f"try:\n {STOP}\nexcept BaseException:\n pass\n")
    search = os.pathsep.join([str(folder), *sys.path])
    return subprocess.run(
        [sys.executable, "-c", f"from keyframes.interrupts import heed_interrupts\n{code}"],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_an_import_is_stopped_at_once_though_it_would_go_on(tmp_path):
    done = run(tmp_path, "heed_interrupts()\nimport swallows\nprint('went on')")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "keyframes: stopped; the same command goes on where this one ended\n"


def test_all_else_is_stopped_by_an_exception(tmp_path):
    stop = f"try:\n {STOP}\nexcept KeyboardInterrupt:\n print('tidy')"
    done = run(tmp_path, f"heed_interrupts()\n{stop}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "tidy\n", "")


def test_what_is_passed_over_stays_so(tmp_path):
    ignore = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nheed_interrupts()\n"
    done = run(tmp_path, f"{ignore}{STOP}\nprint('goes on')")
    assert (done.returncode, done.stdout) == (0, "goes on\n")
