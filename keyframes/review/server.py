"""The server behind the page: it answers this machine's browser and nobody else.

Every address begins with a random token, which nobody knows who wasn't told. Whoever guesses a
port finds nothing, a page of another origin can neither read nor change anything, and a name that
was bent to point here (DNS rebinding) is refused.

::

    GET  /TOKEN/                    the videos
    GET  /TOKEN/N/                  the page of the Nth video
    GET  /TOKEN/N/labeled-data/…    its PNGs, those that its record names
    GET  /TOKEN/N/frames/42.jpg     any candidate frame
    GET  /TOKEN/N/candidates/42     what could be chosen instead of frame 42
    POST /TOKEN/N/changes           {"action": "reject", "frames": [42]}
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import sys
from collections import OrderedDict
from contextlib import suppress
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from keyframes.errors import KeyframesError, OutputError, SettingsError
from keyframes.output import INDEX
from keyframes.report import render_index, write_index
from keyframes.review.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keyframes.output import OutputFolder

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_OPEN = 3  # sessions in memory; each holds a video's features
MAX_BODY = 4096  # bytes
MAX_FRAMES = 10**12
_IDLE_S = 60
# Each change, and how many frames it is about.
_CHANGES: dict[str, tuple[Callable[..., Any], int]] = {
    "reject": (Session.reject, 1),
    "swap": (Session.swap, 2),
    "add": (Session.add, 1),
    "undo": (Session.undo, 0),
}
_HEADERS = {
    "Cache-Control": "no-store",
    # The pages themselves say what they may load and run; this can only be said in a header.
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class _Answer:
    kind: str
    body: bytes
    status: HTTPStatus = HTTPStatus.OK


class _RefusalError(Exception):
    """The request is not answered."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class ReviewServer(ThreadingHTTPServer):
    """Serves the review of an output folder on the loopback interface.

    Parameters
    ----------
    root
        The output folder.
    folders
        The results under review in it and in the folders in it, at least one.
    open_session
        Makes the session of a result; called when its page is first looked at.
    port
        0 for a free one.

    Raises
    ------
    SettingsError
        The port is taken.
    """

    daemon_threads = True
    # On Windows, it would let another program listen on the same port.
    allow_reuse_address = os.name != "nt"
    request_queue_size = 32  # a browser asks for many pictures at a time

    def __init__(
        self,
        root: Path,
        folders: list[OutputFolder],
        open_session: Callable[[OutputFolder], Session],
        port: int = 0,
    ) -> None:
        self.token = secrets.token_urlsafe(32)
        self._root = root
        self._folders = folders
        self._open_session = open_session
        self._sessions: OrderedDict[int, Session] = OrderedDict()
        self._opening = Lock()  # one at a time: it takes all cores, and much memory
        self._keeping = Lock()
        self.changing = Lock()
        self.has_ended = False
        self.has_changed = False
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise SettingsError(
                f"port {port} can't be listened on ({error.strerror}); choose another --port, or "
                "none for a free one"
            ) from error

    @property
    def address(self) -> str:
        """Where the review begins: the page of the only video, or the list of all."""
        page = "0/" if len(self._folders) == 1 else ""
        return f"http://{HOST}:{self.server_port}/{self.token}/{page}"

    def session(self, number: int) -> Session:
        """Return the session of a video; those looked at longest ago are closed."""
        session = self._find_open(number)
        if session is None:
            with self._opening:
                session = self._find_open(number)  # another request may have waited for it, too
                if session is None:
                    session = self._open_session(self._folders[number])
                    self._keep(number, session)
        return session

    def forget(self, number: int) -> None:
        """Close the session of a video; it is opened anew when it is asked for again."""
        with self._keeping:
            self._sessions.pop(number, None)

    def index(self) -> str:
        """Return the page that lists the videos."""
        links = {folder: f"{number}/" for number, folder in enumerate(self._folders)}
        return render_index(self._root, links)

    @property
    def n_videos(self) -> int:
        """How many videos are under review."""
        return len(self._folders)

    def server_bind(self) -> None:
        """Bind without looking up a name for the address, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.socket.getsockname()[1]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's
        """Pass over a connection that broke: a browser may stop listening at any moment."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handle_error(request, client_address)
        logger.debug("a connection broke: %s", error)

    def server_close(self) -> None:
        """Stop listening, let a change that is being written come to its end, and tidy up.

        The folder's index, where it has one, shows some frames of every video.
        """
        super().server_close()
        self.has_ended = True
        with self._keeping:
            for session in self._sessions.values():
                session.wait_until_saved()
        if self.has_changed and (self._root / INDEX).exists():
            write_index(self._root)

    def _find_open(self, number: int) -> Session | None:
        with self._keeping:
            if number in self._sessions:
                self._sessions.move_to_end(number)
            return self._sessions.get(number)

    def _keep(self, number: int, session: Session) -> None:
        with self._keeping:
            self._sessions[number] = session
            while len(self._sessions) > MAX_OPEN:
                self._sessions.popitem(last=False)[1].wait_until_saved()


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    server_version = "keyframes"
    sys_version = ""
    timeout = _IDLE_S
    _routes: ClassVar[list[tuple[str, re.Pattern[str], str]]] = [
        ("GET", re.compile(r""), "_index"),
        ("GET", re.compile(r"(\d{1,6})/"), "_page"),
        ("GET", re.compile(r"(\d{1,6})/(labeled-data/.+)"), "_picture"),
        ("GET", re.compile(r"(\d{1,6})/frames/(\d{1,12})\.jpg"), "_frame"),
        ("GET", re.compile(r"(\d{1,6})/candidates/(\d{1,12})"), "_candidates"),
        ("POST", re.compile(r"(\d{1,6})/changes"), "_change"),
    ]

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - http.server's
        """Log without the token."""
        logger.debug("%s", (format % args).replace(self.server.token, "…"))

    def _respond(self) -> None:
        try:
            answer = self._route()
        except _RefusalError as refusal:
            answer = _as_text(str(refusal), refusal.status)
        except SettingsError as error:  # there is no such frame, or none any more
            gone = self.command == "GET"
            answer = _as_text(str(error), HTTPStatus.NOT_FOUND if gone else HTTPStatus.CONFLICT)
        except KeyframesError as error:
            answer = _as_text(str(error), HTTPStatus.CONFLICT)
        except Exception:
            logger.exception("a request failed")
            message = "This is a bug in keyframes; the terminal tells more."
            answer = _as_text(message, HTTPStatus.INTERNAL_SERVER_ERROR)
        self.send_response(answer.status)
        headers = {"Content-Type": answer.kind, "Content-Length": len(answer.body), **_HEADERS}
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(answer.body)

    def _route(self) -> _Answer:
        self._check_sender()
        place = self._place()
        if self.server.has_ended:  # on a connection from before
            raise _RefusalError(HTTPStatus.SERVICE_UNAVAILABLE, "The review has ended.")
        for method, pattern, name in self._routes:
            if method == self.command and (match := pattern.fullmatch(place)):
                answer: _Answer = getattr(self, name)(*match.groups())
                return answer
        raise _RefusalError(HTTPStatus.NOT_FOUND, "nothing is here")

    def _check_sender(self) -> None:
        """Refuse whoever took another name or comes from a page of another origin."""
        own = {f"{host}:{self.server.server_port}" for host in (HOST, "localhost")}
        host, origin = self.headers.get("Host"), self.headers.get("Origin")
        if host not in own:
            raise _RefusalError(HTTPStatus.FORBIDDEN, "this server has another name")
        if origin != f"http://{host}" and (self.command != "GET" or origin is not None):
            raise _RefusalError(HTTPStatus.FORBIDDEN, "this server answers its own pages only")

    def _place(self) -> str:
        """Return the path behind the token, decoded; refuse a request without it."""
        token, _, place = self.path.partition("?")[0].removeprefix("/").partition("/")
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            raise _RefusalError(HTTPStatus.NOT_FOUND, "nothing is here")
        return unquote(place, errors="surrogateescape")

    def _session(self, number: str) -> Session:
        if int(number) >= self.server.n_videos:
            raise _RefusalError(HTTPStatus.NOT_FOUND, "there is no such video")
        return self.server.session(int(number))

    def _index(self) -> _Answer:
        return _as_html(self.server.index())

    def _page(self, number: str) -> _Answer:
        return _as_html(self._session(number).page(n_videos=self.server.n_videos))

    def _picture(self, number: str, path: str) -> _Answer:
        file = self._session(number).picture(path)
        if file is None or not file.is_file():
            raise _RefusalError(HTTPStatus.NOT_FOUND, "there is no such picture")
        return _Answer("image/png", file.read_bytes())

    def _frame(self, number: str, frame: str) -> _Answer:
        return _Answer("image/jpeg", self._session(number).jpeg(int(frame)))

    def _candidates(self, number: str, frame: str) -> _Answer:
        return _as_json({"candidates": self._session(number).candidates(int(frame))})

    def _change(self, number: str) -> _Answer:
        session = self._session(number)
        action, frames = self._read_change()
        try:
            with self.server.changing:  # what several videos were exported to together is shared
                outcome = _CHANGES[action][0](session, *frames)
        except OutputError:  # the folder isn't what the session takes it for
            self.server.forget(int(number))
            raise
        self.server.has_changed = True
        page = session.page(n_videos=self.server.n_videos)
        return _as_json({**asdict(outcome), "page": page})

    def _read_change(self) -> tuple[str, list[int]]:
        """Read what is to be done; refuse what isn't well formed."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            raise _RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request is too long")
        body = self.rfile.read(int(length))
        # A form of another page can't send this type without being asked for permission.
        if self.headers.get_content_type() != "application/json":
            raise _RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a change is sent as JSON")
        with suppress(ValueError, KeyError, TypeError):
            change = json.loads(body)
            action, frames = change["action"], change["frames"]
            if len(frames) == _CHANGES[action][1] and all(map(_is_number, frames)):
                return action, frames
        raise _RefusalError(HTTPStatus.BAD_REQUEST, "this is no change")


def _as_html(text: str) -> _Answer:
    return _Answer("text/html; charset=utf-8", text.encode())


def _as_json(document: dict[str, Any]) -> _Answer:
    return _Answer("application/json", json.dumps(document).encode())


def _as_text(text: str, status: HTTPStatus) -> _Answer:
    return _Answer("text/plain; charset=utf-8", text.encode(errors="replace"), status)


def _is_number(frame: object) -> bool:
    return type(frame) is int and 0 <= frame < MAX_FRAMES
