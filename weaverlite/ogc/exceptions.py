"""Exception types of the OGC API standards, as the URIs that problem documents carry.

The scheme is ``http``: acceptance suites and clients compare these strings letter by letter.
"""

from __future__ import annotations

_BASE = "http://www.opengis.net/def/exceptions/"
_CORE = _BASE + "ogcapi-processes-1/1.0/"
_DEPLOY = _BASE + "ogcapi-processes-2/1.0/"
_JOBS = _BASE + "ogcapi-processes-4/1.0/"

NO_SUCH_PROCESS = _CORE + "no-such-process"
NO_SUCH_JOB = _CORE + "no-such-job"
NO_SUCH_OUTPUT = _CORE + "no-such-output"
RESULT_NOT_READY = _CORE + "result-not-ready"
RESULT_NOT_AVAILABLE = _CORE + "result-not-available"
INVALID_QUERY_PARAMETER_VALUE = _CORE + "invalid-query-parameter-value"
INVALID_PARAMETER_VALUE = _CORE + "invalid-parameter-value"

IMMUTABLE_PROCESS = _DEPLOY + "immutable-process"
DUPLICATED_PROCESS = _DEPLOY + "duplicated-process"
UNSUPPORTED_MEDIA_TYPE = _DEPLOY + "unsupported-media-type"
WORKFLOW_NOT_FOUND = _DEPLOY + "workflow-not-found"

LOCKED = _JOBS + "locked"
UNSUPPORTED_SCHEMA = _JOBS + "unsupported-schema"
UNSUPPORTED_JOB_MEDIA_TYPE = _JOBS + "unsupported-media-type"

#: RFC 9457: the type of a problem that has no other meaning than its HTTP status.
BLANK = "about:blank"
