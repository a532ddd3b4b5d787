"""The service itself: landing page, conformance, API definition, health and versions."""

from __future__ import annotations

from importlib import metadata
from platform import python_version
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

import weaverlite
from weaverlite.api import parameters as p
from weaverlite.api.definitions import definitions
from weaverlite.api.rendering import reply, set_type
from weaverlite.api.service import Answer, Service, envelope
from weaverlite.api.urls import Urls
from weaverlite.ogc import conformance
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import Link
from weaverlite.ogc.negotiation import HTML, JSON, OPENAPI, OPENAPI_30, YAML, accepts_openapi_30
from weaverlite.settings import Settings

_TAG = "service"

landing = Service("landing", "/", "The landing page: links to what there is", _TAG)
conformance_service = Service("conformance", "/conformance", "The standards that are met", _TAG)
definition = Service("api", "/api", "This definition", _TAG)
health = Service("health", "/health", "Whether the service is alive", _TAG)
readiness = Service("ready", "/ready", "Whether the service can take executions", _TAG)
versions = Service("versions", "/versions", "Releases of the service and of what it runs on", _TAG)


@landing.get(summary="Landing page", answers={200: Answer("Links to what there is", "landingPage")})
def get_landing_page(request: Request) -> dict[str, Any]:
    server, urls = request.runtime.settings.server, Urls.of(request)
    found = (
        *rel.representations(urls.landing(), "This document"),
        *_definitions(urls),
        Link(urls.at("conformance"), rel.CONFORMANCE, JSON, "The standards that are met"),
        Link(urls.at("processes"), rel.PROCESSES, JSON, "What can be executed"),
        Link(urls.at("jobs"), rel.JOB_LIST, JSON, "What was executed"),
        Link(urls.at("versions"), rel.RELATED, JSON, "Releases of the service and of what it runs on"),
    )
    document: dict[str, Any] = {"title": server.title, "description": server.description}
    if server.attribution:
        document["attribution"] = server.attribution
    return {**document, "links": [link.to_json() for link in found]}


def _definitions(urls: Urls) -> tuple[Link, ...]:
    api = urls.at("api")
    return (
        Link(f"{api}?version=3.1", rel.SERVICE_DESC, OPENAPI, "Definition of the API, OpenAPI 3.1"),
        Link(f"{api}?version=3.0", rel.SERVICE_DESC, OPENAPI_30, "Definition of the API, OpenAPI 3.0"),
        Link(f"{api}?f=yaml", rel.SERVICE_DESC, YAML, "Definition of the API, YAML"),
        Link(f"{api}?f=html", rel.SERVICE_DOC, HTML, "Definition of the API, as a page to try"),
    )


@conformance_service.get(
    summary="Conformance classes",
    schema=envelope(query=[p.CATEGORY]),
    answers={200: Answer("The classes that are met", "confClasses")},
)
def get_conformance(request: Request) -> dict[str, Any]:
    category = request.validated["category"]
    found = list(conformance.uris(features(request.runtime.settings), category))
    if category in ("conf", "all"):
        found += request.registry.plugin_conformance
    return {"conformsTo": found}


@definition.get(
    summary="Definition of the API",
    schema=envelope(query=[p.OPENAPI_VERSION]),
    answers={200: Answer("An OpenAPI document, or a page of it", "openapi", (OPENAPI, OPENAPI_30, JSON, YAML, HTML))},
    produces=(OPENAPI, JSON, YAML, HTML),
)
def get_api(request: Request) -> Response:
    urls = Urls.of(request)
    if request.media_type == HTML:
        from weaverlite.api import html  # Here for the start-up: the templates take 40 ms.

        documents = [link.to_json() for link in _definitions(urls) if link.rel == rel.SERVICE_DESC]
        # Swagger UI reads no 3.1.
        return html.api_page(request, documents, f"{urls.at('api')}?version=3.0")
    # Both versions have one media type, told apart by its parameter.
    version = request.validated["version"] or ("3.0" if accepts_openapi_30(request.headers.get("Accept")) else "3.1")
    media_type = OPENAPI_30 if request.media_type == OPENAPI and version == "3.0" else request.media_type
    response = Response(body=definitions(request).text(urls.base, version, is_yaml=media_type == YAML))
    set_type(response, media_type)
    return response


@health.get(summary="Alive", answers={200: Answer("It is", "health")}, is_public=True)
def get_health(request: Request) -> dict[str, Any]:
    return {"status": "ok"}


@readiness.get(
    summary="Ready",
    answers={200: Answer("Executions are accepted", "health"), 503: Answer("They are not; says why", "health")},
    is_public=True,
)
def get_ready(request: Request) -> Response:
    parts = request.runtime.ready()
    broken = any(state != "ok" for state in parts.values())
    return reply({"status": "not ready" if broken else "ok", "parts": dict(parts)}, 503 if broken else 200)


@versions.get(summary="Versions", answers={200: Answer("Name and version of each part", "versions")})
def get_versions(request: Request) -> dict[str, Any]:
    found = [
        {"name": "weaverlite", "version": weaverlite.__version__, "type": "service"},
        {"name": "python", "version": python_version(), "type": "platform"},
    ]
    for name in ("cwltool", "pyramid"):
        found.append({"name": name, "version": metadata.version(name), "type": "library"})
    return {"versions": found}


def features(settings: Settings) -> frozenset[str]:
    """Return the features that conformance classes may depend on, as they are with these settings."""
    found = {"core", "html", "openapi", "process-description", "dismiss", "job-list", "callback"}
    found |= {"kvp-execute", "profiles", "job-management", "provenance"}
    if settings.server.result_not_ready_status == 404 and settings.server.monitor_link != "never":
        # A service that answers 400 before the end, or never links to the job of an answer, serves other clients, but
        # does not meet these requirements.
        found |= {"execute-1.0", "execute-2.0"}
    if settings.allows_deploy:
        found |= {"deploy", "deploy-ogcapppkg", "deploy-cwl", "deploy-docker"}
    if settings.chaining.depth and settings.chaining.jobs:
        found.add("nested")
        if settings.chaining.servers:
            found.add("remote")
    if settings.chaining.collections:
        found |= {"collections", "fields-modifiers"}
    return frozenset(found)


def includeme(config: Configurator) -> None:
    for service in (landing, conformance_service, definition, health, readiness, versions):
        config.add_weaverlite_service(service)
