"""The cluster recipes of the README, run as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from slurm_node import run_batch, slurm_node, why_not

README = Path(__file__).parents[1] / "README.md"


def recipe(word):
    """Return the README's code block in which the word stands."""
    blocks = re.findall(r"```\w+\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    (found,) = [block for block in blocks if word in block]
    return found


@pytest.fixture
def desk(make_video, tmp_path, monkeypatch):
    """A folder with recordings in it, and ``keyframes`` among the commands."""
    for name, n_frames in {"a/cam": 20, "a/side": 30, "b/cam": 12, "b/bad": 0}.items():
        path = tmp_path / "recordings" / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        if n_frames:
            make_video(path, n_frames=n_frames)
        else:
            path.write_text("no video")
    command = tmp_path / "bin" / "keyframes"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m keyframes "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("KEYFRAMES_CACHE", str(tmp_path / "cache"))
    return tmp_path


def chosen(out):
    """Return every picture and table below the output folder, by path."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for suffix in ("png", "csv", "npz")
        for path in out.rglob(f"*.{suffix}")
    }


def keyframes(desk, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "keyframes", *arguments, "--jobs", "1"],
        cwd=desk,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(bool(why_not()), reason=str(why_not()))
def test_slurm_array(desk, tmp_path_factory):
    script = recipe("#SBATCH")
    resubmission = re.findall(r"`sbatch (.*?=.*?) extract.sh`", README.read_text("utf-8"))
    (command,) = re.findall(r"^keyframes (.*?)(?: \\\n.*)$", script, re.MULTILINE)
    with slurm_node(tmp_path_factory.mktemp("slurm")) as environment:
        run_batch(environment, desk, script)
        outputs = "".join(path.read_text() for path in desk.glob("slurm-*.out"))
        assert len(list(desk.glob("slurm-*.out"))) == 4
        assert "bad.mp4" in outputs
        shards = chosen(desk / "keyframes-out")
        again = script.replace("keyframes-out", "again-out")
        run_batch(environment, desk, again, *resubmission)
        share = chosen(desk / "again-out")
        assert share
        assert share.items() < shards.items()
        pooled = script.replace("-k 20", "--pool -k 9").replace("0-3", "0-1").replace("/4", "/2")
        run_batch(environment, desk, pooled.replace("keyframes-out", "pool-out"))
    at_once = keyframes(desk, *command.replace("keyframes-out", "at-once").split())
    assert at_once.returncode == 1  # of the bad video
    assert len(shards) == 20 + 20 + 12 + 3
    assert shards == chosen(desk / "at-once")
    assert not list((desk / "keyframes-out").rglob("index.html"))  # several would write it at once
    after = keyframes(desk, *command.split())
    assert after.returncode == 1
    assert "0 of 4 videos done now, 3 before" in after.stderr
    assert (desk / "keyframes-out" / "index.html").exists()

    assert {Path(path).suffix for path in chosen(desk / "pool-out")} == {".npz"}
    reduce = command.replace("-k 20", "--pool -k 9").replace("keyframes-out", "pool-out")
    done = keyframes(desk, *reduce.split())
    assert "pool: 9 keyframes" in done.stderr
    assert "summarised" not in done.stderr  # once more


@pytest.mark.skipif(shutil.which("snakemake") is None, reason="Snakemake isn't installed")
def test_snakemake_rule(desk):
    rule = recipe("rule keyframes")
    (desk / "Snakefile").write_text(rule)
    targets = ["keyframes-out/a/cam.json", "keyframes-out/b/cam.json"]
    command = ["snakemake", "--cores", "2", *targets]
    first = subprocess.run(command, cwd=desk, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    assert all((desk / target).exists() for target in targets)
    again = subprocess.run(command, cwd=desk, capture_output=True, text=True, check=False)
    assert "Nothing to be done" in again.stdout + again.stderr
