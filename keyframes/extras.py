"""Optional packages, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from keyframes.errors import MissingExtraError


def import_extra(module: str, extra: str) -> Any:  # noqa: ANN401 - a module
    """Import a module of an optional package.

    Raises
    ------
    MissingExtraError
        It isn't installed; the message names the command that installs it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # the package is there, but one that it needs is not
        raise MissingExtraError(
            f"{module} is needed for this and isn't installed: "
            f'pip install "pose-keyframes[{extra}]" (in a checkout: pip install ".[{extra}]")',
            name=error.name,
        ) from error
