"""Run the command line again and again, and kill it.

Started as ``python killing.py OUT SEED KILLS ARGUMENT...`` by `test_batch`. All is imported once
and then forked, so that nearly every moment lies within the work itself. In each round the
command writes to a folder of its own in OUT, until it is once left alone long enough to finish;
there are rounds until it was killed that often. With 0 kills it is killed before every single
change to a file instead, and then run once more. Where there is a folder ``before`` beside OUT,
each round begins with a copy of it, and its keyframes must never get lost.
"""

import importlib
import json
import os
import pkgutil
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import cv2
import numpy.ma
import numpy.random  # noqa: F401 - what NumPy imports late is imported here, once

import keyframes
from keyframes.cli import main
from keyframes.report.templating import _environment
from keyframes.results import find_results


def prepare() -> None:
    """Do what is the same in every run, once for all forks: import, and compile templates."""
    for module in pkgutil.walk_packages(keyframes.__path__, "keyframes."):
        importlib.import_module(module.name)
    for name in _environment().list_templates():
        _environment().get_template(name)


def start(out: Path, arguments: list[str]) -> int:
    """Fork a process that runs the command; return its number."""
    child = os.fork()
    if child == 0:
        run_to_the_end(out, arguments)
    return child


def run_to_the_end(out: Path, arguments: list[str]) -> None:
    """Run the command and end this process, without taking down what it has from its parent."""
    sys.argv = ["keyframes", "extract", *arguments, "-o", str(out)]
    try:
        main()
    except SystemExit as end:
        os._exit(end.code)


def begin(out: Path) -> Path:
    """Make the folder that the command finds."""
    if (before := out.parent.with_name("before")).exists():
        shutil.copytree(before, out)
    return out


def list_frames(out: Path) -> set[tuple[str, int]]:
    """Return the keyframes that the records tell of."""
    return {
        (stem, row["frame_index"])
        for stem, record in find_results(out).items()
        for row in record["keyframes"]
    }


def check_files(out: Path) -> None:
    """Whatever has its final name is whole, and a record's pictures are there."""
    if (before := out.parent.with_name("before")).exists():
        assert list_frames(before) <= list_frames(out)
    for path in out.rglob("[!.]*.png"):
        assert cv2.imread(str(path)) is not None, path
    for path in out.glob("[!.]*.json"):
        json.loads(path.read_text("utf-8"))
    for page in out.glob("[!.]*.html"):
        assert page.read_text("utf-8").rstrip().endswith("</html>"), page
    if list(out.glob("[!.]*.json")):
        for record in find_results(out).values():
            missing = [
                row["image"] for row in record["keyframes"] if not (out / row["image"]).exists()
            ]
            assert not missing, missing


def let_a_day_pass(out: Path) -> None:
    """Make what was left in the output folder old, where several runs might write the index."""
    for path in out.glob(".keyframes-*"):
        os.utime(path, (0, 0))


def finish_in_spite_of_kills(out: Path, arguments: list[str], longest: float) -> int:
    """Start and kill the command until it finishes by itself; return the number of kills."""
    for kills in range(100):
        child = start(out, arguments)
        end = time.monotonic() + random.uniform(0, longest)
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                assert status == 0, status
                return kills
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        check_files(out)
        let_a_day_pass(out)
    raise AssertionError("it never finished")


def die_at_step(step: int, out: Path, arguments: list[str]) -> bool:
    """Kill the command just before the step-th change to files below ``out``; say if it died."""
    child = os.fork()
    if child == 0:
        left = iter(range(step))

        def watch(event: str, details: tuple) -> None:
            changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir") or (
                event == "open" and details[1] is not None and set(details[1]) & set("wxa")
            )
            if changes and str(details[0]).startswith(str(out)) and next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        run_to_the_end(out, arguments)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or status == 0, status
    return os.WIFSIGNALED(status)


def time_undisturbed(out: Path, arguments: list[str]) -> float:
    """Run the command to its end; return the seconds it took."""
    begin = time.monotonic()
    _, status = os.waitpid(start(out, arguments), 0)
    assert status == 0, status
    return time.monotonic() - begin


def kill_at_random(root: Path, arguments: list[str], least: int) -> int:
    """Kill the command at random moments, at least so often; return the number of kills."""
    longest = 0.8 * time_undisturbed(begin(root / "undisturbed"), arguments)
    kills = 0
    for number in range(100):
        kills += finish_in_spite_of_kills(begin(root / f"killed-{number}"), arguments, longest)
        if kills >= least:
            return kills
    raise AssertionError("it was always faster")


def kill_at_every_step(root: Path, arguments: list[str]) -> int:
    """Kill the command before its first change to a file, its second, …; return the number."""
    time_undisturbed(begin(root / "undisturbed"), arguments)
    for step in range(1000):
        out = begin(root / f"killed-{step}")
        if not die_at_step(step, out, arguments):
            return step
        check_files(out)
        time_undisturbed(out, arguments)
    raise AssertionError("it never finished")


if __name__ == "__main__":
    root, seed, least, *arguments = sys.argv[1:]
    random.seed(int(seed))
    prepare()
    kills = (
        kill_at_random(Path(root), arguments, int(least))
        if int(least)
        else kill_at_every_step(Path(root), arguments)
    )
    print(json.dumps({"kills": kills}))
