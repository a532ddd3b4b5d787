"""What can be deployed (OGC API - Processes, Part 2): media types, and the profiles of application packages."""

from __future__ import annotations

CWL = "application/cwl"
CWL_JSON = "application/cwl+json"
CWL_YAML = "application/cwl+yaml"
PACKAGE = "application/ogcapppkg"
PACKAGE_JSON = "application/ogcapppkg+json"
PACKAGE_YAML = "application/ogcapppkg+yaml"

_YAML = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
CWL_TYPES = frozenset({CWL, CWL_JSON, CWL_YAML, "application/x-cwl"})
PACKAGE_TYPES = frozenset({PACKAGE, PACKAGE_JSON, PACKAGE_YAML})
#: Their content says which of the two it is.
PLAIN_TYPES = frozenset({"application/json", *_YAML})
MULTIPART_TYPES = frozenset({"multipart/mixed", "multipart/related", "multipart/form-data"})

_PROFILES = "www.opengis.net/profiles/eoc/"
_DOCKERIZED = "dockerizedApplication"
_WORKFLOW = "workflow"
DOCKERIZED_PROFILE = f"http://{_PROFILES}{_DOCKERIZED}"
WORKFLOW_PROFILE = f"http://{_PROFILES}{_WORKFLOW}"


def profile_of(text: str) -> str | None:
    """Return the deployment profile that ``text`` names, by its URI or the last part of it; None for an unknown one."""
    name = text.removeprefix("https://").removeprefix("http://").removeprefix(_PROFILES)
    return {_DOCKERIZED: DOCKERIZED_PROFILE, _WORKFLOW: WORKFLOW_PROFILE}.get(name)
