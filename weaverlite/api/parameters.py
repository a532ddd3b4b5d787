"""Every parameter of a path, a query and a header: a Colander node each, whose type (:mod:`weaverlite.api.nodes`) turns
text into values and documents it.
"""

from __future__ import annotations

from weaverlite.api.nodes import Choice, Flag, Interval, Label, Members, Prefer, Several, Text, Time, Whole, parameter
from weaverlite.models.queries import SORTS
from weaverlite.ogc.conformance import CATEGORIES
from weaverlite.ogc.negotiation import FORMATS, Preferences
from weaverlite.ogc.status import StatusCode

LIMIT_MAX = 10_000

# ---------------------------------------------------------------- paths

PROCESS_ID = parameter(Text(), "process_id", "Id of the process, or its id and a version as in echo:1.0.0")
JOB_ID = parameter(Text(), "job_id", "Id of the job")
OUTPUT_ID = parameter(Text(), "output_id", "Id of the output")
INDEX = parameter(Text(), "index", "Place in an output that is a list, from 0")
FILE_PATH = parameter(Text(), "path", "Path of the file below outputs/, as in the manifest")
UPLOAD_ID = parameter(Text(), "upload_id", "Id of the upload")

# ---------------------------------------------------------------- queries

CATEGORY = parameter(
    Choice(*CATEGORIES), "category", "What is listed: classes, what stands in them, or all of it", missing="conf"
)
OPENAPI_VERSION = parameter(Choice("3.0", "3.1"), "version", "Version of OpenAPI; beats the Accept header", missing="")
FORMAT = parameter(Choice(*FORMATS), "f", "Form of the answer; beats the Accept header", missing=None)
#: 2.0 asks that a profile which is not supported is no fault.
PROFILE = parameter(Several(Text()), "profile", "Profiles wished for; those not supported are ignored", missing=())
LIMIT = parameter(Whole(1, LIMIT_MAX, 10), "limit", "How many entries a page has at most", missing=10)
CURSOR = parameter(Text(), "cursor", "Where the page begins: take it from the link next", missing=None)
REVISION = parameter(Whole(1, 10**9), "revision", "A revision of the process; without it the latest", missing=None)
BEFORE = parameter(Whole(1, 10**9), "before", "Only revisions of lower numbers", missing=None)
WORKFLOW = parameter(Text(), "w", "Id of the workflow to deploy, of a package that has several", missing=None)
STATUSES = parameter(
    Several(Choice(*(code.value for code in StatusCode))), "status", "Only jobs in one of these states", missing=()
)
PROCESS_IDS = parameter(Several(Text()), "processID", "Only jobs of one of these processes", missing=())
TYPES = parameter(Several(Text()), "type", "Only jobs of these types; there is one: process", missing=())
CREATED = parameter(Interval(), "datetime", "Only jobs created then: a time, or an interval a/b", missing=(None, None))
PREFIX = parameter(
    Text(r"[0-9a-f\-]{6,36}\Z", "is not the beginning of a job id: give 6 to 36 of its characters"),
    "prefix",
    "Only jobs whose id begins so",
    missing="",
)
LABELS = parameter(Several(Label(), ""), "label", "Only jobs with this label: name=value; may be repeated", missing=())
TAGS = parameter(Several(Text()), "tags", "Only jobs that have all these tags", missing=())
NEW_TAGS = parameter(
    Several(Text(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?\Z", "is not a tag: use letters, digits and ._/-")),
    "tags",
    "Tags of the new job, to find it by",
    missing=(),
)
MIN_DURATION = parameter(
    Several(Whole(0, 10**9)), "minDuration", "Only jobs that took at least so many seconds, or have so far", missing=()
)
MAX_DURATION = parameter(
    Several(Whole(0, 10**9)), "maxDuration", "Only jobs that took at most so many seconds, or have so far", missing=()
)
SORT = parameter(
    Choice(*(sign + word for word in SORTS for sign in ("", "-"))),
    "sort",
    "Order of the list; with a minus the other way round",
    missing="-created",
)
DETAIL = parameter(Flag(True), "detail", "Whether the list has what is known of each job, or only its id", missing=True)
PAGE = parameter(
    Whole(0, LIMIT_MAX), "page", "Number of the page, from 0, near the beginning; the links lead anywhere", missing=0
)
SAME_REVISION = parameter(
    Choice("latest", "same"), "revision", "The revision of the process to run: the latest, or that of the job", "latest"
)
STREAM = parameter(
    Several(Choice("stdout", "stderr", "service", "status", "callback")),
    "stream",
    "Only lines of these streams",
    missing=(),
)
LINES = parameter(Whole(1, LIMIT_MAX, 1000), "limit", "How many lines come in one JSON document", missing=1000)
TAIL = parameter(Whole(0, LIMIT_MAX), "tail", "Only so many lines, the last ones", missing=None)
AFTER = parameter(Whole(0, 10**15), "after", "Only lines after the one of this number", missing=0)
SINCE = parameter(Time(), "since", "Only lines since this time", missing=None)
FOLLOW = parameter(Flag(), "follow", "Whether to keep answering until the job has ended", missing=False)
OUTPUTS = parameter(Several(Text()), "outputs", "Only these outputs", missing=None)
KVP = parameter(
    Members(),
    "inputs",
    "Each input by its name (name=…, name[value]=…, name[mediaType]=…, name[href]=…) and each wanted output "
    "(name[include]=true)",
    missing=None,
)
KVP_FORM = parameter(Text(), "response[f]", "Form of the answer: a media type or one of the words of f", missing=None)
KVP_PREFER = parameter(Text(), "response[prefer]", "Preferences, as in the header Prefer", missing=None)
NAME = parameter(Text(), "name", "Name of the file, if Content-Disposition does not say it", missing=None)

DRY_RUN = parameter(
    Flag(), "dryRun", "Whether to do nothing, and only say what is wrong, or what would be done", missing=False
)
START = parameter(Flag(), "start", "Whether the job is accepted at once; else it waits for its start", missing=False)

# ---------------------------------------------------------------- headers

PREFER = parameter(
    Prefer(),
    "Prefer",
    "respond-async, wait=SECONDS, return=minimal or representation, handling=strict (RFC 7240)",
    missing=Preferences(),
)
RETURN = parameter(
    Prefer(), "Prefer", "return=minimal: files as links; return=representation: all inline", missing=Preferences()
)
ACCEPT_PROFILE = parameter(
    Text(), "Accept-Profile", "Profiles wished for, <URI>; those not supported are ignored", missing=None
)
WAIT = parameter(Prefer(), "Prefer", "wait=SECONDS: answer when the job has ended, or then", missing=Preferences())
IDEMPOTENCY_KEY = parameter(
    Text(r"[!-~](?:[ -~]{0,253}[!-~])?\Z", "is not a key: use 1 to 255 characters of printable ASCII"),
    "Idempotency-Key",
    "A word of the client's own, new for each request: the same one again makes no second job",
    missing=None,
)
IF_NONE_MATCH = parameter(Text(), "If-None-Match", "The ETag of an answer that is known already", missing=None)
LAST_EVENT = parameter(Whole(0, 10**15), "Last-Event-ID", "Where a stream of events was left", missing=None)
CONTENT_DISPOSITION = parameter(
    Text(), "Content-Disposition", "attachment; filename=…: the name of the file", missing=None
)
CONTENT_SCHEMA = parameter(Text(), "Content-Schema", "The schema of the body: that of an execute request", missing=None)
