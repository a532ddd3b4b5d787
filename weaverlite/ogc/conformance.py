"""The conformance classes this service knows, one line each, and the feature each depends on.

``/conformance`` lists a class only while its feature is there, with every requirement of the class met
(:mod:`weaverlite.ogc.requirements`); a class of which only a part is built names a feature that nobody declares yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

#: What ``/conformance?category=`` may ask for: classes, requirements, recommendations, permissions, or all of these.
CATEGORIES = ("conf", "req", "rec", "per", "all")

_COMMON = "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/"
_CORE_1 = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
_CORE_2 = "http://www.opengis.net/spec/ogcapi-processes-1/2.0/conf/"
_DEPLOY = "http://www.opengis.net/spec/ogcapi-processes-2/1.0/conf/"
_CHAIN = "http://www.opengis.net/spec/ogcapi-processes-3/0.0/conf/"
_JOBS = "http://www.opengis.net/spec/ogcapi-processes-4/1.0/conf/"


@dataclass(frozen=True, slots=True)
class ConformanceClass:
    """A class of requirements: its URI, what it says in a few words, and the feature it depends on."""

    uri: str
    title: str
    feature: str


CLASSES = (
    ConformanceClass(_COMMON + "core", "Common: core", "core"),
    ConformanceClass(_COMMON + "landing-page", "Common: landing page", "core"),
    ConformanceClass(_COMMON + "json", "Common: JSON", "core"),
    ConformanceClass(_COMMON + "html", "Common: HTML", "html"),
    ConformanceClass(_COMMON + "oas30", "Common: OpenAPI 3.0", "openapi"),
    ConformanceClass(_CORE_1 + "core", "Processes 1.0: describe, execute, status and results", "execute-1.0"),
    ConformanceClass(_CORE_1 + "json", "Processes 1.0: JSON", "core"),
    ConformanceClass(_CORE_1 + "ogc-process-description", "Processes 1.0: descriptions", "process-description"),
    ConformanceClass(_CORE_1 + "job-list", "Processes 1.0: list of jobs, with every filter", "job-list"),
    ConformanceClass(_CORE_1 + "dismiss", "Processes 1.0: dismissal", "dismiss"),
    ConformanceClass(_CORE_1 + "callback", "Processes 1.0: callbacks", "callback"),
    ConformanceClass(_CORE_1 + "html", "Processes 1.0: HTML", "html"),
    ConformanceClass(_CORE_1 + "oas30", "Processes 1.0: OpenAPI 3.0", "openapi"),
    ConformanceClass(_CORE_2 + "core", "Processes 2.0: describe, execute, status and results", "execute-2.0"),
    ConformanceClass(_CORE_2 + "json", "Processes 2.0: JSON", "core"),
    ConformanceClass(_CORE_2 + "ogc-process-description", "Processes 2.0: descriptions", "process-description"),
    ConformanceClass(_CORE_2 + "job-list", "Processes 2.0: list of jobs, with every filter", "job-list"),
    ConformanceClass(_CORE_2 + "dismiss", "Processes 2.0: dismissal", "dismiss"),
    ConformanceClass(_CORE_2 + "callback", "Processes 2.0: callbacks", "callback"),
    ConformanceClass(_CORE_2 + "html", "Processes 2.0: HTML", "html"),
    ConformanceClass(_CORE_2 + "oas", "Processes 2.0: OpenAPI", "openapi"),
    ConformanceClass(_CORE_2 + "oas30", "Processes 2.0: OpenAPI 3.0", "openapi"),
    ConformanceClass(_CORE_2 + "oas31", "Processes 2.0: OpenAPI 3.1", "openapi"),
    ConformanceClass(_CORE_2 + "kvp-execute", "Processes 2.0: execution by GET", "kvp-execute"),
    ConformanceClass(_CORE_2 + "query-param-profile", "Processes 2.0: profiles", "profiles"),
    ConformanceClass(_CORE_2 + "collection-input", "Processes 2.0: collections as inputs", "collections"),
    ConformanceClass(_CORE_2 + "remote-collections", "Processes 2.0: collections elsewhere", "collections"),
    ConformanceClass(_CORE_2 + "local-filtering", "Processes 2.0: collections are filtered here", "collections"),
    ConformanceClass(_DEPLOY + "deploy-replace-undeploy", "Deploy, replace, undeploy", "deploy"),
    ConformanceClass(_DEPLOY + "ogcapppkg", "Deploy OGC application packages, by reference too", "deploy-ogcapppkg"),
    ConformanceClass(_DEPLOY + "cwl", "Deploy CWL, by reference too", "deploy-cwl"),
    ConformanceClass(_DEPLOY + "docker", "Deploy container images", "deploy-docker"),
    ConformanceClass(_CHAIN + "nested-processes", "Chaining: processes as inputs", "nested"),
    ConformanceClass(_CHAIN + "remote-core-processes", "Chaining: processes of other servers as inputs", "remote"),
    ConformanceClass(_CHAIN + "collection-input", "Chaining: collections as inputs", "collections"),
    ConformanceClass(_CHAIN + "remote-collections", "Chaining: collections elsewhere", "collections"),
    ConformanceClass(_CHAIN + "input-fields-modifiers", "Chaining: filter, properties, sortBy", "fields-modifiers"),
    ConformanceClass(_JOBS + "job-management", "Jobs are made, changed and started apart", "job-management"),
    ConformanceClass(_JOBS + "ogcapi-processes", "Jobs are made of execute requests", "job-management"),
    ConformanceClass(_JOBS + "provenance", "Provenance and inputs of jobs", "provenance"),
)


def met(features: Collection[str]) -> tuple[ConformanceClass, ...]:
    """Return the classes whose feature is among these, in the order of the table."""
    return tuple(item for item in CLASSES if item.feature in features)


def uris(features: Collection[str], category: str = "conf") -> Iterator[str]:
    """Return the URIs of a category: of the classes that are met, or of what stands in them."""
    classes = met(features)
    if category in ("conf", "all"):
        yield from (item.uri for item in classes)
    if category != "conf":
        from weaverlite.ogc.requirements import of_class  # Here for the start-up: hardly anyone asks.

        wanted = {"req": ("MUST",), "rec": ("SHOULD",), "per": ("MAY",)}.get(category, ("MUST", "SHOULD", "MAY"))
        for item in classes:
            yield from (found.uri for found in of_class(item.uri) if found.kind in wanted)
