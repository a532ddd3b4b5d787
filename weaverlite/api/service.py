"""A resource with its methods: our Cornice ``Service``, the body types of its schemas, and the one validator.

A schema has four members: ``path``, ``query``, ``header`` (Colander nodes of :mod:`weaverlite.api.parameters`) and
``body``, whose type says how it is read: :class:`Document` defers to a schema document, :class:`Raw` takes bytes,
:class:`Stream` leaves them where they are. The validator looks at a request in an order that clients and acceptance
suites rely on: who asks, the media type of the body, what may be answered, then all parameters and the body together,
so that every fault is in one answer. It replaces Cornice's own, which reads every body whole, uploads too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import colander
import cornice
from pyramid.request import Request
from pyramid.response import Response

from weaverlite import schemas
from weaverlite.api import parameters
from weaverlite.api.bodies import read_body
from weaverlite.errors import Fault, InvalidRequest, NotAcceptable, UnsupportedMedia, WeaverLiteError
from weaverlite.ogc import exceptions, profiles
from weaverlite.ogc.negotiation import ANY, HTML, JSON, choose, essence
from weaverlite.schemas.text import parse_json

View = Callable[[Request], Any]
V = TypeVar("V", bound=View)


class Body(colander.SchemaType):
    """How a body is read, and the media types it may have."""

    #: What a body of another media type is refused with.
    unsupported: type[UnsupportedMedia] = UnsupportedMedia
    #: Whether a request may come without one.
    is_optional = False

    def __init__(self, *media_types: str) -> None:
        self.media_types = media_types

    def document(self, media_type: str) -> str | None:
        """Return the schema document that bodies of this media type are valid against, None when there is none."""
        return None

    def read(self, request: Request) -> Any:
        """Return what :meth:`deserialize` gets."""
        raise NotImplementedError

    def deserialize(self, node: Any, value: Any) -> Any:
        return value


class Document(Body):
    """A JSON body, valid against a schema document.

    ``is_deferred``: the use case validates it, together with what only the use case knows, so that all faults are in
    one answer.
    """

    def __init__(self, name: str, *media_types: str, is_deferred: bool = False) -> None:
        super().__init__(*(media_types or (JSON,)))
        self.name = name
        self.is_deferred = is_deferred

    def document(self, media_type: str) -> str | None:
        return self.name

    def read(self, request: Request) -> Any:
        return parse_json(read_body(request, request.runtime.settings.server.body_limit))

    def deserialize(self, node: Any, value: Any) -> Any:
        if value is not colander.null and not self.is_deferred:
            if faults := schemas.validate(self.name, value):
                raise BodyInvalid(node, faults)
        return value


class Raw(Body):
    """A body of bytes, no more than JSON may have."""

    def read(self, request: Request) -> bytes:
        return read_body(request, request.runtime.settings.server.body_limit)


class Stream(Body):
    """A body that is not read here: the view takes ``request.body_file_raw``."""

    def read(self, request: Request) -> Any:
        return None


class BodyInvalid(colander.Invalid):
    """The faults of a body, each with its pointer."""

    def __init__(self, node: Any, faults: Sequence[Fault]) -> None:
        super().__init__(node, "the body is not valid")
        self.faults = tuple(faults)


def envelope(
    *, path: Sequence[Any] = (), query: Sequence[Any] = (), header: Sequence[Any] = (), body: Body | None = None
) -> Any:
    """Return the schema of a request."""
    schema = colander.SchemaNode(colander.Mapping())
    for name, nodes in (
        ("path", path),
        ("query", (*query, parameters.FORMAT, parameters.PROFILE)),
        ("header", header),
    ):
        schema.add(colander.SchemaNode(colander.Mapping(), *(node.clone() for node in nodes), name=name))
    if body:
        schema.add(colander.SchemaNode(body, name="body", missing=None))
    return schema


PLAIN = envelope()


@dataclass(frozen=True, slots=True)
class Answer:
    """One kind of answer, for the OpenAPI document: the schema document of its body and the media types it may have."""

    description: str
    document: str | None = None
    media_types: tuple[str, ...] = (JSON,)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Callback:
    """A request this service makes on its own, for the OpenAPI document: to a URL in the body of a client.

    ``expression`` tells where in it (an OpenAPI runtime expression), ``document`` what is sent.
    """

    name: str
    expression: str
    description: str
    document: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of a service, as the OpenAPI document tells it and as requests are checked."""

    name: str
    summary: str
    tag: str
    schema: Any
    answers: Mapping[int, Answer]
    raises: tuple[type[WeaverLiteError], ...] = ()
    #: Media types a client may choose from, the default first; any at all for ``*/*``.
    produces: tuple[str, ...] = (JSON,)
    #: Whether it answers without knowing who asks.
    is_public: bool = False
    callbacks: tuple[Callback, ...] = ()
    #: The profile of its documents (a URI), which answers link to.
    profile: str = ""

    @property
    def offers(self) -> tuple[str, ...]:
        """The media types of its answers: whatever is JSON first can be had as a page too."""
        is_document = self.produces[0] == JSON and HTML not in self.produces
        return (*self.produces, HTML) if is_document else self.produces


class Service(cornice.Service):
    """A resource. Its methods are declared around their views, with everything that a client may know of them."""

    renderer = "weaverlite"

    def __init__(self, name: str, path: str, description: str, tag: str) -> None:
        self.operations: dict[str, Operation] = {}
        #: The views as they were declared, by method.
        self.views: dict[str, View] = {}
        self.tag = tag
        # What Cornice's constructor does, but for one thing: it notes the line each service stands on, for a scan that
        # nobody makes, and finding that line takes a millisecond of every start.
        self.name, self.path, self.description = name, path, description
        self.pyramid_route = None
        self.cors_expose_all_headers = True
        self._cors_enabled = None
        lists = {name: list(getattr(self, f"default_{name}", ())) for name in self.list_arguments}
        self.arguments = self.get_arguments(lists)
        for argument, value in self.arguments.items():
            setattr(self, argument, value)
        self.defined_methods: list[str] = []
        self.definitions: list[Any] = []

    def get(self, **kwargs: Any) -> Callable[[V], V]:
        """Declare the view of GET, and with it of HEAD."""
        return self._declare("GET", kwargs)

    def post(self, **kwargs: Any) -> Callable[[V], V]:
        """Declare the view of POST."""
        return self._declare("POST", kwargs)

    def put(self, **kwargs: Any) -> Callable[[V], V]:
        """Declare the view of PUT."""
        return self._declare("PUT", kwargs)

    def patch(self, **kwargs: Any) -> Callable[[V], V]:
        """Declare the view of PATCH."""
        return self._declare("PATCH", kwargs)

    def delete(self, **kwargs: Any) -> Callable[[V], V]:
        """Declare the view of DELETE."""
        return self._declare("DELETE", kwargs)

    def _declare(self, method: str, kwargs: dict[str, Any]) -> Callable[[V], V]:
        def declare(view: V) -> V:
            self.add_view(method, view, **kwargs)
            return view

        return declare

    def add_view(self, method: str, view: View, **kwargs: Any) -> None:
        """Add a method. ``summary``, ``answers`` and the like describe it; see :class:`Operation`."""
        operation = Operation(
            name=kwargs.pop("name", view.__name__),
            summary=kwargs.pop("summary"),
            tag=self.tag,
            schema=kwargs.pop("schema", PLAIN),
            answers=kwargs.pop("answers"),
            raises=kwargs.pop("raises", ()),
            produces=kwargs.pop("produces", (JSON,)),
            is_public=kwargs.pop("is_public", False),
            callbacks=kwargs.pop("callbacks", ()),
            profile=kwargs.pop("profile", ""),
        )
        self.operations[method.upper()], self.views[method.upper()] = operation, view

        def check(request: Request, **_: Any) -> None:
            validate(request, operation)

        super().add_view(method, _presented(view), schema=operation.schema, validators=(check,), **kwargs)


def _presented(view: View) -> View:
    """Return a view whose documents become pages for those who prefer to read."""

    @wraps(view)
    def present(request: Request) -> Any:
        answer = view(request)
        if request.media_type != HTML:
            return answer
        from weaverlite.api import html  # Here for the start-up: the templates take 40 ms.

        return html.page(request, answer)

    return present


def validate(request: Request, operation: Operation) -> None:
    """Check a request; leave its values in ``request.validated``, by name, the body as ``body``."""
    if not operation.is_public:
        request.policy.require(request)
    body = operation.schema["body"] if "body" in operation.schema else None
    if body is not None:
        _check_media_type(request, body.typ)
    request.media_type = _acceptable(request, operation)
    if operation.profile:
        request.add_response_callback(lambda _, response: _link_profile(response, operation.profile))
    faults: list[Fault] = []
    given: dict[str, Any] = {
        "path": request.matchdict,
        "query": _query(request),
        "header": {node.name: value for node in operation.schema["header"] if (value := _header(request, node.name))},
    }
    if body is not None:
        try:
            given["body"] = body.typ.read(request)
        except InvalidRequest as error:
            faults += error.faults
    try:
        values = operation.schema.deserialize(given)
    except colander.Invalid as error:
        faults += _faults(error)
    if faults:
        raise _invalid(faults)
    for location in ("path", "query", "header"):
        request.validated.update(values[location])
    request.validated["body"] = values.get("body")


def _check_media_type(request: Request, body: Body) -> None:
    given = essence(request.headers.get("Content-Type", ""))
    if ANY in body.media_types or given in body.media_types or (body.is_optional and not given):
        return
    said = f"{given!r} is not supported here" if given else "The request has no Content-Type"
    raise body.unsupported(f"{said}: send one of {', '.join(body.media_types)}.")


def _acceptable(request: Request, operation: Operation) -> str:
    offers = operation.offers
    if ANY in offers:
        return offers[0]
    chosen = choose(request.headers.get("Accept"), offers)
    if chosen is None:
        raise NotAcceptable(f"This can be had as {', '.join(offers)} only; the request accepts none of these.")
    return chosen


def _link_profile(response: Response, profile: str) -> None:
    if response.status_int == 200:
        response.headers.add("Link", profiles.header(profile))


def _query(request: Request) -> dict[str, Any]:
    try:
        given = request.GET
        return {name: values[0] if len(values := given.getall(name)) == 1 else values for name in given}
    except UnicodeDecodeError as error:
        raise _invalid([Fault("the query is not UTF-8", "", "query")]) from error


def _header(request: Request, name: str) -> str | None:
    value: str | None = request.headers.get(name)
    return value


def _faults(error: colander.Invalid, location: str = "") -> Iterator[Fault]:
    if isinstance(error, BodyInvalid):
        yield from error.faults
        return
    if error.msg and location:
        message = "is required" if error.msg == colander.required else str(error.msg)
        yield Fault(str(message), error.node.name, location)
    for child in error.children:
        yield from _faults(child, location or child.node.name)


def _invalid(faults: Sequence[Fault]) -> InvalidRequest:
    if any(fault.location != "query" for fault in faults):
        return InvalidRequest(faults=faults)
    return InvalidRequest(faults=faults, type=exceptions.INVALID_QUERY_PARAMETER_VALUE)
