"""Where the results of a job come from, in every form of W3C PROV."""

from __future__ import annotations

import json

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from weaverlite import errors
from weaverlite.api import parameters as p
from weaverlite.api.rendering import reply, set_type
from weaverlite.api.service import Answer, Service, envelope
from weaverlite.api.urls import Urls
from weaverlite.ogc.negotiation import HTML, JSON
from weaverlite.services.provenance import FORMS

provenance = Service("provenance", "/jobs/{job_id}/prov", "Where the results of a job come from", "jobs")


@provenance.get(
    summary="Provenance of a job",
    schema=envelope(path=[p.JOB_ID]),
    answers={200: Answer("A W3C PROV document", "provenance", tuple(FORMS))},
    raises=(errors.NoSuchJob, errors.JobRemoved),
    produces=tuple(FORMS),
)
def get_provenance(request: Request) -> Response:
    media_type, base = request.media_type, Urls.of(request).base
    form = JSON if media_type == HTML else media_type
    text = request.runtime.provenance.write(request.validated["job_id"], request.owner, base, form)
    if media_type == HTML:
        # A page is made of the JSON.
        return reply(json.loads(text))
    response = Response(body=text.encode())
    # PROV-N demands that it is said, and clients take text without it for Latin-1.
    set_type(response, f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type)
    return response


def includeme(config: Configurator) -> None:
    config.add_weaverlite_service(provenance)
