"""Durations and sizes as people write them, for settings, options and command lines alike."""

from __future__ import annotations

import re
from datetime import timedelta

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)(ms|s|m|h|d))")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)(b?)\s*\Z", re.IGNORECASE)

#: No file and no limit of the kernel is larger.
_LARGEST = 2**63


def parse_duration(text: str | int | float) -> timedelta:
    """Return the duration of ``90``, ``90s``, ``10m``, ``5m0s``, ``1h30m``, ``500ms`` or ``2d``.

    :raises ValueError: it is none of these; the message says which forms there are.
    """
    if isinstance(text, int | float) and not isinstance(text, bool) and 0 <= text < 1e10:
        return timedelta(seconds=text)
    if isinstance(text, str):
        compact = text.strip().lower()
        if re.fullmatch(r"\d{1,10}(\.\d+)?", compact):
            return timedelta(seconds=float(compact))
        parts = _DURATION.findall(compact)
        if parts and "".join(number + unit for number, unit in parts) == compact:
            seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
            if seconds < 1e10:
                return timedelta(seconds=seconds)
    raise ValueError(f"{text!r} is not a duration: write it like 90, 90s, 10m, 1h30m or 500ms")


def parse_size(text: str | int) -> int:
    """Return the bytes of ``1000``, ``64KB``, ``500Mb``, ``2G`` or ``1.5GiB``; K, M, G, T are powers of 1024.

    :raises ValueError: it is none of these; the message says which forms there are.
    """
    if isinstance(text, int) and not isinstance(text, bool) and 0 <= text < _LARGEST:
        return text
    if isinstance(text, str) and (found := _SIZE.match(text)):
        number, unit = found[1], found[2].lower()
        size = float(number) * 1024 ** " kmgtp".index(unit or " ")
        if size < _LARGEST:
            return int(size)
    raise ValueError(f"{text!r} is not a size: write it like 1000, 64KB, 500MB or 2GiB")
