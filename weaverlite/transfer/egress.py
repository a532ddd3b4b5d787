"""One policy for every outgoing byte: which URLs, which addresses, how many bytes, how long.

The policy holds twice: :meth:`Egress.check` judges a URL without a connection, so that a hopeless request is refused at
once, and :mod:`weaverlite.transfer.connections` asks :meth:`Egress.addresses` for the addresses it then connects to.
Only the second one counts: a name may resolve to something else a moment later.
"""

from __future__ import annotations

import ipaddress
import socket
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from weaverlite.errors import InvalidInput, ReferenceRefused, StagingError
from weaverlite.settings import EgressSettings
from weaverlite.settings.checks import parse_ports

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
#: The addresses of a name, as text, best first.
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]

LONGEST_URL = 8192
_DEFAULT_PORTS = {"http": 80, "https": 443}


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host name, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Egress:
    """What may be fetched. Times in seconds, sizes in bytes."""

    def __init__(
        self,
        *,
        allow_private: Iterable[str] = (),
        schemes: Iterable[str] = ("http", "https"),
        ports: Iterable[str] = ("80", "443", "1024-65535"),
        redirects: int = 5,
        connect_timeout: float = 10,
        read_timeout: float = 30,
        total_timeout: float = 3600,
        minimum_speed: int = 256,
        size_limit: int = 20 * 1024**3,
        ca_file: Path | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        self.redirects = redirects
        self.connect_timeout = connect_timeout
        self.read_timeout = read_timeout
        self.total_timeout = total_timeout
        self.minimum_speed = minimum_speed
        self.size_limit = size_limit
        self.ca_file = ca_file
        self._resolve = resolve
        self._schemes = frozenset(schemes)
        self._ports = tuple(parse_ports(port) for port in ports)
        self._networks: list[Network] = []
        self._hosts: set[str] = set()
        for entry in allow_private:
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                self._hosts.add(entry.removeprefix("*").lower())

    @classmethod
    def create(cls, settings: EgressSettings) -> Egress:
        return cls(
            allow_private=settings.allow_private,
            schemes=settings.schemes,
            ports=settings.ports,
            redirects=settings.redirects,
            connect_timeout=settings.connect_timeout.total_seconds(),
            read_timeout=settings.read_timeout.total_seconds(),
            total_timeout=settings.total_timeout.total_seconds(),
            minimum_speed=settings.minimum_speed,
            size_limit=settings.size_limit,
            ca_file=settings.ca_file,
        )

    def check(self, url: str) -> None:
        """Return if ``url`` may be fetched, as far as it tells by itself: no name is resolved.

        :raises InvalidInput: it is not well formed.
        :raises ReferenceRefused: policy forbids it.
        """
        parts = _split(url)
        if parts.scheme not in self._schemes:
            raise ReferenceRefused(
                f"{show(url)}: references may begin with {' or '.join(sorted(f'{name}:' for name in self._schemes))} "
                "here (weaverlite.egress.schemes)."
            )
        if "@" in parts.netloc:
            raise ReferenceRefused(f"{show(url)}: a reference may not carry a user name or a password.")
        host = _plain_host(parts.hostname or "")
        self._check_port(host, parts.port or _DEFAULT_PORTS[parts.scheme])
        if self._is_allowed_host(host):
            return
        if host == "localhost" or host.endswith(".localhost"):
            raise _private(host)
        address = _spelled_address(host)
        # A name is judged when it is resolved.
        if address is not None and not self._is_allowed(address):
            raise _private(host)

    def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of ``host`` that may be connected to, at least one.

        :raises ReferenceRefused: there is none among its addresses, or the port is not allowed.
        :raises StagingError: the name is not known.
        :raises OSError: it cannot be resolved now.
        """
        host = _plain_host(host)
        self._check_port(host, port)
        try:
            found = self._resolve(host, port)
        except UnicodeError:
            raise StagingError(f"{host[:100]!r} is not a host name.") from None
        except socket.gaierror as error:
            if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
                raise StagingError(f"The host {host[:100]} is not known.") from error
            raise
        any_address = self._is_allowed_host(host)
        allowed = [address for address in found if self._is_allowed(address, any_address=any_address)]
        if not allowed:
            raise _private(host)
        return allowed

    def _check_port(self, host: str, port: int) -> None:
        if not any(port in ports for ports in self._ports):
            raise ReferenceRefused(
                f"{host[:100]}:{port}: references may not point to this port (weaverlite.egress.ports)."
            )

    def _is_allowed_host(self, host: str) -> bool:
        parents = (host[at:] for at, letter in enumerate(host) if letter == ".")
        return host in self._hosts or any(parent in self._hosts for parent in parents)

    def _is_allowed(self, text: str, *, any_address: bool = False) -> bool:
        address = _address(text)
        if address is None:
            return False
        if any(address in network for network in self._networks):
            return True
        if any_address:
            # The operator trusts the name; what is no address of one host at all is still refused.
            return not (address.is_multicast or address.is_unspecified)
        return is_public(address)


def is_public(address: Address) -> bool:
    """Whether this is the address of one host on the public Internet, and nothing that is translated to another one."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _translated())
    )


def show(url: str) -> str:
    """Return a URL for a message: without query and user, and not longer than a line."""
    head = url.partition("?")[0].partition("#")[0]
    scheme, slashes, rest = head.partition("://")
    if slashes:
        host, slash, path = rest.partition("/")
        head = scheme + slashes + host.rpartition("@")[2] + slash + path
    printable = "".join(letter if letter.isprintable() else "?" for letter in head)
    return printable if len(printable) <= 120 else printable[:117] + "..."


@cache
def _translated() -> Sequence[Network]:
    # The list of requests-hardened covers what the ipaddress module of some Python releases calls global: CGNAT, NAT64,
    # 6to4 relays and others. Two are missing there: IPv4-compatible addresses (::127.0.0.1) and site-local ones.
    from requests_hardened.ip_filter import EXTRA_BLOCKED_NET_RANGES

    return (*EXTRA_BLOCKED_NET_RANGES, ipaddress.ip_network("::/96"), ipaddress.ip_network("fec0::/10"))


def _private(host: str) -> ReferenceRefused:
    # The same words whatever the address is and whatever is there: nobody maps our network with us.
    return ReferenceRefused(
        f"{host[:100]} is not on the public Internet: references to it are refused unless "
        "weaverlite.egress.allow_private lists its network or its name."
    )


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _spelled_address(host: str) -> str | None:
    """Return the address that ``host`` is, in any spelling systems take: 127.1, 0x7f000001, 0177.0.0.1, 2130706433."""
    if _address(host):
        return host
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _split(url: str) -> SplitResult:
    if len(url) > LONGEST_URL:
        raise InvalidInput(f"{show(url)}: a reference may have {LONGEST_URL} characters, not {len(url)}.")
    if any(letter.isspace() or not letter.isprintable() or letter == "\\" for letter in url):
        raise InvalidInput(f"{show(url)}: a reference may not hold spaces, control characters or backslashes.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidInput(f"{show(url)} is not a URL: {error}.") from error
    if not parts.scheme or (parts.scheme in _DEFAULT_PORTS and not host):
        raise InvalidInput(f"{show(url)} is not a URL: write it like https://host/path.")
    return parts


def _plain_host(host: str) -> str:
    # Full-width digits and ideographic full stops are folded as IDNA does before a name is looked up.
    folded = unicodedata.normalize("NFKC", host).replace("\u3002", ".")
    return folded.lower().rstrip(".").removeprefix("[").removesuffix("]")
