"""Who asks, and whether a request may come in at all.

The rest of the service sees only an ``owner``: a string, or None when nobody is asked for. ``remote-user`` takes it
from a header that a trusted proxy sets; another policy comes as a Pyramid include that sets its own security policy
with the same two methods, :meth:`authenticated_userid` and :meth:`require`.

Without authentication a service on a loopback address is guarded against web pages in its user's own browser: a page
may neither reach it under a name of its own (DNS rebinding) nor send it anything from another site.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

from pyramid.config import Configurator
from pyramid.interfaces import ISecurityPolicy
from pyramid.request import Request
from pyramid.security import Allowed

from weaverlite.api.cors import Origins
from weaverlite.errors import Refused, Unauthenticated
from weaverlite.settings import ServerSettings
from weaverlite.settings.checks import is_loopback

_USER = re.compile(r"[^\x00-\x20,\x7f](?:[^\x00-\x1f,\x7f]{0,254}[^\x00-\x20,\x7f])?\Z")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class AnonymousPolicy:
    """Nobody is asked who he is: everything belongs to nobody."""

    def identity(self, request: Request) -> str | None:
        return None

    authenticated_userid = identity

    def require(self, request: Request) -> None:
        """Return if this request may be answered.

        :raises Unauthenticated: it does not say who asks.
        """

    def permits(self, request: Request, context: Any, permission: str) -> Any:
        return Allowed("who reaches the service may use it")

    def remember(self, request: Request, userid: str, **kw: Any) -> list[tuple[str, str]]:
        return []

    def forget(self, request: Request, **kw: Any) -> list[tuple[str, str]]:
        return []


class RemoteUserPolicy(AnonymousPolicy):
    """The owner is named by a header, believed only when it comes from a trusted proxy."""

    def __init__(self, header: str, proxies: tuple[str, ...]) -> None:
        self.header = header
        self.networks = tuple(ipaddress.ip_network(proxy, strict=False) for proxy in proxies)

    def identity(self, request: Request) -> str | None:
        if not self._is_trusted(request.remote_addr or ""):
            return None
        # WSGI headers are bytes in the clothes of Latin-1.
        user = request.headers.get(self.header, "").encode("latin-1", "replace").decode("utf-8", "replace")
        return user if _USER.match(user) else None

    authenticated_userid = identity

    def require(self, request: Request) -> None:
        if self.identity(request) is None:
            if self._is_trusted(request.remote_addr or ""):
                raise Unauthenticated(f"The proxy did not say who asks: it must set the header {self.header}.")
            raise Unauthenticated(
                "Requests are answered only through a proxy that says who asks: this one came from "
                f"{request.remote_addr or 'an unknown address'}, which weaverlite.server.trusted_proxies does not name."
            )

    def _is_trusted(self, address: str) -> bool:
        try:
            peer: Any = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in self.networks)


class LoopbackGuard:
    """Refuses what a web page makes its reader's browser send to a service on his own machine."""

    def __init__(self, settings: ServerSettings) -> None:
        self.is_on = settings.auth == "none" and is_loopback(settings.host)
        self.origins = Origins(settings.cors_origins)
        self.hosts = {urlsplit(settings.url).hostname, settings.host.strip("[]").lower()}

    def check(self, request: Request) -> None:
        """Return if the request was not made by a page of another site.

        :raises Refused: it was, or may have been.
        """
        host = _host_name(request.environ.get("HTTP_HOST", ""))
        if self.is_on and host and host not in self.hosts and not _stays_here(host):
            raise Refused(
                f"This service answers under loopback names only, not as {host[:100]!r}: "
                "set weaverlite.server.url to the URL of the proxy before it."
            )
        if request.method not in _SAFE_METHODS:
            self.check_change(request)

    def check_change(self, request: Request) -> None:
        """Return if the request, which changes something, was not sent by a page of another site.

        :raises Refused: it was.
        """
        is_foreign = request.headers.get("Sec-Fetch-Site") == "cross-site"
        if is_foreign and not self.origins.names(request):
            raise Refused("Pages of another site may not change anything here.")


def _stays_here(host: str) -> bool:
    # RFC 6761, 6.3: no name server is asked for names below localhost.
    return is_loopback(host) or host.endswith(".localhost")


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0].strip("[").lower()
    return host.partition(":")[0].lower()


def policy_of(settings: ServerSettings) -> AnonymousPolicy:
    """Return the policy that the settings name."""
    if settings.auth == "remote-user":
        return RemoteUserPolicy(settings.remote_user_header, settings.trusted_proxies)
    return AnonymousPolicy()


def includeme(config: Configurator) -> None:
    policy = policy_of(config.registry.runtime.settings.server)
    config.set_security_policy(policy)
    config.add_request_method(lambda request: request.registry.getUtility(ISecurityPolicy), "policy", property=True)
    config.add_request_method(lambda request: request.authenticated_userid, "owner", reify=True)
    config.registry.guard = LoopbackGuard(config.registry.runtime.settings.server)
