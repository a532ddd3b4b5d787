"""Connections that obey the egress policy: each goes to an address that was checked, and none lasts too long.

The address filter of requests-hardened rewrites requests before they are sent; here the connection itself asks, which
serves every hop, tries the next address when one does not answer, and leaves names to TLS as they were.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeAlias
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from weaverlite import __version__
from weaverlite.errors import InvalidInput, StagingError
from weaverlite.transfer.egress import Egress, show
from weaverlite.transfer.lifeline import Lifeline

#: Opens a socket to a host and a port, within these seconds.
Connect: TypeAlias = Callable[[str, int, float | None], socket.socket]

_BLOCK = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Answers after which the same request may succeed.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class Interrupted(StagingError):
    """A transfer failed in a way that may not happen again."""


class Download:
    """An answer that is being received."""

    def __init__(self, url: str, response: requests.Response, lifeline: Lifeline, size: int) -> None:
        #: Where it came from in the end, after redirects.
        self.url = url
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._lifeline = lifeline
        self._size = size

    def chunks(self) -> Iterator[bytes]:
        """Yield the content, decoded.

        :raises StagingError: it is too large or too slow.
        :raises Interrupted: it ended early.
        """
        declared = self.headers.get("Content-Length", "")
        if declared.isdecimal() and int(declared) > self._size:
            raise self._too_large()
        received = 0
        with _transfer_errors(self.url, self._lifeline):
            # read1 gives what one read of the socket brought: slow senders are noticed byte by byte.
            while chunk := self._response.raw.read1(_BLOCK, decode_content=True):
                received += len(chunk)
                self._lifeline.moved(len(chunk))
                # Decoded bytes count: a few of them can become a thousand times as many.
                if received > self._size:
                    raise self._too_large()
                yield chunk
            # A connection that was cut looks like an end to answers that do not say how long they are.
            self._lifeline.check(self.url)

    def _too_large(self) -> StagingError:
        return StagingError(f"{show(self.url)} is larger than the {self._size} bytes an input may have here.")


@contextmanager
def open_download(
    egress: Egress,
    url: str,
    *,
    size: int | None = None,
    seconds: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Download]:
    """Get ``url``, following redirects, and give the answer to be read; the caps of the policy hold besides these.

    ``headers`` go to the first origin only, never along with a redirect to another one.

    :raises ReferenceRefused: policy forbids the URL, a redirect or the address connected to.
    :raises StagingError: it is not well formed or cannot be had.
    """
    size = egress.size_limit if size is None else min(size, egress.size_limit)
    seconds = egress.total_timeout if seconds is None else min(seconds, egress.total_timeout)
    lifeline = Lifeline(seconds=seconds, window=egress.read_timeout, minimum_speed=egress.minimum_speed)
    with lifeline, _session(egress, _connector(egress, lifeline)) as session:
        response, last = _follow(session, egress, lifeline, url, headers or {})
        with contextlib.closing(response):
            yield Download(last, response, lifeline, size)


def post(egress: Egress, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> int:
    """Send ``body`` to ``url`` and return the status of the answer, which is not read; no redirect is followed.

    :raises ReferenceRefused: policy forbids the URL or the address connected to.
    :raises StagingError: it is not well formed, or nothing answered in ``seconds`` (Interrupted: that may pass).
    """
    lifeline = Lifeline(seconds=seconds, window=seconds, minimum_speed=0)
    with lifeline, _session(egress, _connector(egress, lifeline)) as session:
        egress.check(url)
        with _transfer_errors(url, lifeline):
            response = session.post(
                url, data=body, headers=headers, stream=True, allow_redirects=False, timeout=(seconds, seconds)
            )
            response.close()
            return response.status_code


@contextmanager
def open_answer(
    egress: Egress,
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    size: int,
    seconds: float,
) -> Iterator[Download]:
    """Send one request and give the answer to be read, whatever its status. Only GET follows redirects.

    The server may be silent for ``seconds`` before it answers: some work meanwhile. Raises as :func:`open_download`.
    """
    lifeline = Lifeline(seconds=seconds, window=max(seconds, egress.read_timeout), minimum_speed=0)
    with lifeline, _session(egress, _connector(egress, lifeline)) as session:
        request = _Request(method, body, seconds)
        response, last = _follow(session, egress, lifeline, url, headers or {}, request)
        with contextlib.closing(response):
            yield Download(last, response, lifeline, size)


@dataclass(frozen=True, slots=True)
class _Request:
    """What is sent in place of a plain GET, and how long its answer may take. Every status is an answer."""

    method: str
    body: bytes | None
    seconds: float


def _follow(
    session: requests.Session,
    egress: Egress,
    lifeline: Lifeline,
    url: str,
    headers: Mapping[str, str],
    request: _Request | None = None,
) -> tuple[requests.Response, str]:
    method, body, silence = ("GET", None, egress.read_timeout)
    if request is not None:
        method, body, silence = request.method, request.body, request.seconds
    for _ in range(egress.redirects + 1):
        try:
            egress.check(url)
        except InvalidInput as error:
            raise StagingError(error.detail) from error
        with _transfer_errors(url, lifeline):
            response = session.request(
                method,
                url,
                data=body,
                headers={**_HEADERS, **headers},
                stream=True,
                allow_redirects=False,
                timeout=(egress.connect_timeout, silence),
            )
        if response.status_code not in _REDIRECTS or method != "GET":
            if request is None:
                _check_status(response, url)
            return response, url
        response.close()
        target = _target(url, response.headers.get("Location", ""))
        if _origin(target) != _origin(url):
            headers = {}
        if url.startswith("https:") and target.startswith("http:"):
            raise StagingError(f"{show(url)} redirects from https to http, which anyone on the way could have changed.")
        url = target
    raise StagingError(f"{show(url)}: more than {egress.redirects} redirects (weaverlite.egress.redirects).")


#: No compression: it saves little on scientific files and costs the count of bytes that were announced.
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity"}


def _check_status(response: requests.Response, url: str) -> None:
    if response.status_code in (200, 203):
        return
    response.close()
    reason = "".join(letter for letter in response.reason or "" if letter.isprintable())[:60]
    kind = Interrupted if response.status_code in _PASSING else StagingError
    raise kind(f"{show(url)} answered {response.status_code} {reason}".rstrip() + ".")


def _target(url: str, location: str) -> str:
    if not location:
        raise StagingError(f"{show(url)} answered with a redirect to nowhere.")
    # Headers are read as Latin-1; URLs with other letters in them are sent in UTF-8.
    with contextlib.suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise StagingError(f"{show(url)} answered with a redirect to {location[:100]!r}, which is no URL.") from error


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


@contextmanager
def _transfer_errors(url: str, lifeline: Lifeline) -> Iterator[None]:
    """Turn what requests and urllib3 raise into our words."""
    try:
        yield
    except (requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError) as error:
        lifeline.check(url)
        raise StagingError(f"{show(url)}: the server's certificate is not trusted, or TLS failed.") from error
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, urllib3.exceptions.LocationValueError):
        raise StagingError(f"{show(url)} is not a URL that can be fetched.") from None
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
        lifeline.check(url)
        raise Interrupted(f"{show(url)} does not answer.") from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        lifeline.check(url)
        raise Interrupted(f"{show(url)} cannot be reached, or the transfer broke off.") from error
    except ValueError as error:
        raise StagingError(f"{show(url)} is not a URL that can be fetched.") from error


def _connector(egress: Egress, lifeline: Lifeline) -> Connect:
    def connect(host: str, port: int, timeout: float | None) -> socket.socket:
        failure: OSError | None = None
        for address in egress.addresses(host, port):
            if lifeline.is_cut:
                break
            try:
                connection = socket.create_connection((address, port), timeout)
            except OSError as error:
                failure = error
                continue
            lifeline.hold(connection)
            return connection
        raise failure or TimeoutError("out of time")

    return connect


def _session(egress: Egress, connect: Connect) -> requests.Session:
    session = _Session()
    session.headers["User-Agent"] = f"WeaverLite/{__version__}"
    # Neither proxies nor credentials of the environment (HTTPS_PROXY, ~/.netrc) are for what users point to.
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.verify = str(egress.ca_file) if egress.ca_file else True
    adapter = _Adapter(connect)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class _Session(requests.Session):
    """A session that leaves redirects alone: even when told not to follow them, requests reads their bodies."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class _Adapter(HTTPAdapter):
    """Makes its connections with ``connect``."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self._connect)


def _pool_classes(connect: Connect) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    # _new_conn is where urllib3 resolves a name and connects: the one place after which nothing can change the address.
    def new_connection(self: urllib3.connection.HTTPConnection) -> socket.socket:
        timeout = self.timeout if isinstance(self.timeout, int | float) else None
        try:
            connection = connect(self.host, self.port, timeout)
        except TimeoutError as error:
            raise urllib3.exceptions.ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, "no address answers") from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    class PlainConnection(urllib3.connection.HTTPConnection):
        _new_conn = new_connection

    class TLSConnection(urllib3.connection.HTTPSConnection):
        _new_conn = new_connection

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = PlainConnection

    class TLSPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = TLSConnection

    return {"http": PlainPool, "https": TLSPool}
