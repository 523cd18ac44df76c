"""Run the command line again and again, and kill it at random moments.

Started as ``python killing.py OUT SEED ROUNDS ARGUMENT...`` by `test_batch`. All is imported once
and then forked, so that nearly every moment lies within the work itself. In each round the
command writes to a folder of its own in OUT, until it is once left alone long enough to finish.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import cv2

import keyframes.batch
import keyframes.cache
import keyframes.projects
import keyframes.terminal  # noqa: F401 - imported here so that the forks don't have to
from keyframes.cli import main
from keyframes.output import find_results


def start(out: Path, arguments: list[str]) -> int:
    """Fork a process that runs the command; return its number."""
    child = os.fork()
    if child == 0:
        sys.argv = ["keyframes", "extract", *arguments, "-o", str(out)]
        main()
    return child


def check_files(out: Path) -> None:
    """Whatever has its final name is whole, and a record's pictures are there."""
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
    raise AssertionError("it never finished")


def time_undisturbed(out: Path, arguments: list[str]) -> float:
    """Run the command to its end; return the seconds it took."""
    begin = time.monotonic()
    _, status = os.waitpid(start(out, arguments), 0)
    assert status == 0, status
    return time.monotonic() - begin


if __name__ == "__main__":
    root, seed, rounds, *arguments = sys.argv[1:]
    random.seed(int(seed))
    ways = ["--no-cache"], []  # the kept features make the second way a quicker one
    time_undisturbed(Path(root, "undisturbed"), arguments)
    kills = 0
    for n, way in enumerate(ways):
        longest = time_undisturbed(Path(root, f"undisturbed-{n}"), [*arguments, *way])
        for at in range(int(rounds)):
            out = Path(root, f"killed-{n}-{at}")
            kills += finish_in_spite_of_kills(out, [*arguments, *way], 0.8 * longest)
    print(json.dumps({"kills": kills}))
