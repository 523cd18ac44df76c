"""Every public name is there, and meant to be."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import keyframes

ROOT = Path(__file__).parents[1]


def test_every_exported_name_is_found():
    assert sorted(keyframes.__all__) == keyframes.__all__
    for name in keyframes.__all__:
        assert getattr(keyframes, name).__doc__, f"{name} has no docstring"


def test_homes_name_what_is_exported():
    at_home = {name for names in keyframes._HOMES.values() for name in names}
    errors = {name for name in keyframes.__all__ if name.endswith("Error")}
    assert at_home | errors == set(keyframes.__all__)


def test_the_example_of_the_readme_works(make_video, tmp_path, monkeypatch, capsys):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```python\n(import keyframes\n.*?)```", readme, re.DOTALL)
    make_video(tmp_path / "mouse.mp4", n_frames=60)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(example, names)  # noqa: S102
    assert capsys.readouterr().out == f"{names['selection'].frame_indices}\n"
    assert names["index"].path == names["reading"].video.path == Path("mouse.mp4")
    assert len(names["clusters"].labels_) == 60


def test_a_type_checker_finds_the_names_and_no_others(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import keyframes\n"
        "class Mine(keyframes.KMeans): ...\n"
        "mine: Mine = Mine(2).fit([[1.0], [2.0]])\n"
        "keyframes.Kmeans(2)\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(script)]
    checked = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert checked.stdout.count("error:") == 1, checked.stdout + checked.stderr
    assert 'script.py:4: error: Module has no attribute "Kmeans"' in checked.stdout


def test_names_are_offered_before_they_are_used():
    code = "import keyframes; assert {*keyframes.__all__, '__version__'} <= {*dir(keyframes)}"
    subprocess.run([sys.executable, "-c", code], check=True)  # where nothing is imported yet


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = keyframes.nonsense
