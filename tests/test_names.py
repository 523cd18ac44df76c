"""Names of files: what is one on some system, and whose they are."""

import sys
from pathlib import Path

import pytest

from keyframes.names import (
    as_listed,
    count_shared_parts,
    fold_name,
    is_of_system,
    list_names,
    to_absolute,
)


def test_names_that_are_one_to_some_system():
    assert fold_name("Mu\u0308ller.MP4") == fold_name("MÜLLER.mp4")
    assert fold_name("Müller.mp4") != fold_name("Muller.mp4")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("._a.mp4", True), ("Thumbs.db", True), ("desktop.ini", True), ("a.mp4", False)],
)
def test_files_that_systems_put_into_folders(name, expected):
    assert is_of_system(name) is expected


def test_another_file_of_nearly_the_name_is_another(tmp_path):
    """As where both may lie side by side."""
    one, other = tmp_path / "mouse.mp4", tmp_path / "MOUSE.mp4"
    one.touch()
    other.write_text("another", encoding="utf-8")
    assert as_listed(one, list_names(tmp_path)).samefile(one)
    assert as_listed(other, ["mouse.mp4"]).samefile(other)
    assert list_names(tmp_path / "nowhere") == frozenset()


def test_paths_of_another_system_stay_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").touch()
    assert to_absolute(Path("here")) == to_absolute(Path("gone/../here")) == tmp_path / "here"
    elsewhere = "/rec/a.mp4" if sys.platform == "win32" else r"C:\rec\a.mp4"
    assert to_absolute(Path(elsewhere)) == Path(elsewhere)


def test_paths_of_any_system_share_names_from_the_file_upward():
    assert count_shared_parts(r"C:\rec\Day1\a.mp4", "/mnt/rec/day1/A.mp4") == 3
    assert count_shared_parts("/rec/day1/a.mp4", "/rec/day1/b.mp4") == 0
