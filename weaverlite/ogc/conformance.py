"""The conformance classes this service knows, one line each, and the feature each depends on.

``/conformance`` lists a class only while its feature is there, with every requirement of the class met; a class of
which only a part is built names a feature that nobody declares yet.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

_COMMON = "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/"
_CORE_1 = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
_CORE_2 = "http://www.opengis.net/spec/ogcapi-processes-1/2.0/conf/"
_DEPLOY = "http://www.opengis.net/spec/ogcapi-processes-2/1.0/conf/"


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
    ConformanceClass(_CORE_1 + "core", "Processes 1.0: describe, execute, status and results", "execute-1.0"),
    ConformanceClass(_CORE_1 + "json", "Processes 1.0: JSON", "core"),
    ConformanceClass(_CORE_1 + "ogc-process-description", "Processes 1.0: descriptions", "process-description"),
    ConformanceClass(_CORE_1 + "job-list", "Processes 1.0: list of jobs, with every filter", "job-list"),
    ConformanceClass(_CORE_1 + "dismiss", "Processes 1.0: dismissal", "dismiss"),
    ConformanceClass(_CORE_1 + "callback", "Processes 1.0: callbacks", "callback"),
    ConformanceClass(_CORE_1 + "html", "Processes 1.0: HTML", "html"),
    ConformanceClass(_CORE_1 + "oas30", "Processes 1.0: OpenAPI 3.0", "openapi-3.0"),
    ConformanceClass(_CORE_2 + "core", "Processes 2.0: describe, execute, status and results", "execute-2.0"),
    ConformanceClass(_CORE_2 + "json", "Processes 2.0: JSON", "core"),
    ConformanceClass(_CORE_2 + "ogc-process-description", "Processes 2.0: descriptions", "process-description"),
    ConformanceClass(_CORE_2 + "job-list", "Processes 2.0: list of jobs, with every filter", "job-list"),
    ConformanceClass(_CORE_2 + "dismiss", "Processes 2.0: dismissal", "dismiss"),
    ConformanceClass(_CORE_2 + "callback", "Processes 2.0: callbacks", "callback"),
    ConformanceClass(_CORE_2 + "html", "Processes 2.0: HTML", "html"),
    # Its definition wants a human-readable service-doc beside the OpenAPI document.
    ConformanceClass(_CORE_2 + "oas31", "Processes 2.0: OpenAPI 3.1", "html"),
    ConformanceClass(_DEPLOY + "deploy-replace-undeploy", "Deploy, replace, undeploy", "deploy"),
    ConformanceClass(_DEPLOY + "ogcapppkg", "Deploy OGC application packages, by reference too", "deploy-reference"),
    ConformanceClass(_DEPLOY + "cwl", "Deploy CWL, by reference too", "deploy-reference"),
    ConformanceClass(_DEPLOY + "docker", "Deploy container images", "deploy-docker"),
)


def met(features: Collection[str]) -> tuple[ConformanceClass, ...]:
    """Return the classes whose feature is among these, in the order of the table."""
    return tuple(item for item in CLASSES if item.feature in features)
