"""Figures in words."""

import pytest

from keyframes.words import to_clock, to_count, to_duration, to_percent


def test_clock():
    assert to_clock(0) == "0:00.0"
    assert to_clock(59.96) == "1:00.0"
    assert to_clock(3725.26) == "1:02:05.3"
    assert to_clock(77.6, 0) == "1:18"


def test_count():
    assert to_count(1, "frame") == "1 frame"
    assert to_count(2330, "frame") == "2,330 frames"


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
    assert to_duration(seconds) == text


def test_percent_is_honest_at_the_ends():
    shares = (0.0, 0.001, 0.774, 0.999, 1.0)
    words = [to_percent(share).replace("\N{NO-BREAK SPACE}", " ") for share in shares]
    assert words == ["0 %", "< 1 %", "77 %", "> 99 %", "100 %"]
    finer = [to_percent(share, 1) for share in (1e-9, 0.0001, 0.0005, 0.774, 0.9999, 1 - 1e-9)]
    words = [word.replace("\N{NO-BREAK SPACE}", " ") for word in finer]
    assert words == ["0.0 %", "< 0.1 %", "0.1 %", "77.4 %", "> 99.9 %", "100.0 %"]
