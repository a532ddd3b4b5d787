"""The requirements behind each conformance class, by the names that the standards' abstract tests give them.

One line each: a name, ``~`` where the standard says *should*, and what the service must do in our words. The acceptance
tests of this project are named after these and fail when one has no test; the table in the docs is made of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_SPEC = "http://www.opengis.net/spec/ogcapi-"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement: of which class of which version of which part, its name, and what it says."""

    part: str
    version: str
    group: str
    name: str
    text: str
    kind: str = "MUST"

    @property
    def id(self) -> str:
        """The id inside its standard."""
        return f"/{'req' if self.kind == 'MUST' else 'rec'}/{self.group}/{self.name}"

    @property
    def uri(self) -> str:
        return f"{_SPEC}{self.part}/{self.version}{self.id}"

    @property
    def class_uri(self) -> str:
        """The URI of its conformance class."""
        return f"{_SPEC}{self.part}/{self.version}/conf/{self.group}"

    @property
    def key(self) -> str:
        """A short name that is its own among all."""
        return f"{self.part}/{self.version}/{self.group}/{self.name}"


_DEFINITION_OF_API = """
completeness           the definition has every operation, status code and answer
exceptions-codes       the definition has the statuses and documents of errors
"""
_OAS_1 = _DEFINITION_OF_API + """
oas-definition-1       the definition comes as OpenAPI 3.0 in JSON and as a page
oas-definition-2       the JSON form of the definition is valid OpenAPI 3.0
oas-impl               everything the definition names is there
security               the definition says how clients say who asks
"""
_JSON = """
definition             answers of 200 can be had as application/json
content                JSON answers are valid against the schemas of the standard
"""
_HTML = """
definition             answers of 200 can be had as text/html
content                pages are HTML5 and show all members and all links of the JSON
"""
_ENTRY = """
landingpage-op         GET / is answered
landingpage-success    the landing page links to the definition, the conformance classes and the processes
api-definition-op      GET of each link to the definition is answered
api-definition-success the definition comes with the media type its link names
conformance-op         GET /conformance is answered
conformance-success    the conformance classes that are met are listed by their URIs
http                   requests and answers are HTTP/1.1
test-process           there is a process that acceptance tests can execute
"""
_JOB_LIST = """
job-list-op            GET /jobs is answered
job-list-success       jobs come as a valid list
type-definition        the parameter type takes words
type-response          only jobs of these types are listed
processID-definition   the parameter processID takes ids
processID-mandatory    every status has the id of its process
processID-response     only jobs of these processes are listed
status-definition      the parameter status takes states
status-response        only jobs in these states are listed
datetime-definition    the parameter datetime takes instants and intervals, open ones too
datetime-response      only jobs created then are listed
duration-definition    the parameters minDuration and maxDuration take seconds
duration-response      only jobs that took so long are listed
limit-definition       the parameter limit takes 1 to its maximum
limit-response         no more jobs than limit are listed
links                  the list links to itself and to its other forms
"""
_CALLBACK = "\njob-callback           the URLs of subscriber get the results, the progress or the failure of the job\n"
_RUN = """
process-execute-op                         POST to the execution of a process is taken
process-execute-request                    a body after execute.yaml is taken
process-execute-input-array                lists of values are taken where an input may occur often, of one value too
process-execute-input-inline-object        objects are taken as qualified values
process-execute-input-inline-binary        binary values are taken in base64
process-execute-input-inline-bbox          boxes of four and six numbers are taken
process-execute-input-validation           values are held against the schema of their input
process-execute-default-execution-mode     without a preference a process that can do both is executed synchronously
process-execute-auto-execution-mode        with respond-async a process that can do both is executed asynchronously
process-execute-success-async              an asynchronous execution answers 201 with a location and a status
job-op                                     GET of a job is answered
job-success                                a status has the members of the standard
job-exception-no-such-job                  a job that is not there answers 404 no-such-job
job-results-exception-no-such-job          results of a job that is not there answer 404 no-such-job
job-results-failed                         results of a failed job answer with its failure
job-results-success-sync                   a synchronous execution that made a job links to it
"""
_CORE_1 = _ENTRY + _RUN + """
process-list                               GET /processes is answered
pl-limit-definition                        the parameter limit takes 1 to its maximum
pl-limit-response                          no more processes than limit are listed
process-list-success                       processes come as a valid list
pl-links                                   the list links to itself and to its other forms
process                                    GET of a process is answered
process-success                            a process is described
process-exception-no-such-process          a process that is not there answers 404 no-such-process
process-execute-inputs                     values are taken inline and by reference
process-execute-input-inline               values are taken inline
process-execute-input-ref                  values are taken by reference
process-execute-input-mixed-type           qualified values choose among the alternatives of a schema
process-execute-default-outputs            without outputs all are given
process-execute-sync-raw-value-one         one raw output is the body
process-execute-sync-raw-value-multi       several raw outputs are parts of multipart/related
process-execute-sync-raw-ref               raw outputs by reference are links of a 204
process-execute-sync-raw-mixed-multi       raw outputs of both kinds are parts of multipart/related
process-execute-sync-document              outputs of response=document are a JSON document
job-results                                GET of results is answered
job-results-exception-results-not-ready    results of a job that has not ended answer 404 result-not-ready
job-results-async-raw-value-one            one raw result is the body
job-results-async-raw-value-multi          several raw results are parts of multipart/related
job-results-async-raw-ref                  raw results by reference are links of a 204
job-results-async-raw-mixed-multi          raw results of both kinds are parts of multipart/related
job-results-async-document                 results of response=document are a JSON document
problem-details~                           errors are problem documents
landing-page-job-list~                     the landing page links to the jobs
prefer-applied~                            the preferences that were honoured are named
"""
_CORE_2 = _ENTRY + _RUN + """
process-list-op                            GET /processes is answered
process-list-limit-definition              the parameter limit takes 1 to its maximum
process-list-limit-response                no more processes than limit are listed
process-list-success                       processes come as a valid list
process-list-links                         the list links to itself and to its other forms
process-summary-links                      each summary links to its description and to the other forms of it
process-description                        GET of a process is answered
process-description-success                a process is described
process-exception-no-such-process          a process that is not there answers 404 no-such-process
process-execute-input-inline-multiple-types  qualified values choose among the alternatives of a schema
process-execute-omitted-outputs            without outputs all are given
process-execute-empty-outputs              with empty outputs none is given
process-execute-sync-one                   one output comes by its media type
process-execute-sync-one-default-content   one output comes in its default format when none is asked for
process-execute-sync-many-json             several outputs come as a JSON document of the results profile
process-execute-success-async-outputs      an asynchronous job keeps the outputs that were asked for
process-execute-success-async-outputs-omitted  an asynchronous job keeps all outputs when none are named
process-execute-success-async-outputs-empty  an asynchronous job of empty outputs has no results
process-execute-success-sync-empty-outputs  a synchronous execution of empty outputs answers 204
process-execute-success-sync-outputs-omitted  a synchronous execution gives all outputs when none are named
job-results-op                             GET of results is answered
job-results-param-outputs                  the parameter outputs takes ids
job-results-param-outputs-response         only these outputs are given
job-results-profile                        results name their profile
job-result-op                              GET of one result is answered
job-result-op-nth                          GET of one item of a result is answered
job-results-async-one                      one result comes by its media type
job-results-async-many                     results come as a JSON document
job-results-exception-invalid-query-parameter-value  a parameter that is not valid answers 400
job-results-exception-no-such-output       an output that is not there answers 400 no-such-output
job-results-exception-results-not-ready    results of a job that has not ended answer 404 result-not-ready
job-results-exception-results-not-available  results of a job without any answer 404 result-not-available
head~                                      HEAD is answered wherever GET is
content-length~                            answers have their length
return-preference~                         return=minimal links to large values, return=representation gives all
prefer-applied~                            the preferences that were honoured are named
job-links~                                 a status links to itself, and to results when there are any
next-links~                                a page links to the next one
problem-details~                           errors are problem documents
"""
_DESCRIPTION = """
json-encoding          descriptions are valid against process.yaml
inputs-def             inputs are described by id
input-def              each input has a schema
outputs-def            outputs are described by id
output-def             each output has a schema
"""

#: Part, version and class: the lines of its requirements.
_CLASSES = {
    "common-1/1.0/core": """
root-op                GET / is answered
root-success           the landing page links to the definition and to the conformance classes
api-definition-op      GET of each link to the definition is answered
api-definition-success the definition comes with the media type its link names
conformance-op         GET /conformance is answered
conformance-success    the conformance classes that are met are listed by their URIs
http                   requests and answers are HTTP/1.1
query-param-unknown~   parameters that are not known are told or ignored
""",
    "common-1/1.0/landing-page": """
root-op                GET / is answered
root-success           the landing page links to the definition and to the conformance classes
""",
    "common-1/1.0/json": _JSON,
    "common-1/1.0/html": _HTML,
    "common-1/1.0/oas30": _OAS_1,
    "processes-1/1.0/core": _CORE_1,
    "processes-1/1.0/ogc-process-description": _DESCRIPTION + """
input-mixed-type       an input of several types has oneOf
output-mixed-type      an output of several types has oneOf
input-binary           binary values are strings of format byte
""",
    "processes-1/1.0/json": _JSON,
    "processes-1/1.0/html": _HTML,
    "processes-1/1.0/oas30": _OAS_1,
    "processes-1/1.0/job-list": _JOB_LIST,
    "processes-1/1.0/callback": _CALLBACK,
    "processes-1/1.0/dismiss": """
job-dismiss-op         DELETE of a job is taken
job-dismiss-success    it answers 200 with the status dismissed
""",
    "processes-1/2.0/core": _CORE_2,
    "processes-1/2.0/ogc-process-description": _DESCRIPTION + """
links                  descriptions link to their profile, to themselves and to their other forms
input-multiple-types   an input of several types has oneOf
output-multiple-types  an output of several types has oneOf
value-passing          inputs take values as valuePassing says
""",
    "processes-1/2.0/json": _JSON,
    "processes-1/2.0/html": _HTML,
    "processes-1/2.0/oas": _DEFINITION_OF_API + """
definition             the landing page links to the definition by its version and to a page of it
implementation         everything the definition names is there
security               the definition says how clients say who asks
""",
    "processes-1/2.0/oas30": """
definition             the definition can be had as OpenAPI 3.0
content                it is valid OpenAPI 3.0
""",
    "processes-1/2.0/oas31": """
definition             the definition can be had as OpenAPI 3.1
content                it is valid OpenAPI 3.1
""",
    "processes-1/2.0/job-list": _JOB_LIST,
    "processes-1/2.0/callback": _CALLBACK,
    "processes-1/2.0/dismiss": """
job-dismiss-op         DELETE of a job is taken
job-dismiss-success    it answers 200 with the status dismissed
job-dismiss-status     a job that has not ended is dismissed, one that has is removed
""",
    "processes-1/2.0/kvp-execute": """
process-execute-op     GET of an execution is taken
numeric-input-value    numbers are taken as they are
string-input-value     strings are taken as they are
boolean-input-value    booleans are taken as they are
complex-input-value    objects are taken as JSON
array-input-value      lists are taken as JSON
bbox-input-value       boxes are taken as four or six numbers
bbox-crs-input-value   the reference system of a box is taken
binary-input-value     binary values are taken in base64
binary-input-value-qualified  binary values are taken with media type and encoding
input-by-reference     references are taken, with their media type
input-cardinality      several values are taken with commas
input-query-parameters  inputs are named in any case
input-query-parameter-values  values are taken URL-encoded
output                 outputs are chosen, with their media type
f-definition           the form of the answer is taken as a parameter
f-response             the answer has that form
prefer-definition      preferences are taken as a parameter
prefer-response        the answer honours them
""",
    "processes-1/2.0/query-param-profile": """
definition             the parameter profile takes URIs and short names
response               the answer names its profile; one that is not supported is no error
""",
    "processes-1/2.0/collection-input": """
referencing            a value may be a collection
collection-access      its items are fetched
filtering              they are filtered by area, time and expression
property-selection     of their properties the wanted ones are kept
pass-thru              other parameters are passed on
""",
    "processes-1/2.0/remote-collections": """
referenced-collection  a value may be a collection elsewhere
collection-access      its items are fetched
""",
    "processes-1/2.0/local-filtering": "\nlocal-filtering        what the other side cannot filter is filtered here\n",
    "processes-2/1.0/deploy-replace-undeploy": """
deploy-post-op         POST to /processes is taken
deploy-body            the body is a description of a process
deploy-content-type    Content-Type tells its encoding
deploy-response-pid    the process has the id of its description
deploy-response-success  a deployment answers 201 with a location
deploy-response-body   the answer is a summary of the process
deploy-unsupported-media-type  another media type answers 415 unsupported-media-type
deploy-response-duplicate  an id that is taken answers 409 duplicated-process
deploy-response-immutable  an id of a process that cannot change answers 403 immutable-process
static-indicator       summaries say whether a process can change
replace-put-op         PUT to a process is taken
replace-body           the body is a description of a process
replace-content-type   Content-Type tells its encoding
replace-response       a replacement answers 204
undeploy-delete-op     DELETE of a process is taken
undeploy-response      it answers 204
package-get-op         GET of a package is answered
package-response-success  it answers 200
package-response-body  the answer is what was deployed
""",
    "processes-2/1.0/ogcapppkg": """
body                   a package is an application package of the standard
deploy-body            it can be deployed
replace-body           it can replace
schema                 it is held against its schema
process-description    its description of the process is used
execution-unit         its execution unit comes by value, by reference and in a list
profile-docker         images have the profile of containers
package-response-body  the package is given back
""",
    "processes-2/1.0/cwl": """
body                   a package is CWL
deploy-body            it can be deployed
replace-body           it can replace
deploy-w-param         the parameter w picks one of several workflows
deploy-exception-workflow-not-found  one that is not there answers 400 workflow-not-found
execution-unit         a CWL unit comes by value and by reference
package-response-body  the CWL is given back
""",
    "processes-2/1.0/docker": """
execution-unit         an execution unit names an image
schema                 it is held against its schema
deploy-body            it can be deployed
replace-body           it can replace
""",
    "processes-3/0.0/nested-processes": """
referenced-process     a value may be another process
process-execution      it is executed and its output used
""",
    "processes-3/0.0/remote-core-processes": """
referenced-process     a value may be a process of an allowed server
process-execution      it is executed there and its output used
""",
    "processes-3/0.0/collection-input": """
referenced-collection  a value may be a collection
collection-access      its items are fetched
""",
    "processes-3/0.0/remote-collections": """
referenced-collection  a value may be a collection elsewhere
collection-access      its items are fetched
""",
    "processes-3/0.0/input-fields-modifiers": """
filtering              filter keeps items
derived-fields         properties picks and derives fields
sorting                sortBy orders items
""",
    "processes-4/1.0/job-management": """
create-post-op         POST to /jobs is taken
create-body            the body is an execute request
create-content-type    Content-Type tells its encoding
create-response-success  it answers 201
create-response-jobid  the answer has the location of the job
create-response-body   the answer is a status: created
create-unsupported-media-type  another media type answers 415 unsupported-media-type
create-unsupported-schema  another schema answers 422 unsupported-schema
update-patch-op        PATCH of a job is taken
update-body            the body is an execute request
update-content-type    Content-Type tells its encoding
update-response        it answers 200 or 204
update-response-locked  a job that was started answers 423 locked
start-post-op          POST to the results of a job is taken
start-response         it answers 200 with a status
definition-get-op      GET of the definition of a job is answered
definition-response-success  it answers 200
definition-response-body  the answer is what the job was made of
""",
    "processes-4/1.0/ogcapi-processes": """
create-body            a job is made of an execute request that names its process
create-content-type    it is application/json
update-body            a job is changed by an execute request
update-content-type    it is application/json
""",
    "processes-4/1.0/provenance": """
prov-get-op            GET of the provenance of a job is answered
prov-response          it comes as PROV-JSON, and in other forms when asked
inputs-get-op          GET of the inputs of a job is answered
inputs-response        the answer has inputs and outputs
""",
}


def _read() -> Iterator[Requirement]:
    for key, lines in _CLASSES.items():
        part, version, group = key.split("/")
        for line in lines.strip().splitlines():
            if line:
                name, text = line.split(None, 1)
                kind = "SHOULD" if name.endswith("~") else "MUST"
                yield Requirement(part, version, group, name.rstrip("~"), text, kind)


REQUIREMENTS = tuple(_read())


def of_class(uri: str) -> tuple[Requirement, ...]:
    """Return the requirements of a conformance class."""
    return tuple(item for item in REQUIREMENTS if item.class_uri == uri)
