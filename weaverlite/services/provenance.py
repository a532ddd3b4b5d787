"""The provenance of jobs: what the store knows of one, in the forms of W3C PROV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import weaverlite
from weaverlite.errors import NoSuchProcess, NoSuchUpload
from weaverlite.models.job import Job
from weaverlite.models.process import Process
from weaverlite.models.upload import Upload
from weaverlite.ogc.negotiation import JSON, JSON_LD, N_TRIPLES, PROV_N, PROV_XML, TURTLE, XML
from weaverlite.services.ownership import own_job
from weaverlite.stores.interfaces import Store

#: Media types and the forms that they are written in, the default first.
FORMS = {
    JSON: "json",
    JSON_LD: "json-ld",
    TURTLE: "turtle",
    N_TRIPLES: "nt",
    PROV_N: "provn",
    PROV_XML: "xml",
    XML: "xml",
    "text/xml": "xml",
}


class Provenance:
    """Tells where results come from."""

    def __init__(self, store: Store, *, title: str) -> None:
        """``title`` is what the service is called."""
        self._store = store
        self._title = title

    def write(self, job_id: str, owner: str | None, base: str, media_type: str) -> str:
        """Return the provenance of a job as text of one of :data:`FORMS`; ``base`` is the URL of this service.

        :raises NoSuchJob, JobRemoved: as they say.
        """
        # Here for the start-up: prov and rdflib take a fifth of a second.
        from weaverlite.services.provenance_graph import Facts, document_of, write

        job = own_job(self._store.jobs, job_id, owner)
        inputs = self._store.jobs.inputs(job_id)
        facts = Facts(
            job=job,
            inputs=inputs,
            service=self._title,
            version=weaverlite.__version__,
            base=base,
            process=self._process(job),
            manifest=self._store.jobs.manifest(job_id),
            uploads=dict(item for value in inputs.values() for item in self._uploads(value, owner)),
        )
        return write(document_of(facts), FORMS[media_type])

    def _process(self, job: Job) -> Process | None:
        try:
            return self._store.processes.get(job.process_id, job.process_revision)
        except NoSuchProcess:
            return None

    def _uploads(self, value: object, owner: str | None) -> Iterator[tuple[str, Upload]]:
        """Yield the references to uploads in the value of an input, with those that are still known."""
        if isinstance(value, list):
            for item in value:
                yield from self._uploads(item, owner)
        elif isinstance(value, Mapping) and isinstance(href := value.get("href"), str) and href.startswith("vault:"):
            try:
                found = self._store.uploads.get(href.partition(":")[2].strip("/"))
            except NoSuchUpload:
                return
            if found.owner == owner:
                yield href, found
