"""Calls about where results come from."""

from __future__ import annotations

from collections.abc import Mapping

from weaverlite.client.calls.common import Calls
from weaverlite.client.errors import InvalidUsage
from weaverlite.client.jobs import JobReference
from weaverlite.client.operation import OperationResult
from weaverlite.ogc.negotiation import JSON, JSON_LD, N_TRIPLES, PROV_N, PROV_XML, TURTLE

#: The forms of provenance by their short names, the default first.
FORMS: Mapping[str, str] = {
    "json": JSON,
    "jsonld": JSON_LD,
    "turtle": TURTLE,
    "nt": N_TRIPLES,
    "provn": PROV_N,
    "xml": PROV_XML,
}


class ProvenanceCalls(Calls):
    """Where the results of jobs come from."""

    def provenance(self, job_id: JobReference, *, form: str = "json") -> OperationResult:
        """Return the W3C PROV document of a job: ``json``, ``jsonld``, ``turtle``, ``nt``, ``provn`` or ``xml``.

        :raises InvalidUsage: there is no such form.
        """
        if form not in FORMS:
            raise InvalidUsage(f"{form!r} is no form of provenance: choose one of {', '.join(FORMS)}.")
        answer = self._of_job(job_id, "prov", headers={"Accept": FORMS[form]})
        if isinstance(answer.body, bytes):
            answer.body = answer.text
        return answer

    prov = provenance
