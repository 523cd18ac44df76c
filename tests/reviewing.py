"""A review of finished keyframes, served as the command does it."""

import threading
from contextlib import contextmanager
from pathlib import Path

from keyframes.files import read_json
from keyframes.output import OutputFolder
from keyframes.review import ReviewServer, open_session


def open_stem(out, stem, video=None):
    """Open the session of a video; by default it lies where it was read."""
    folder = OutputFolder(out, stem)
    record = read_json(folder.record)
    return open_session(folder, record, video or Path(record["video"]["path"]))


@contextmanager
def serve(out, stems, video=None, open_stem=open_stem):
    """Serve the review of some videos of an output folder."""
    folders = [OutputFolder(out, stem) for stem in stems]
    server = ReviewServer(out, folders, lambda folder: open_stem(out, folder.stem, video))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
