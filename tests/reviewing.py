"""A review of finished keyframes, served as the command does it."""

import threading
from contextlib import contextmanager
from pathlib import Path

from keyframes.files import read_json
from keyframes.output import OutputFolder
from keyframes.review import ReviewServer, open_session


def open_stem(out, stem, video=None):
    """Open the session of a video; by default it lies where it was read."""
    return open_folder(OutputFolder(out, stem), video)


def open_folder(folder, video=None):
    """Open the session of a result."""
    record = read_json(folder.record)
    return open_session(folder, record, video or Path(record["video"]["path"]))


@contextmanager
def serve(out, stems, video=None):
    """Serve the review of some videos of an output folder."""
    with serve_folders(out, [OutputFolder(out, stem) for stem in stems], video) as server:
        yield server


@contextmanager
def serve_folders(out, folders, video=None, open_folder=open_folder):
    """Serve the review of some results in an output folder and the folders in it."""
    server = ReviewServer(out, folders, lambda folder: open_folder(folder, video))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
