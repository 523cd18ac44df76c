"""Command lines for a person to paste."""

import subprocess
import sys

import pytest

from keyframes.commands import join_words, spell_out

WORDS = ["it's a %d [mouse].mp4", "a&b.mp4", "Maus-ü.mp4", "--frames", "3,12,55", r"C:\day 1\a.mp4"]


def test_the_shell_of_this_system_takes_it_apart_again():
    echo = [sys.executable, "-c", "import sys; print(ascii(sys.argv[1:]))"]
    command = join_words([*echo, *WORDS])
    said = subprocess.check_output(command, shell=True)  # noqa: S602  it is what is tried
    assert said.decode().strip() == ascii(WORDS)


@pytest.mark.parametrize(("platform", "quote"), [("linux", "'"), ("win32", '"')])
def test_quotes_are_those_of_the_system(monkeypatch, platform, quote):
    monkeypatch.setattr("sys.platform", platform)
    words = ["keyframes", "extract", "D:/day_1/a.mp4", "b (2).mp4", "-k", "5"]
    assert join_words(words) == f"keyframes extract D:/day_1/a.mp4 {quote}b (2).mp4{quote} -k 5"


def test_lists_are_no_lists_of_powershell(monkeypatch):
    monkeypatch.setattr("sys.platform", "win32")
    assert join_words(["--frames", "3,12", ""]) == '--frames "3,12" ""'


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("linux", ["rec [1]/*.mp4"]), ("win32", ["rec [1]/a.mp4", "rec [1]/b[1].mp4"])],
)
def test_patterns_are_spelled_out_where_the_shell_does_not(
    tmp_path, monkeypatch, platform, expected
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rec [1]").mkdir()
    for name in ("a.mp4", "b[1].mp4", "b1.mp4.txt"):
        (tmp_path / "rec [1]" / name).touch()
    monkeypatch.setattr("sys.platform", platform)
    others = ["b[1].mp4", "~", "$HOME", "%TEMP%", "no?thing", "90%"]
    spelled_out = spell_out(["rec [1]/*.mp4", *others])
    assert [word.replace("\\", "/") for word in spelled_out] == [*expected, *others]
