"""Uploads: files that clients send to use them as inputs."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from weaverlite import errors
from weaverlite.api import parameters as p
from weaverlite.api.rendering import empty, reply
from weaverlite.api.represent import upload
from weaverlite.api.service import Answer, Service, Stream, envelope
from weaverlite.api.urls import Urls
from weaverlite.ogc.names import disposition_name
from weaverlite.ogc.negotiation import ANY

_TAG = "vault"
_ONE = envelope(path=[p.UPLOAD_ID])

vault = Service("vault", "/vault", "Files to use as inputs", _TAG)
upload_service = Service("upload", "/vault/{upload_id}", "One upload", _TAG)


@vault.post(
    summary="Upload a file",
    schema=envelope(query=[p.NAME], header=[p.CONTENT_DISPOSITION], body=Stream(ANY)),
    answers={201: Answer("It is kept for a while; href is what inputs refer to", "upload", headers=("Location",))},
    raises=(errors.InvalidRequest, errors.TooLarge, errors.BackendError),
)
def upload_file(request: Request) -> Response:
    given = request.validated
    kept = request.runtime.uploads.receive(
        request.body_file_raw,
        disposition_name(given["Content-Disposition"]) or given["name"],
        request.headers.get("Content-Type"),
        request.owner,
    )
    return reply(upload(kept), 201, headers={"Location": Urls.of(request).upload(kept.upload_id)})


@upload_service.get(
    summary="An upload", schema=_ONE, answers={200: Answer("What is known", "upload")}, raises=(errors.NoSuchUpload,)
)
def get_upload(request: Request) -> dict[str, Any]:
    return upload(request.runtime.uploads.get(request.validated["upload_id"], request.owner))


@upload_service.delete(
    summary="Remove an upload", schema=_ONE, answers={204: Answer("It is gone")}, raises=(errors.NoSuchUpload,)
)
def remove_upload(request: Request) -> Response:
    request.runtime.uploads.remove(request.validated["upload_id"], request.owner)
    return empty()


def includeme(config: Configurator) -> None:
    for service in (vault, upload_service):
        config.add_weaverlite_service(service)
