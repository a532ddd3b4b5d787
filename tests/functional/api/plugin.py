"""A plugin that answers at a path of its own, as a stranger would write one."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from weaverlite.api import parameters as p
from weaverlite.api.service import Answer, Document, Service, envelope

greetings = Service("greetings", "/greetings", "Greetings", "plugin")


@greetings.post(
    summary="Check a link",
    schema=envelope(query=[p.LIMIT], body=Document("link")),
    answers={200: Answer("The link", "link")},
)
def greet(request: Request) -> Any:
    return request.validated["body"]


def includeme(config: Configurator) -> None:
    config.add_weaverlite_service(greetings)
    config.add_conformance("https://example.com/conf/greetings", "Greetings")
