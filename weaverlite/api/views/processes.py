"""Processes: list, describe, deploy, replace, edit, undeploy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from weaverlite import errors
from weaverlite.api import parameters as p
from weaverlite.api.packaging import MEDIA_TYPES as PACKAGED
from weaverlite.api.packaging import package_response
from weaverlite.api.paging import page_links, paged
from weaverlite.api.rendering import empty, reply
from weaverlite.api.represent import process_description, process_revision, process_summary
from weaverlite.api.service import Answer, Document, Raw, Service, envelope
from weaverlite.api.urls import Urls
from weaverlite.models.queries import ProcessQuery
from weaverlite.ogc import profiles
from weaverlite.ogc.negotiation import ANY, JSON, MERGE_PATCH
from weaverlite.services.notations import MEDIA_TYPES
from weaverlite.services.packages import Deployment

_TAG = "processes"
_PACKAGE = Raw(*sorted(MEDIA_TYPES))
_ONE = envelope(path=[p.PROCESS_ID])
_DEPLOYING = (errors.InvalidRequest, errors.InvalidPackage, errors.Refused, errors.Clash, errors.BackendError)

processes = Service("processes", "/processes", "What can be executed", _TAG)
process = Service("process", "/processes/{process_id}", "One process", _TAG)
package = Service("package", "/processes/{process_id}/package", "What was deployed", _TAG)
revisions = Service("revisions", "/processes/{process_id}/revisions", "What a process was before", _TAG)


@processes.get(
    summary="List processes",
    profile=profiles.PROCESS_LIST,
    schema=envelope(query=[p.LIMIT, p.CURSOR]),
    answers={200: Answer("A page of processes", "processList", headers=("Link",))},
    raises=(errors.InvalidRequest,),
)
def list_processes(request: Request) -> dict[str, Any]:
    given, urls = request.validated, Urls.of(request)
    page = request.runtime.processes.find(ProcessQuery(limit=given["limit"], cursor=given["cursor"]))
    return {
        "processes": [process_summary(item, urls) for item in page.items],
        "links": page_links(request, urls.at("processes"), page, up=urls.landing()),
    }


@processes.post(
    summary="Deploy a process",
    schema=envelope(query=[p.WORKFLOW, p.DRY_RUN], body=_PACKAGE),
    answers={
        200: Answer("With dryRun: the description it would have; nothing was deployed", "process"),
        201: Answer("It was deployed", "processSummary", headers=("Location",)),
    },
    raises=_DEPLOYING,
)
def deploy_process(request: Request) -> Response:
    urls, known = Urls.of(request), request.runtime.processes
    with _locating(urls):
        if request.validated["dryRun"]:
            return reply(process_description(known.check(_deployment(request), request.owner), urls))
        deployed = known.deploy(_deployment(request), request.owner)
    return reply(process_summary(deployed, urls), 201, headers={"Location": urls.process(deployed.process_id)})


@process.get(
    summary="Describe a process",
    profile=profiles.PROCESS_DESCRIPTION,
    schema=envelope(path=[p.PROCESS_ID], query=[p.REVISION]),
    answers={200: Answer("Its description", "process", headers=("Link",))},
    raises=(errors.NoSuchProcess, errors.InvalidRequest),
)
def describe_process(request: Request) -> dict[str, Any]:
    name = request.validated["process_id"]
    found = request.runtime.processes.get(name, request.validated["revision"])
    return process_description(found, Urls.of(request), name)


@process.put(
    summary="Replace a process",
    schema=envelope(path=[p.PROCESS_ID], query=[p.WORKFLOW, p.DRY_RUN], body=_PACKAGE),
    answers={
        200: Answer("With dryRun: the description it would have; nothing was replaced", "process"),
        204: Answer("It was replaced", headers=("Location",)),
    },
    raises=(errors.NoSuchProcess, *_DEPLOYING),
)
def replace_process(request: Request) -> Response:
    urls, known, name = Urls.of(request), request.runtime.processes, request.validated["process_id"]
    # Whether there is such a process, and whether it may be replaced, comes before what it is replaced by.
    present = known.changeable(name, request.owner)
    deployment = _deployment(request, present.process_id)
    if request.validated["dryRun"]:
        return reply(process_description(known.check(deployment, request.owner, name), urls))
    replaced = known.replace(name, deployment, request.owner)
    return _located(empty(), urls.process(f"{replaced.process_id}:{replaced.version}"))


@process.patch(
    summary="Edit the description of a process",
    schema=envelope(path=[p.PROCESS_ID], body=Document("processPatch", MERGE_PATCH, JSON, is_deferred=True)),
    answers={200: Answer("The process as it is now", "processSummary", headers=("Location",))},
    raises=(errors.NoSuchProcess, errors.InvalidRequest, errors.Refused, errors.Clash),
)
def update_process(request: Request) -> Response:
    urls, given = Urls.of(request), request.validated
    edited = request.runtime.processes.update(given["process_id"], given["body"], request.owner)
    return _located(reply(process_summary(edited, urls)), urls.process(f"{edited.process_id}:{edited.version}"))


@process.delete(
    summary="Undeploy a process",
    schema=_ONE,
    answers={204: Answer("It was undeployed")},
    raises=(errors.NoSuchProcess, errors.Refused, errors.Clash),
)
def undeploy_process(request: Request) -> Response:
    request.runtime.processes.undeploy(request.validated["process_id"], request.owner)
    return empty()


@package.get(
    summary="What was deployed",
    schema=_ONE,
    answers={200: Answer("What was deployed, as it came or in the form asked for", "deployedPackage", PACKAGED)},
    raises=(errors.NoSuchProcess, errors.Refused),
    produces=(ANY,),
)
def get_package(request: Request) -> Response:
    found = request.runtime.processes.get(request.validated["process_id"])
    if found.deployed is None:
        raise errors.ImmutableProcess(f"The process {found.process_id!r} is built in: it has no package to give.")
    return package_response(request, found.deployed, found.package)


@revisions.get(
    summary="List the revisions of a process",
    schema=envelope(path=[p.PROCESS_ID], query=[p.LIMIT, p.BEFORE]),
    answers={200: Answer("A page of revisions, newest first", "revisionList")},
    raises=(errors.NoSuchProcess, errors.InvalidRequest),
)
def list_revisions(request: Request) -> dict[str, Any]:
    given, urls = request.validated, Urls.of(request)
    found, following = request.runtime.processes.revisions(given["process_id"], given["limit"], given["before"])
    here = urls.at("processes", given["process_id"], "revisions")
    return {
        "revisions": [process_revision(item, urls) for item in found],
        "links": paged(request, here, str(following or ""), "before"),
    }


def _deployment(request: Request, process_id: str | None = None) -> Deployment:
    found: Deployment = request.runtime.packages.read(
        request.validated["body"],
        request.headers["Content-Type"],
        process_id=process_id,
        workflow=request.validated["w"],
        owner=request.owner,
    )
    return found


def _located(response: Response, url: str) -> Response:
    response.headers["Location"] = url
    return response


@contextmanager
def _locating(urls: Urls) -> Iterator[None]:
    """Say with the error of a clash where the process is that is there already."""
    try:
        yield
    except (errors.DuplicatedProcess, errors.ImmutableProcess) as error:
        if process_id := error.members.get("processID"):
            error.headers["Location"] = urls.process(process_id)
        raise


def includeme(config: Configurator) -> None:
    for service in (processes, process, package, revisions):
        config.add_weaverlite_service(service)
