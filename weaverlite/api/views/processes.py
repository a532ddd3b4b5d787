"""Processes: list, describe, deploy, replace, undeploy."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from weaverlite import errors
from weaverlite.api import parameters as p
from weaverlite.api.paging import paged
from weaverlite.api.rendering import empty, reply, set_type
from weaverlite.api.represent import process_description, process_summary
from weaverlite.api.service import Answer, Raw, Service, envelope
from weaverlite.api.urls import Urls
from weaverlite.models.queries import ProcessQuery
from weaverlite.ogc.negotiation import ANY
from weaverlite.services.packages import MEDIA_TYPES, Deployment, parse_deployment

_TAG = "processes"
_PACKAGE = Raw(*sorted(MEDIA_TYPES))
_ONE = envelope(path=[p.PROCESS_ID])
_DEPLOYING = (errors.InvalidRequest, errors.InvalidPackage, errors.Refused, errors.Clash, errors.BackendError)

processes = Service("processes", "/processes", "What can be executed", _TAG)
process = Service("process", "/processes/{process_id}", "One process", _TAG)
package = Service("package", "/processes/{process_id}/package", "What was deployed", _TAG)


@processes.get(
    summary="List processes",
    schema=envelope(query=[p.LIMIT, p.CURSOR]),
    answers={200: Answer("A page of processes", "processList")},
    raises=(errors.InvalidRequest,),
)
def list_processes(request: Request) -> dict[str, Any]:
    given, urls = request.validated, Urls.of(request)
    page = request.runtime.processes.find(ProcessQuery(limit=given["limit"], cursor=given["cursor"]))
    return {
        "processes": [process_summary(item, urls) for item in page.items],
        "links": paged(request, urls.at("processes"), page.next_cursor),
    }


@processes.post(
    summary="Deploy a process",
    schema=envelope(query=[p.WORKFLOW], body=_PACKAGE),
    answers={201: Answer("It was deployed", "processSummary", headers=("Location",))},
    raises=_DEPLOYING,
)
def deploy_process(request: Request) -> Response:
    urls = Urls.of(request)
    deployed = request.runtime.processes.deploy(_deployment(request), request.owner)
    return reply(process_summary(deployed, urls), 201, headers={"Location": urls.process(deployed.process_id)})


@process.get(
    summary="Describe a process",
    schema=envelope(path=[p.PROCESS_ID], query=[p.REVISION]),
    answers={200: Answer("Its description", "process")},
    raises=(errors.NoSuchProcess, errors.InvalidRequest),
)
def describe_process(request: Request) -> dict[str, Any]:
    found = request.runtime.processes.get(request.validated["process_id"], request.validated["revision"])
    return process_description(found, Urls.of(request))


@process.put(
    summary="Replace a process",
    schema=envelope(path=[p.PROCESS_ID], query=[p.WORKFLOW], body=_PACKAGE),
    answers={204: Answer("It was replaced")},
    raises=(errors.NoSuchProcess, *_DEPLOYING),
)
def replace_process(request: Request) -> Response:
    process_id = request.validated["process_id"]
    request.runtime.processes.replace(process_id, _deployment(request, process_id), request.owner)
    return empty()


@process.delete(
    summary="Undeploy a process",
    schema=_ONE,
    answers={204: Answer("It was undeployed")},
    raises=(errors.NoSuchProcess, errors.Refused),
)
def undeploy_process(request: Request) -> Response:
    request.runtime.processes.undeploy(request.validated["process_id"], request.owner)
    return empty()


@package.get(
    summary="What was deployed",
    schema=_ONE,
    answers={200: Answer("The body of the deployment, as it came", media_types=(ANY,))},
    raises=(errors.NoSuchProcess, errors.Refused),
    produces=(ANY,),
)
def get_package(request: Request) -> Response:
    found = request.runtime.processes.get(request.validated["process_id"])
    if found.deployed is None:
        raise errors.ImmutableProcess(f"The process {found.process_id!r} is built in: it has no package to give.")
    response = Response(body=found.deployed.body.encode())
    set_type(response, found.deployed.media_type)
    return response


def _deployment(request: Request, process_id: str | None = None) -> Deployment:
    settings = request.runtime.settings
    return parse_deployment(
        request.validated["body"],
        request.headers["Content-Type"],
        process_id=process_id,
        workflow=request.validated["w"],
        limits=settings.limits,
        size_limit=settings.server.body_limit,
    )


def includeme(config: Configurator) -> None:
    for service in (processes, process, package):
        config.add_weaverlite_service(service)
