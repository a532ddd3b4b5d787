"""What the reference runner says: kept from the process's streams, and put into sentences.

It logs what it would print on a terminal. Here that goes to the job's log, and its errors are remembered: some failures
are told nowhere else.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from weaverlite.engines.interfaces import Reporter

LOGGERS = ("cwltool", "salad", "rdflib.term", "cwl_utils")

_PLACE = re.compile(r"(?:file://)?(?:\.\./)*/?package\.cwl(?::\d+:\d+:[ \t]*|#)?")
_JOB = re.compile(r"^\[(?:job |step |workflow )?[^\]]*\]\s*(?:Job error:\s*|Cannot make (?:scatter )?job:\s*)?")
_SPACE = re.compile(r"\s*\n\s*")


def words(message: str, limit: int = 500) -> str:
    """Return a message of the runner on one line, without the line numbers it makes up and the job it begins with."""
    text = _SPACE.sub(" ", _PLACE.sub("", message.strip()))
    text = _JOB.sub("", text).strip(" :")
    return text if len(text) <= limit else f"{text[:limit]}…"


def silence() -> None:
    """Stop the runner from writing to the streams of its process, for good."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
        # Without any handler Python would print warnings by itself.
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        logger.setLevel(logging.WARNING)


class _Listener(logging.Handler):
    def __init__(self, report: Reporter) -> None:
        super().__init__(logging.WARNING)
        self._report = report
        self._guard = threading.Lock()
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # exc_info is left out: a traceback of the runner helps nobody who wrote a package.
        text = words(record.getMessage())
        with self._guard:
            if record.levelno >= logging.ERROR and text and text not in self.errors:
                self.errors.append(text)
        self._report.log(text, level="debug")


@contextmanager
def listening(report: Reporter) -> Iterator[list[str]]:
    """Send what the runner says to the job's log meanwhile; the list that is given fills with its errors."""
    listener = _Listener(report)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addHandler(listener)
    try:
        yield listener.errors
    finally:
        for logger in loggers:
            logger.removeHandler(listener)
