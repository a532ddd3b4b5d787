"""Twins: every resource of a job stands below its process too, as ``/processes/{process_id}/jobs/{job_id}/…``.

A twin is derived from the service it doubles, with each of its methods; so nobody writes one, and none is forgotten. It
answers as the other does, if the job is one of the process. Documents link to the first of the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.request import Request

from weaverlite import errors
from weaverlite.api import parameters as p
from weaverlite.api.service import Operation, Service, View

_JOBS, _JOB = "/jobs", "/jobs/{job_id}"
_BELOW = "/processes/{process_id}"


def twin_of(service: Service) -> Service | None:
    """Return the service that doubles this one below each process, None when it is not about jobs.

    Of the list of jobs only reading is doubled: jobs are made of a process by its execution.
    """
    is_list = service.path == _JOBS
    if not is_list and service.path != _JOB and not service.path.startswith(f"{_JOB}/"):
        return None
    name, description = f"process_{service.name}", f"{service.description}, of a process"
    twin = Service(name, _BELOW + service.path, description, service.tag)
    for method, operation in service.operations.items():
        if is_list and method != "GET":
            continue
        view = _of_process(service.views[method]) if is_list else _of_job(service.views[method])
        twin.add_view(method, view, **_declared(operation))
    return twin


def _declared(operation: Operation) -> Mapping[str, Any]:
    schema = operation.schema.clone()
    schema["path"].add(p.PROCESS_ID.clone())
    return {
        "name": f"{operation.name}_by_process",
        "summary": f"{operation.summary}, by its process",
        "schema": schema,
        "answers": operation.answers,
        "raises": (*operation.raises, errors.NoSuchProcess),
        "produces": operation.produces,
        "is_public": operation.is_public,
        "callbacks": operation.callbacks,
        "profile": operation.profile,
    }


def _of_job(view: View) -> View:
    def check_and_view(request: Request) -> Any:
        given = request.validated
        request.runtime.jobs.of_process(given["process_id"], given["job_id"], request.owner)
        return view(request)

    return check_and_view


def _of_process(view: View) -> View:
    def narrow_and_view(request: Request) -> Any:
        given = request.validated
        name = given["process_id"]
        if ":" in name:
            why = "names a version, but the jobs of a process are listed for all its versions: leave the version out"
            raise errors.InvalidRequest(faults=[errors.Fault(why, "process_id", "path")])
        if given["processID"] and name not in given["processID"]:
            why = f"names other processes than the path, which is that of {name!r}: leave it out"
            raise errors.InvalidRequest(faults=[errors.Fault(why, "processID", "query")])
        given["processID"] = [name]
        return view(request)

    return narrow_and_view
