"""Inside a job process: what it works with, and what is loaded before it is forked.

Here meet settings and classes a second time, beside :mod:`weaverlite.runtime`, which job processes never load.
"""

from __future__ import annotations

from weaverlite import plugins
from weaverlite.engines.formats import media_type_of_name
from weaverlite.errors import NoSuchUpload
from weaverlite.execution.inherited import InheritedResults
from weaverlite.execution.parts import Parts
from weaverlite.models.nested import INPUTS, RESULT
from weaverlite.models.upload import Upload
from weaverlite.settings import Settings
from weaverlite.transfer.collected import CollectedValues
from weaverlite.transfer.collections import CollectionReader
from weaverlite.transfer.exchange import RemoteExchange
from weaverlite.transfer.interfaces import FetchLimits
from weaverlite.transfer.selection import selected


def job_parts(settings: Settings) -> Parts:
    """Return what a job process works with: the same engines, stagers and publisher as the worker, and no store."""
    egress = settings.egress
    # The records of the uploads that a job refers to come with the job.
    uploads: dict[str, Upload] = {}

    def find_upload(upload_id: str) -> Upload:
        if upload_id not in uploads:
            raise NoSuchUpload
        return uploads[upload_id]

    limits = FetchLimits(size=egress.size_limit, seconds=egress.total_timeout.total_seconds())
    stagers, publisher = plugins.stagers(settings, find_upload), plugins.publisher(settings)
    inherited, collections = InheritedResults(publisher, selected), CollectionReader.create(settings)
    return Parts(
        engines=plugins.engines(settings),
        stagers=stagers,
        publisher=publisher,
        fetch_limits=limits,
        media_type_of=media_type_of_name,
        uploads=uploads,
        kinds={
            RESULT: inherited,
            INPUTS: inherited.remote,
            "collection": CollectedValues(collections, stagers, limits),
        },
        collections=collections,
        exchange=RemoteExchange.create(settings),
    )


def warm(settings: Settings) -> None:
    """Load, in the clean fork server, what every run needs."""
    for engine in plugins.engines(settings).values():
        engine.warm()
