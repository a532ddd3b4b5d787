"""What settings that are right one by one must obey together."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from weaverlite.errors import Fault
from weaverlite.settings.reading import nearest
from weaverlite.settings.sections import (
    CallbackSettings,
    EgressSettings,
    PublishSettings,
    QueueSettings,
    ServerSettings,
    StoreSettings,
    VaultSettings,
    WorkerSettings,
)

#: As browsers write it in ``Origin``.
_ORIGIN = re.compile(r"https?://(?:[a-z0-9\-._]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?\Z")


class Findings:
    """What was found: faults that forbid a start, and warnings."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[str] = []

    def refuse(self, key: str, sentence: str) -> None:
        self.faults.append(Fault(sentence, f"weaverlite.{key}", "settings"))

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)


def is_loopback(host: str) -> bool:
    """Whether this address to listen on, or host of a backend, is reached from this host only."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_ports(text: str) -> range:
    """Return the ports of ``80`` or ``1024-65535``.

    :raises ValueError: it is neither.
    """
    first, dash, last = text.partition("-")
    if first.isdecimal() and (not dash or last.isdecimal()):
        ports = range(int(first), int(last or first) + 1)
        if ports and ports[0] > 0 and ports[-1] < 65536:
            return ports
    raise ValueError(f"{text!r} is neither a port nor a range of ports like 1024-65535")


def check_server(findings: Findings, server: ServerSettings) -> None:
    """Who can reach the service, and who says who they are."""
    if server.auth == "none" and not is_loopback(server.host):
        reach = f"whoever reaches {server.host or 'any address of this host'} port {server.port} may execute processes"
        if server.trusted_network:
            findings.warn(f"There is no authentication: {reach}.")
        else:
            findings.refuse(
                "server.host",
                f"weaverlite.server.host = {server.host} is not a loopback address and there is no authentication: "
                f"{reach}. Set weaverlite.server.auth, or weaverlite.server.trusted_network = yes if that is meant.",
            )
        if server.deploy == "yes":
            findings.warn(
                "weaverlite.server.deploy = yes without authentication: whoever reaches the port may bring code and "
                "run it."
            )
    if server.auth == "remote-user" and not server.trusted_proxies:
        findings.refuse(
            "server.trusted_proxies",
            "weaverlite.server.auth = remote-user needs weaverlite.server.trusted_proxies: the addresses of the "
            f"proxies that set {server.remote_user_header}; from anyone else the header is not believed.",
        )
    for proxy in server.trusted_proxies:
        if not _is_network(proxy):
            findings.refuse(
                "server.trusted_proxies",
                f"weaverlite.server.trusted_proxies: {proxy!r} is neither an address nor a network like 10.0.0.0/8.",
            )
    for origin in server.cors_origins:
        if not _ORIGIN.match(origin):
            findings.refuse(
                "server.cors_origins",
                f"weaverlite.server.cors_origins: {origin!r} is not an origin: write it like https://maps.example.com, "
                "with a scheme, without a path and without wildcards.",
            )
    if server.held_threads >= server.threads:
        findings.refuse(
            "server.held_threads",
            f"weaverlite.server.held_threads = {server.held_threads} must be less than weaverlite.server.threads = "
            f"{server.threads}: otherwise waiting clients could hold every thread.",
        )
    if server.url and urlsplit(server.url).scheme not in ("http", "https"):
        findings.refuse("server.url", f"weaverlite.server.url = {server.url} must begin with http:// or https://.")


def check_backends(findings: Findings, store: StoreSettings, queue: QueueSettings, *, has_worker: bool) -> None:
    """Whether store and queue exist, and reach the same hosts."""
    store_name, queue_name = store.url.partition(":")[0], queue.url.partition("://")[0].partition("+")[0]
    _check_known(findings, "store.url", store_name, "weaverlite.stores", ("sqlite", "mongodb"))
    _check_known(findings, "queue.url", queue_name, "weaverlite.queues", ("embedded", "celery"))
    if queue_name == "celery" and store_name == "sqlite":
        host = _host(queue.url)
        if host and not is_loopback(host):
            findings.refuse(
                "store.url",
                f"The queue's broker is on another host ({host}) but the store is an SQLite file, which workers on "
                "other hosts cannot read. Set weaverlite.store.url = mongodb://host/database, or use "
                "weaverlite.queue.url = embedded.",
            )
        else:
            findings.warn("A celery queue with an SQLite store serves workers on this host only.")
    if queue_name == "embedded" and not has_worker:
        findings.warn(
            "No worker runs in this process and the embedded queue wakes none elsewhere: jobs wait until "
            "'weaverlite work' runs with the same store, which looks for them every weaverlite.queue.poll."
        )


def check_sharing(findings: Findings, store: StoreSettings, publish: PublishSettings, vault: VaultSettings) -> None:
    """Whether what all nodes need is where all nodes see it."""
    _check_known(findings, "publish.publisher", publish.publisher, "weaverlite.publishers", ("local",))
    if store.url.partition(":")[0] == "sqlite":
        return
    unset = [
        key
        for key, directory in (("publish.directory", publish.directory), ("vault.directory", vault.directory))
        if directory is None and (key != "publish.directory" or publish.publisher == "local")
    ]
    if unset:
        keys = " and ".join(f"weaverlite.{key}" for key in unset)
        findings.warn(f"The store can be shared by several hosts: set {keys} to directories that all of them see.")


def check_worker(findings: Findings, worker: WorkerSettings, server: ServerSettings) -> None:
    """Whether a living worker can keep its jobs, and what its commands may touch."""
    if worker.lease < 3 * worker.heartbeat:
        findings.refuse(
            "worker.lease",
            "weaverlite.worker.lease must be at least three times weaverlite.worker.heartbeat: otherwise one slow "
            "write loses a living worker its jobs.",
        )
    if worker.host_commands == "yes" and not is_loopback(server.host):
        findings.warn(
            "weaverlite.worker.host_commands = yes: commands of packages run on this host outside any container, for "
            "clients of other hosts too."
        )


def check_callbacks(findings: Findings, callbacks: CallbackSettings) -> None:
    """Refuse a secret that cannot sign."""
    try:
        parse_secret(callbacks.secret)
    except ValueError as error:
        findings.refuse("callbacks.secret", f"weaverlite.callbacks.secret: {error}.")


def parse_secret(text: str) -> bytes:
    """Return the key that signs calls, empty when there is none.

    :raises ValueError: it is not written as Standard Webhooks has it.
    """
    if not text:
        return b""
    wrong = ValueError("write whsec_ and the base64 of 24 to 64 random bytes")
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise wrong from None
    if not text.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise wrong
    return key


def check_egress(findings: Findings, egress: EgressSettings, data: Path) -> None:
    """Whether the lists of what is allowed can be read, and do not open our own files."""
    for entry in egress.allow_private:
        if not (_is_network(entry) or _is_host_name(entry)):
            findings.refuse(
                "egress.allow_private",
                f"weaverlite.egress.allow_private: {entry!r} is neither a network like 10.0.0.0/8, nor an address, "
                "nor a host name without port.",
            )
    for port in egress.ports:
        try:
            parse_ports(port)
        except ValueError as error:
            findings.refuse("egress.ports", f"weaverlite.egress.ports: {error}.")
    for scheme in egress.schemes:
        if scheme not in ("http", "https"):
            findings.refuse("egress.schemes", f"weaverlite.egress.schemes: {scheme!r} is neither http nor https.")
    if egress.ca_file is not None and not egress.ca_file.is_file():
        findings.refuse("egress.ca_file", f"weaverlite.egress.ca_file: there is no file {egress.ca_file}.")
    ours = data.resolve()
    for root in egress.file_roots:
        resolved = root.resolve()
        if ours.is_relative_to(resolved) or resolved.is_relative_to(ours):
            findings.refuse(
                "egress.file_roots",
                f"weaverlite.egress.file_roots lists {root}, which shares files with weaverlite.data = {data}: "
                "references could read records, uploads and results of others. Choose separate directories.",
            )
        elif not resolved.is_dir():
            findings.warn(f"weaverlite.egress.file_roots lists {root}, which is not a directory here.")


def _check_known(findings: Findings, key: str, name: str, group: str, built_in: Collection[str]) -> None:
    # Ours are known by heart: looking through the metadata of every installed package takes a while.
    if name in built_in:
        return
    from importlib.metadata import entry_points

    known = sorted({*built_in, *(point.name for point in entry_points(group=group))})
    if name not in known:
        findings.refuse(
            key,
            f"weaverlite.{key}: there is no {name!r}; installed are {', '.join(known)}.{nearest(name, known)}",
        )


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_host_name(text: str) -> bool:
    labels = text.removeprefix("*").strip(".").split(".")
    # A last label of digits would be an address with a mistake in it.
    return not labels[-1].isdecimal() and all(
        label and label.replace("-", "").replace("_", "").isalnum() for label in labels
    )
