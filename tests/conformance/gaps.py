"""What is known not to be met: requirements whose tests may fail, each with a sentence why.

A class with a gap may not be claimed. A gap that is none any more is an error: take it out here, and claim the class.
"""

from __future__ import annotations

_OTHER_MEMBERS = "Of a collection value, q, crs, subset, geometry and passThroughParameters are refused."
GAPS: dict[str, str] = {
    "processes-1/2.0/collection-input/filtering": _OTHER_MEMBERS,
    "processes-1/2.0/collection-input/pass-thru": _OTHER_MEMBERS,
}
