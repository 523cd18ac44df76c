"""Every public name is there, and meant to be."""

import subprocess
import sys

import pytest

import keyframes


def test_every_exported_name_is_found():
    assert sorted(keyframes.__all__) == keyframes.__all__
    for name in keyframes.__all__:
        assert getattr(keyframes, name).__doc__, f"{name} has no docstring"


def test_homes_name_what_is_exported():
    at_home = {name for names in keyframes._HOMES.values() for name in names}
    errors = {name for name in keyframes.__all__ if name.endswith("Error")}
    assert at_home | errors == set(keyframes.__all__)


def test_names_are_offered_before_they_are_used():
    code = "import keyframes; assert {*keyframes.__all__, '__version__'} <= {*dir(keyframes)}"
    subprocess.run([sys.executable, "-c", code], check=True)  # where nothing is imported yet


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = keyframes.nonsense
