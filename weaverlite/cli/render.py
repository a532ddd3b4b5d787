"""Documents as text: JSON, YAML, lines of JSON, or a table for people."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weaverlite.cli.group import clean

_UNESCAPED = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

#: Title of a column, and what it shows of an entry: a member, or what a function makes of the entry.
Column = tuple[str, str | Callable[[Mapping[str, Any]], Any]]


def render(
    document: Any, form: str, *, rows: str | None = None, columns: Sequence[Column] | None = None
) -> str:
    """Return ``document`` as text without anything that would steer a terminal.

    :param rows: the member of the document that holds its entries; they are the lines of ``ndjson`` and of the table.
    """
    entries = document.get(rows) if rows and isinstance(document, Mapping) else document
    if isinstance(document, bytes):
        document = entries = document.decode("utf-8", "replace")
    if form == "ndjson":
        return "\n".join(json_line(item) for item in (entries if isinstance(entries, list) else [entries]))
    if isinstance(document, str) and form != "json":
        return clean(document)
    if form == "yaml":
        return _yaml(document)
    if form == "table":
        if isinstance(entries, list):
            return table(entries, columns or _columns_of(entries))
        return _record(document)
    return _escape(json.dumps(document, indent=2, ensure_ascii=False))


def json_line(document: Any) -> str:
    """Return ``document`` as one line of JSON."""
    return _escape(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def table(entries: Sequence[Any], columns: Sequence[Column]) -> str:
    """Return entries under aligned titles; on a terminal the last column is cut at its width."""
    lines = [[title for title, _ in columns]]
    for entry in entries:
        record = entry if isinstance(entry, Mapping) else {"value": entry}
        lines.append([_cell(shows(record) if callable(shows) else record.get(shows)) for _, shows in columns])
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    return "\n".join(_cut("  ".join(map(str.ljust, line, widths)).rstrip(), width) for line in lines)


def moment(time: Any) -> str:
    """Return a time of a document (RFC 3339, UTC) as people read it in a list: to the second."""
    return str(time or "")[:19].replace("T", " ")


def _record(document: Any) -> str:
    if not isinstance(document, Mapping):
        return "" if document is None else _cell(document)
    shown = {key: value for key, value in document.items() if key != "links"}
    width = max((len(str(key)) for key in shown), default=0)
    return "\n".join(f"{clean(str(key)).ljust(width)}  {_cell(value)}" for key, value in shown.items())


def _columns_of(entries: Sequence[Any]) -> list[Column]:
    records = [entry for entry in entries if isinstance(entry, Mapping)]
    names = dict.fromkeys(str(name) for record in records for name in record if name != "links")
    return [(name.upper(), name) for name in names] or [("VALUE", "value")]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | Mapping | list):
        value = json.dumps(value, ensure_ascii=False)
    return " ".join(clean(str(value)).split())


def _cut(line: str, width: int) -> str:
    return line if not width or len(line) <= width else line[: width - 1] + "…"


def _yaml(document: Any) -> str:
    # Imported here: JSON and tables do not need it.
    import yaml

    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return clean(text).removesuffix("...\n").rstrip("\n")


def _escape(text: str) -> str:
    """Return JSON with the control characters that JSON itself lets through written as escapes."""
    return _UNESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


__all__ = ["Column", "json_line", "moment", "render", "table"]
