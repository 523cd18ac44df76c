"""A person changes a finished selection in the browser, and every change is saved at once.

`curation.py` is the state, as pure operations; `gallery.py` fetches frames of the video when they
are asked for; `session.py` puts both together for one video and writes what was decided;
`stand_ins.py` ranks what could be chosen instead, `following.py` exports anew what was exported
before, and `opening.py` gets a session ready.
`server.py` answers the browser, on this machine alone.
"""

from keyframes.review.following import say_what_follows
from keyframes.review.opening import open_session
from keyframes.review.server import ReviewServer
from keyframes.review.session import Session

__all__ = ["ReviewServer", "Session", "open_session", "say_what_follows"]
