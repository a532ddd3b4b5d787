"""The table of docs/conformance.rst: class of requirements, requirement, test, status. It is written by the run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.gaps import GAPS
from tests.conformance.marks import keys_of
from weaverlite.ogc.requirements import REQUIREMENTS, Requirement

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "conformance.rst"
PASSED, FAILED, GAP, MISSING = "passed", "**failed**", "not met", "no test"

_HEAD = """\
Conformance
===========

Each requirement of *OGC API - Processes* (Parts 1 to 4) that the service knows, the tests that prove it, and what came
of them. The page is written by ``make conformance``, which runs ``tests/conformance`` against the installed service
through HTTP; ``/conformance`` claims a class only if all that it demands has passed.

"""


@dataclass(frozen=True, slots=True)
class Proof:
    """The tests of one requirement: their functions, and how many cases they have."""

    requirement: Requirement
    functions: tuple[str, ...]
    cases: int
    status: str


def is_ours(item: pytest.Item) -> bool:
    """Whether a test belongs to this suite."""
    return HERE in item.path.parents


def function_of(nodeid: str) -> str:
    """Return the name of a test without its case."""
    # Where several processes share the tests, the group stands behind it.
    return nodeid.partition("[")[0].rpartition("::")[2].partition("@")[0]


def collected(items: Iterable[pytest.Item]) -> dict[str, list[str]]:
    """Return the ids of the tests of each requirement."""
    found: dict[str, list[str]] = defaultdict(list)
    for item in items:
        for key in keys_of(item):
            found[key].append(item.nodeid)
    return found


def proofs(tests: Mapping[str, Sequence[str]], failed: frozenset[str] = frozenset()) -> list[Proof]:
    """Return what is known of each requirement, in the order of their table."""
    found = []
    for requirement in REQUIREMENTS:
        ids = tests.get(requirement.key, ())
        broken = GAP if requirement.key in GAPS else FAILED
        status = MISSING if not ids else broken if failed.intersection(ids) else PASSED
        functions = tuple(sorted({function_of(name) for name in ids}))
        found.append(Proof(requirement, functions, len(ids), status))
    return found


def is_met(found: Iterable[Proof]) -> bool:
    """Whether what a class demands has passed; what it recommends is not asked."""
    demanded = [proof for proof in found if proof.requirement.kind == "MUST"]
    return bool(demanded) and all(proof.status == PASSED for proof in demanded)


def by_class(found: Iterable[Proof]) -> dict[str, list[Proof]]:
    """Return the proofs of each conformance class."""
    classes: dict[str, list[Proof]] = defaultdict(list)
    for proof in found:
        classes[proof.requirement.class_uri].append(proof)
    return dict(classes)


def write(found: Sequence[Proof]) -> str:
    """Return the page."""
    classes = by_class(found)
    met = [uri for uri, of_class in classes.items() if is_met(of_class)]
    passed = [proof for proof in found if proof.status == PASSED]
    lines = [
        _HEAD
        + f"{len(met)} of {len(classes)} classes are met whole; {len(passed)} of {len(found)} requirements and "
        + "recommendations have passed.\n"
    ]
    lines += [_overview(classes)]
    for uri, of_class in classes.items():
        title = _short(uri)
        reasons = dict.fromkeys(GAPS[key] for key in (proof.requirement.key for proof in of_class) if key in GAPS)
        state = "met" if is_met(of_class) else "not met"
        lines += ["", title, "-" * len(title), "", " ".join((f"``{uri}``: {state}.", *reasons)), ""]
        lines += [".. list-table::", "   :header-rows: 1", "   :widths: 34 50 8 8", ""]
        lines += _row("Requirement", "Tests", "Cases", "Status")
        for proof in of_class:
            kind = "" if proof.requirement.kind == "MUST" else f" ({proof.requirement.kind})"
            tests = " ".join(f"``{name}``" for name in proof.functions) or "–"
            lines += _row(f"``{proof.requirement.id}``{kind}", tests, str(proof.cases), proof.status)
    return "\n".join(lines) + "\n"


def _overview(classes: Mapping[str, Sequence[Proof]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 60 14 12 14", ""]
    lines += _row("Class", "Requirements", "Cases", "Status")
    for uri, of_class in classes.items():
        passed = sum(proof.status == PASSED for proof in of_class)
        cases = sum(proof.cases for proof in of_class)
        state = "met" if is_met(of_class) else "not met"
        lines += _row(_short(uri), f"{passed} of {len(of_class)}", str(cases), state)
    return "\n".join(lines)


def _short(uri: str) -> str:
    return uri.partition("/spec/ogcapi-")[2].replace("/conf/", " ")


def _row(first: str, *others: str) -> list[str]:
    return [f"   * - {first}", *(f"     - {text}".rstrip() for text in others)]


class Run:
    """What one run of the tests has learned; kept with the configuration of pytest."""

    def __init__(self) -> None:
        self.tests: dict[str, list[str]] = {}
        self.is_whole = False
        self._failed: set[str] = set()

    def collected(self, items: Sequence[pytest.Item], is_whole: bool) -> None:
        """Take what will run; ``is_whole`` if that is the whole suite."""
        self.tests = collected(item for item in items if is_ours(item))
        self.is_whole = is_whole

    def ended(self, report: pytest.TestReport) -> None:
        """Take what became of a test."""
        # An expected failure is a skip to pytest.
        if report.failed or report.skipped:
            self._failed.add(report.nodeid)

    def proofs(self) -> list[Proof]:
        """Return what is known of each requirement by now."""
        return proofs(self.tests, frozenset(self._failed))

    def page(self) -> str:
        """Return the page of this run."""
        return write(self.proofs())


RUN = pytest.StashKey[Run]()
