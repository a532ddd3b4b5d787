"""The service itself: landing page, conformance, API definition, health and versions."""

from __future__ import annotations

from importlib import metadata
from platform import python_version
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

import weaverlite
from weaverlite.api.openapi import api_document
from weaverlite.api.rendering import reply
from weaverlite.api.service import Answer, Service
from weaverlite.api.urls import Urls
from weaverlite.ogc import conformance
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import Link
from weaverlite.ogc.negotiation import JSON, OPENAPI
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
        Link(urls.landing(), rel.SELF, JSON, "This document"),
        Link(urls.at("api"), rel.SERVICE_DESC, OPENAPI, "Definition of the API"),
        Link(urls.at("conformance"), rel.CONFORMANCE, JSON, "The standards that are met"),
        Link(urls.at("processes"), rel.PROCESSES, JSON, "What can be executed"),
        Link(urls.at("jobs"), rel.JOB_LIST, JSON, "What was executed"),
        Link(urls.at("versions"), rel.RELATED, JSON, "Releases of the service and of what it runs on"),
    )
    return {"title": server.title, "description": server.description, "links": [link.to_json() for link in found]}


@conformance_service.get(
    summary="Conformance classes", answers={200: Answer("The classes that are met", "confClasses")}
)
def get_conformance(request: Request) -> dict[str, Any]:
    met = conformance.met(features(request.runtime.settings))
    return {"conformsTo": [*(item.uri for item in met), *request.registry.plugin_conformance]}


@definition.get(
    summary="Definition of the API",
    answers={200: Answer("An OpenAPI 3.1 document", media_types=(OPENAPI, JSON))},
    produces=(OPENAPI, JSON),
)
def get_api(request: Request) -> Response:
    document = api_document(request.registry, request.runtime.settings.server, Urls.of(request).base)
    return reply(document, media_type=request.media_type)


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
    found = {"core", "process-description", "dismiss"}
    if settings.server.result_not_ready_status == 404:
        # A service that answers 400 before the end serves other clients, but not these requirements.
        found |= {"execute-1.0", "execute-2.0"}
    if settings.allows_deploy:
        found.add("deploy")
    return frozenset(found)


def includeme(config: Configurator) -> None:
    for service in (landing, conformance_service, definition, health, readiness, versions):
        config.add_weaverlite_service(service)
