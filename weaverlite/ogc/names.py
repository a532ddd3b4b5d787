"""File names that come from elsewhere, made safe: server, worker and client treat them alike."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, urlsplit

#: Longest name most file systems take, in bytes.
LONGEST = 255

# Control characters, lone surrogates, and the marks that make a terminal show a name in another order than it has.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_PARAMETER = re.compile(r""";\s*([A-Za-z0-9!#$&+\-^_`|~.]+\*?)\s*=\s*("(?:[^"\\]|\\.)*"|[^;"\s]*)""")


def safe_name(text: str | None, default: str = "file") -> str:
    """Return the last part of ``text`` as a name that a file of any directory may have; ``default`` if nothing is left.

    Folders before it (also those of Windows), control characters and marks that reorder text are dropped, and what is
    longer than 255 bytes is cut before its extension.
    """
    name = re.split(r"[/\\]", text or "")[-1]
    name = _HIDDEN.sub("", unicodedata.normalize("NFC", name)).strip()
    if name in ("", ".", ".."):
        return default
    if len(name.encode()) <= LONGEST:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = (dot + extension).encode() if stem and len(extension.encode()) <= 32 else b""
    head = (stem if tail else name).encode()[: LONGEST - len(tail)]
    return head.decode(errors="ignore") + tail.decode()


def disposition_name(header: str | None) -> str | None:
    """Return the safe form of the file name in a ``Content-Disposition`` header (RFC 6266), None when it has none.

    ``filename*`` beats ``filename``; of a header longer than any honest one nothing is read.
    """
    if not header or len(header) > 8192:
        return None
    found: dict[str, str] = {}
    for name, value in _PARAMETER.findall(";" + header):
        found.setdefault(name.lower(), value)
    if extended := found.get("filename*"):
        charset, _, rest = extended.strip('"').partition("'")
        if charset.lower() in ("utf-8", "iso-8859-1"):
            text = unquote(rest.partition("'")[2], encoding=charset, errors="replace")
            return safe_name(text, default="") or None
    if plain := found.get("filename"):
        if plain.startswith('"'):
            # Only what must be escaped: some clients send paths of Windows as they are.
            plain = re.sub(r'\\(["\\])', r"\1", plain[1:-1])
        return safe_name(plain, default="") or None
    return None


def url_name(url: str) -> str | None:
    """Return the safe form of the last part of a URL's path, None when the path ends with a slash or is empty."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return None
    return safe_name(unquote(path.rpartition("/")[2]), default="") or None
