"""What all tests share."""

import pytest

from footage import encode_video


@pytest.fixture(scope="session")
def make_video():
    """A function that encodes a tiny video: make_video(path, n_frames=40, ...) -> path."""
    return encode_video
