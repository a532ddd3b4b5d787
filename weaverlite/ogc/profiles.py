"""Profiles: the form of a document that is wanted, and the one that came, as OGC API - Processes 2.0 names them.

A client wishes by the parameter ``profile`` (a URI, a safe CURIE such as ``[ogc:ogc-results]``, or the last part of the
URI), by ``Accept-Profile``, by a parameter of ``Accept`` or by ``Prefer``. Wishes are never refused: what is unknown is
ignored, and the answer says by a link which profile it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from weaverlite.ogc import links
from weaverlite.ogc.links import Link

_BASE = links.RESULTS_PROFILE.removesuffix("ogc-results")
PROCESS_LIST = _BASE + "ogc-process-list"
PROCESS_DESCRIPTION = links.PROCESS_PROFILE
EXECUTE_REQUEST = _BASE + "ogc-execute-request"
JOB_LIST = _BASE + "jobs-list"
JOB = _BASE + "job-description"
RESULTS = links.RESULTS_PROFILE

KNOWN = (PROCESS_LIST, PROCESS_DESCRIPTION, EXECUTE_REQUEST, JOB_LIST, JOB, RESULTS)

#: More wishes than anyone has.
_ENOUGH = 50
_BY_NAME = {uri.rpartition("/")[2]: uri for uri in KNOWN}
_CURIE = re.compile(r"\[[^\s:\[\]]*:([^\s\[\]]+)\]\Z")
_ACCEPTED = re.compile(r";\s*profile\s*=\s*(?:\"([^\"]{0,500})\"|([^;,\s\"]{0,500}))", re.IGNORECASE)
_ENTRY = re.compile(r"<([^<>]{0,500})>|([^<>;,\s]{1,500})(?=\s*(?:[;,]|\Z))")


def find(name: str) -> str | None:
    """Return the URI of the profile that ``name`` means: a URI, a safe CURIE or an id; None when there is none here."""
    text = name.strip()
    if curie := _CURIE.match(text):
        text = curie[1]
    # Clients write either scheme.
    secure = "https://" + text.removeprefix("http://") if text.startswith("http://") else text
    return secure if secure in KNOWN else _BY_NAME.get(text.lower())


def wished(
    values: Iterable[str] = (),
    accept_profile: str | None = None,
    accept: str | None = None,
    preferred: str | None = None,
) -> tuple[str, ...]:
    """Return the profiles that a request wishes for and that are known here.

    :param values: of the parameter ``profile``; each may be a list with commas.
    :param accept_profile: the header ``Accept-Profile``: ``<URI>;q=0.5, <URI>``.
    :param accept: the header ``Accept``, of which parameters ``profile`` count.
    :param preferred: the preference ``profile``.
    """
    names = [name for value in values for name in value.split(",")]
    for entry in (accept_profile or "")[:8192].split(","):
        if (found := _ENTRY.match(entry.strip())) and not re.search(r";\s*q\s*=\s*0(?:\.0*)?\s*(?:;|\Z)", entry):
            names.append(found[1] or found[2] or "")
    for quoted, bare in _ACCEPTED.findall((accept or "")[:8192]):
        names += (quoted or bare).split()
    names.append(preferred or "")
    known = (find(name) for name in names[:_ENOUGH])
    return tuple(dict.fromkeys(uri for uri in known if uri))


def header(uri: str) -> str:
    """Return the value of the ``Link`` header that says which profile a document has."""
    return Link(uri, links.PROFILE).to_header()
