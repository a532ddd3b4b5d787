"""What is known not to be met: requirements whose tests may fail, each with a sentence why.

A class with a gap may not be claimed. A gap that is none any more is an error: take it out here, and claim the class.
"""

from __future__ import annotations

GAPS: dict[str, str] = {}
