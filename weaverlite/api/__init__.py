"""The HTTP side: views around use cases, and everything that only HTTP knows.

Nothing below this package knows Pyramid; nothing in it knows a backend.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

from pyramid.config import Configurator

from weaverlite.api.callbacks import composer
from weaverlite.api.followers import Shares
from weaverlite.api.service import Service
from weaverlite.api.twins import twin_of
from weaverlite.runtime import Runtime
from weaverlite.settings import Settings

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def main(global_config: dict[str, str], **settings: str) -> WSGIApplication:
    """Return the application for a server that reads PasteDeploy files, such as gunicorn.

    With the embedded queue, which needs one process, its worker runs here too; with a broker it runs elsewhere.
    """
    chosen = Settings.from_mapping(settings, os.environ)
    is_worker = chosen.queue.url == "embedded"
    chosen.check(worker=is_worker)
    runtime = Runtime.from_settings(chosen, worker=is_worker)
    runtime.prepare()
    if runtime.directory:
        runtime.directory.deploy()
    atexit.register(runtime.close)
    if is_worker:
        runtime.start_worker()
    _end_held_requests_at_sigterm(runtime)
    runtime.start_announcing(composer(runtime))
    return make_app(runtime)


def _end_held_requests_at_sigterm(runtime: Runtime) -> None:
    """Let waits and followers end when the server is told to: it would wait for them until its patience is over."""
    theirs = signal.getsignal(signal.SIGTERM)
    if not callable(theirs) or threading.current_thread() is not threading.main_thread():
        return

    def handle(number: int, frame: Any) -> None:
        runtime.jobs.close()
        theirs(number, frame)

    signal.signal(signal.SIGTERM, handle)


def make_app(runtime: Runtime) -> WSGIApplication:
    """Return the application over a runtime, which stays the caller's to start and to close."""
    # Cornice's own exception views would answer before ours.
    # Introspection costs a tenth of a second at every start and nobody asks for it.
    config = Configurator(settings={"handle_exceptions": "false"}, introspection=False)
    config.registry.runtime = runtime
    config.registry.shares = Shares()
    config.registry.plugin_conformance = []
    config.add_request_method(lambda request: request.registry.runtime, "runtime", reify=True)
    config.add_directive("add_weaverlite_service", _add_service)
    config.add_directive("add_conformance", _add_conformance)

    config.include("cornice")
    config.include("weaverlite.api.rendering")
    config.include("weaverlite.api.problems")
    config.include("weaverlite.api.security")
    config.include("weaverlite.api.cors")
    config.include("weaverlite.api.tweens")
    config.include("weaverlite.api.assets")
    config.include("weaverlite.api.definitions")
    config.include("weaverlite.api.views.landing")
    config.include("weaverlite.api.views.processes")
    config.include("weaverlite.api.views.execution")
    # Before the modules whose resources it adds methods to.
    config.include("weaverlite.api.views.management")
    config.include("weaverlite.api.views.definition")
    config.include("weaverlite.api.views.provenance")
    config.include("weaverlite.api.views.jobs")
    config.include("weaverlite.api.views.logs")
    config.include("weaverlite.api.views.results")
    config.include("weaverlite.api.views.vault")
    # What plugins declare wins over what is declared above.
    config.commit()
    for plugin in runtime.settings.server.includes:
        config.include(plugin)
    application: WSGIApplication = config.make_wsgi_app()
    return application


def _add_service(config: Configurator, service: Service) -> None:
    """Directive ``add_weaverlite_service``: answer at the path of a service, and tell of it in ``/api``.

    One that is about jobs is also answered below each process.
    """
    config.add_cornice_service(service)
    if twin := twin_of(service):
        config.add_cornice_service(twin)


def _add_conformance(config: Configurator, uri: str, title: str) -> None:
    """Directive ``add_conformance``: list a class that a plugin meets."""
    config.registry.plugin_conformance.append(uri)
