"""What a person sees."""

import pytest

from keyframes.terminal import _duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1:00.0"),
        (77.7, "1:17.7"),
        (599.99, "10:00.0"),
        (3599.99, "1:00:00.0"),
        (7199.9, "1:59:59.9"),
    ],
)
def test_durations_have_no_sixtieth_second(seconds, text):
    assert _duration(seconds) == text
