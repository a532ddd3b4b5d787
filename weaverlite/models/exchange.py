"""Executing a process on another server: what a function may ask for, whoever carries it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

#: Hears of progress (0 to 100), and of everything else there is to say, with its level.
OnProgress = Callable[[int, str], None]
OnNews = Callable[[str, str], None]


class Exchange(Protocol):
    """Runs processes on the servers that the operator allows."""

    def execute(
        self,
        process: str,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any] | None,
        progress: OnProgress,
        news: OnNews,
    ) -> Mapping[str, Any]:
        """Execute the process of this URL and return its outputs by id, as values or references of OGC.

        When this is interrupted, or takes too long, the remote job is dismissed.

        :raises ReferenceRefused: its server is not allowed.
        :raises EngineError: it cannot be executed, or failed; says what the server said.
        """


def is_below(url: str, roots: tuple[str, ...]) -> bool:
    """Whether a URL is one of ``roots`` or lies below one; ``*`` is above all."""
    for root in roots:
        bare = root.rstrip("/")
        if root == "*" or url == bare or url.startswith((bare + "/", bare + "?")):
            return True
    return False
