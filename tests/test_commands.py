"""Command lines for a person to paste."""

import subprocess
import sys

import pytest

from keyframes.commands import join_words

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
