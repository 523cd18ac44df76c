"""From what a page says to one HTML text, with everything inside it."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from keyframes.errors import OutputError
from keyframes.files import not_ours
from keyframes.words import to_clock, to_count, to_percent

TEMPLATES = Path(__file__).with_name("templates")
# Near the start of every page of ours.
_MARK = b'<meta name="generator" content="keyframes">'


def render(template: str, *, scripts: tuple[str, ...] = (), **content: object) -> str:
    """Fill a template; style and scripts go into the page.

    Everything in ``content`` is escaped. Should something slip through nevertheless, the page's
    content security policy lets no script run but this one, known by its hash, and loads nothing
    from anywhere.

    Parameters
    ----------
    template
        File name in ``templates/``.
    scripts
        Names of the JavaScript files, which are joined in this order.
    content
        What the template speaks of.
    """
    script = _join_scripts(scripts)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = (
        _environment()
        .get_template(template)
        .render(
            style=Markup(_source("style.css")),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own files
            script_hash=f"sha256-{digest}",
            **content,
        )
    )
    # A file name may hold bytes that are no text; the page is always valid UTF-8.
    return page.encode(errors="replace").decode()


def check_page(path: Path) -> None:
    """Make sure that a page may be written to ``path``.

    Raises
    ------
    OutputError
        The name doesn't end in .html, or a file is there that keyframes did not write.
    """
    if path.suffix.lower() != ".html":
        raise OutputError(f"{path}: a page ends in .html; give it such a name")
    if path.exists() and not is_page(path):
        raise not_ours(path)


def is_page(path: Path) -> bool:
    """Say whether there is a page that keyframes wrote."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _MARK in file.read(1024)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clock=to_clock, code=_mark_code, count=to_count, percent=to_percent)
    return environment


def _mark_code(text: str) -> Markup:
    """Set what stands between backticks as code; all else is escaped."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def _source(name: str) -> str:
    path = TEMPLATES / name
    return path.read_text(encoding="utf-8")  # line ends as the browser hashes them


def _join_scripts(names: tuple[str, ...]) -> str:
    """Join the files inside one function, so that nothing of them is global."""
    if not names:
        return ""
    return '"use strict";\n(() => {\n' + "\n".join(_source(name) for name in names) + "})();\n"
