"""One service over HTTP: where it is, who asks, and what may go wrong on the way.

Credentials (the token and the headers the caller gave) are sent to the service's own origin only, never to another
host that it points or redirects to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from weaverlite.client.errors import ClientError, InvalidUsage, ProblemError, TimedOut, Unreachable
from weaverlite.client.operation import OperationResult

#: Largest document that is read into memory. Files go through :meth:`Connection.stream`, which has no limit.
DOCUMENT_LIMIT = 256 * 1024 * 1024
REDIRECTS = 5
CONNECT_TIMEOUT = 10.0
_DEFAULT_PORTS = {"http": 80, "https": 443}

Body = bytes | Iterable[bytes] | None


class Connection:
    """Sends requests to one service."""

    def __init__(
        self,
        url: str | None,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        timeout: float = 60.0,
        ca_file: str | None = None,
        verify: bool = True,
        session: requests.Session | None = None,
    ) -> None:
        self.url = check_url(url) if url else ""
        self.timeout = timeout
        self._private = dict(headers or {})
        if token and not any(name.lower() == "authorization" for name in self._private):
            self._private["Authorization"] = f"Bearer {token}"
        self._verify: bool | str = (ca_file or True) if verify else False
        self._session = session or requests.Session()
        self._owns_session = session is None
        self._trusted = {origin_of(self.url)} if self.url else set()

    def close(self) -> None:
        """Close the connections, unless the session is the caller's."""
        if self._owns_session:
            self._session.close()

    def trust(self, url: str) -> str:
        """Return ``url``, which the caller named himself: credentials may go to its origin too."""
        self._trusted.add(origin_of(check_url(url)))
        return url

    def locate(self, target: str) -> str:
        """Return the absolute URL of ``target``: a path of the service, or a URL already.

        :raises InvalidUsage: it is a path and the URL of the service is not known.
        """
        if "://" in target:
            return target
        if not self.url:
            raise InvalidUsage("The URL of the service is missing: give it, or set WEAVERLITE_URL.")
        return f"{self.url}/{target.lstrip('/')}"

    def call(
        self,
        method: str,
        target: str,
        *,
        document: Any = None,
        data: Body = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        silence: float | None = None,
    ) -> OperationResult:
        """Send a request and return its outcome; whatever goes wrong is in the result.

        :param document: body, sent as JSON.
        :param silence: longest time without a byte of the answer, in seconds.
        :raises InvalidUsage: the request cannot be sent.
        """
        sent = {"Accept": "application/json", **(headers or {})}
        if document is not None:
            data = write_json(document)
            sent.setdefault("Content-Type", "application/json")
        try:
            with self.stream(method, target, data=data, params=params, headers=sent, silence=silence) as response:
                body = _read_body(response)
        except InvalidUsage:
            raise
        except ClientError as exc:
            return OperationResult(success=False, message=str(exc), error=exc)
        return _outcome(response, body)

    @contextmanager
    def stream(
        self,
        method: str,
        target: str,
        *,
        data: Body = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        silence: float | None = None,
    ) -> Iterator[requests.Response]:
        """Send a request and give its answer, of which only the head is read; close it at the end.

        :raises Unreachable: there is no answer, or it broke off while the caller read it.
        :raises TimedOut: the service is silent.
        """
        url = self.locate(target)
        with _translated(url):
            response = self._send(method, url, data, params, headers, silence)
            try:
                yield response
            finally:
                response.close()

    def _send(
        self,
        method: str,
        url: str,
        data: Body,
        params: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        silence: float | None,
    ) -> requests.Response:
        for _ in range(REDIRECTS + 1):
            try:
                response = self._session.request(
                    method,
                    url,
                    data=data,
                    params=params,
                    # No compression: lengths, ranges and digests are those of the bytes themselves.
                    headers={"Accept-Encoding": "identity", **(headers or {})},
                    auth=_Credentials(self._private if self._trusts(url) else {}),
                    timeout=(CONNECT_TIMEOUT, self.timeout if silence is None else silence),
                    verify=self._verify,
                    allow_redirects=False,
                    stream=True,
                )
            except requests.exceptions.RequestException:
                raise
            except (OSError, ValueError) as exc:
                # A ca_file that is not there, a header that cannot be one.
                raise InvalidUsage(f"The request to {url} cannot be sent: {exc}.") from exc
            if not response.is_redirect:
                return response
            target = urljoin(url, response.headers["Location"])
            response.close()
            if method not in ("GET", "HEAD"):
                raise InvalidUsage(f"{url} redirects to {target}: use the service under that URL.")
            if urlsplit(target).scheme not in _DEFAULT_PORTS:
                raise Unreachable(f"{url} redirects to {target}, which is not a web address.")
            # The query is part of the new address already.
            url, params = target, None
        raise Unreachable(f"{url} redirects more than {REDIRECTS} times.")

    def _trusts(self, url: str) -> bool:
        scheme, host, port = origin_of(url)
        if (scheme, host, port) in self._trusted:
            return True
        # The same host that moved on from http to https, each at its own port.
        return (scheme, port) == ("https", 443) and ("http", host, 80) in self._trusted


class _Credentials(AuthBase):
    """Puts the private headers on one request. Being an ``auth``, it keeps ``~/.netrc`` from replacing them."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers)
        return request


def check_url(url: str) -> str:
    """Return the URL of a service without the slash at its end.

    :raises InvalidUsage: it is not an http or https URL.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        hint = "" if "://" in url else f": did you mean http://{url}?"
        raise InvalidUsage(f"{url!r} is not the URL of a service{hint}")
    return url.rstrip("/")


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    return parts.scheme, (parts.hostname or "").lower(), port or _DEFAULT_PORTS.get(parts.scheme, 0)


def segment(name: str) -> str:
    """Return ``name`` as one segment of a path."""
    return quote(name, safe="")


def write_json(document: Any) -> bytes:
    """Return ``document`` as JSON.

    :raises InvalidUsage: it cannot be said in JSON.
    """
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidUsage(f"This cannot be sent as JSON: {exc}.") from exc


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Turn the errors of requests into ours."""
    origin = "{}://{}:{}".format(*origin_of(url))
    try:
        yield
    except requests.exceptions.SSLError as exc:
        raise Unreachable(
            f"{origin} has no certificate that can be trusted: name its authority with --ca-file (ca_file), or pass "
            f"--insecure (verify=False). {_reason(exc)}"
        ) from exc
    except requests.exceptions.ConnectTimeout as exc:
        raise Unreachable(f"{origin} does not answer: no connection within {CONNECT_TIMEOUT:.0f} seconds.") from exc
    except requests.exceptions.ReadTimeout as exc:
        raise TimedOut(f"{origin} took the request and stays silent.") from exc
    except requests.exceptions.ChunkedEncodingError as exc:
        raise Unreachable(f"{origin} broke off in the middle of its answer.") from exc
    except requests.exceptions.ConnectionError as exc:
        # requests wraps a read timeout in the middle of a body so.
        if exc.args and isinstance(exc.args[0], urllib3.exceptions.ReadTimeoutError):
            raise TimedOut(f"{origin} stays silent in the middle of its answer.") from exc
        raise Unreachable(f"{origin} cannot be reached: {_reason(exc)}") from exc
    except requests.exceptions.RequestException as exc:
        raise InvalidUsage(f"The request to {origin} cannot be sent: {exc}.") from exc


def _reason(exc: BaseException) -> str:
    """Return the innermost cause of a library's error as a short sentence."""
    seen: set[int] = set()
    current: BaseException = exc
    while id(current) not in seen:
        seen.add(id(current))
        inner = getattr(current, "reason", None)
        candidates = [inner, current.__cause__, current.__context__, *current.args]
        current = next((item for item in candidates if isinstance(item, BaseException)), current)
    text = current.strerror if isinstance(current, OSError) and current.strerror else str(current)
    return (text or type(current).__name__).rstrip(".") + "."


def _read_body(response: requests.Response) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_content(1 << 16):
        size += len(chunk)
        if size > DOCUMENT_LIMIT:
            raise Unreachable(f"The answer of {response.url} is larger than {DOCUMENT_LIMIT >> 20} MiB.")
        chunks.append(chunk)
    return b"".join(chunks)


def _outcome(response: requests.Response, content: bytes) -> OperationResult:
    body = _parse(response.headers.get("Content-Type", ""), content)
    error: ProblemError | None = None
    if not response.ok:
        document = body if isinstance(body, Mapping) else {"title": f"{response.status_code} {response.reason}"}
        error = ProblemError(response.status_code, document)
    return OperationResult(
        success=error is None,
        code=response.status_code,
        message=str(error) if error else response.reason or "",
        headers=response.headers,
        body=body,
        error=error,
        url=response.url,
    )


def problem_of(response: requests.Response) -> ProblemError:
    """Return the problem of a streamed answer that is not a success."""
    error = _outcome(response, _read_body(response)).error
    return error if isinstance(error, ProblemError) else ProblemError(response.status_code, {})


def _parse(content_type: str, content: bytes) -> Any:
    if not content:
        return None
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            return content.decode("utf-8", "replace")
    if media_type.startswith("text/") or any(word in media_type for word in ("yaml", "xml", "cwl")):
        return content.decode("utf-8", "replace")
    return content


__all__ = ["Connection", "check_url", "origin_of", "problem_of", "segment", "write_json"]
