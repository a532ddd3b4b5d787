"""The sections of the settings: each setting with its type, its default, what it means and what it may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from weaverlite.settings.reading import Bytes, setting

KIB, MIB, GIB = 1024, 1024**2, 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The HTTP side."""

    host: str = setting(
        "127.0.0.1",
        "Address to listen on; without an authentication policy only loopback, unless trusted_network is yes.",
    )
    port: int = setting(4001, "Port to listen on; 0: any free one.", minimum=0, maximum=65535)
    url: str = setting("", "The URL under which clients reach the service, if a proxy changes it; empty: as asked.")
    threads: int = setting(32, "Threads that answer requests.", minimum=2)
    held_threads: int = setting(24, "How many of them waits and log followers may hold; fewer than threads.", minimum=1)
    trusted_network: bool = setting(
        False, "yes: whoever reaches the port may execute; needed to listen beyond loopback without authentication."
    )
    auth: str = setting(
        "none",
        "Who says who asks: none, or remote-user (a header set by one of trusted_proxies).",
        choices=("none", "remote-user"),
    )
    remote_user_header: str = setting("X-Remote-User", "The header of auth = remote-user.")
    trusted_proxies: tuple[str, ...] = setting((), "Addresses or networks whose headers about clients are believed.")
    deploy: str = setting(
        "auto",
        "Whether processes may be deployed: auto (on a loopback address), yes, no.",
        choices=("auto", "yes", "no"),
    )
    result_not_ready_status: int = setting(
        404, "What results of a job that has not ended answer: 404 as OGC says, or 400.", choices=(404, 400)
    )
    sync_wait: timedelta = setting(
        timedelta(seconds=60), "Longest time a synchronous execution or a waiting status request is held."
    )
    monitor_link: str = setting(
        "auto",
        "Whether waited-for answers link to their job; auto: unless the body has a transmissionMode.",
        choices=("auto", "always", "never"),
    )
    body_limit: Bytes = setting(
        10 * MIB, "Largest JSON or package body; uploads have a limit of their own.", minimum=KIB
    )
    title: str = setting("WeaverLite", "Title of the landing page.")
    description: str = setting(
        "Deploys and executes processes: OGC API - Processes", "Description on the landing page."
    )
    attribution: str = setting("", "Whom the landing page names as the source of what is offered.")
    cors_origins: tuple[str, ...] = setting(
        (), "Origins whose web pages may use the service, each exactly as browsers name it: https://maps.example.com."
    )
    includes: tuple[str, ...] = setting((), "Pyramid includes of plugins.")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where records are kept."""

    url: str = setting(
        "sqlite://", "sqlite:///path (without path: weaverlite.db in the data directory) or mongodb://host/database."
    )
    synchronous: str = setting(
        "FULL", "SQLite only: FULL survives a power cut, NORMAL only a crash.", choices=("FULL", "NORMAL")
    )
    timeout: timedelta = setting(
        timedelta(seconds=5), "How long an operation waits for the backend before it fails.", positive=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """How workers are woken."""

    url: str = setting(
        "embedded", "embedded, or celery+redis://host:6379/0; ?queue=NAME keeps installations on one broker apart."
    )
    poll: timedelta = setting(
        timedelta(milliseconds=500), "How often an idle embedded worker looks for jobs of others.", positive=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """The side that runs jobs."""

    concurrency: int = setting(0, "Jobs at a time on this node; 0: as many as it has cores.", minimum=0, maximum=1024)
    jobs_per_process: int = setting(200, "Jobs after which a job process is replaced.", minimum=1)
    warm: int = setting(0, "Idle job processes kept warm; 0: as many as concurrency.", minimum=0)
    heartbeat: timedelta = setting(timedelta(seconds=2), "How often a worker says it is alive.", positive=True)
    lease: timedelta = setting(
        timedelta(seconds=30), "The silence after which a worker's jobs are taken from it; at least three heartbeats."
    )
    sweep: timedelta = setting(
        timedelta(seconds=5), "How often silent workers, unrung jobs and expired ones are looked for.", positive=True
    )
    grace: timedelta = setting(timedelta(seconds=5), "Time between TERM and KILL for a job that must stop.")
    drain: timedelta = setting(timedelta(seconds=10), "Time that running jobs get to end at shutdown.")
    host_commands: str = setting(
        "auto",
        "Whether CWL commands may run on the host, outside a container: auto (service on loopback), yes, no.",
        choices=("auto", "yes", "no"),
    )
    container_engine: str = setting(
        "auto",
        "Container engine command: auto (docker if there is one, else none), docker, podman, none.",
        choices=("auto", "docker", "podman", "none"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressSettings:
    """What references may point to, and what a fetch may cost."""

    allow_private: tuple[str, ...] = setting(
        (), "Networks (CIDR), addresses or host names (.example.org: all below) allowed although they are private."
    )
    schemes: tuple[str, ...] = setting(("http", "https"), "URL schemes that may leave this node.")
    ports: tuple[str, ...] = setting(("80", "443", "1024-65535"), "Ports that references may point to.")
    file_roots: tuple[Path, ...] = setting((), "Directories below which file:// references may point.")
    redirects: int = setting(5, "Redirects followed, each checked like the first URL.", minimum=0, maximum=20)
    connect_timeout: timedelta = setting(
        timedelta(seconds=10), "Longest time to connect to one address.", positive=True
    )
    read_timeout: timedelta = setting(timedelta(seconds=30), "Longest silence of a transfer.", positive=True)
    total_timeout: timedelta = setting(timedelta(hours=1), "Longest time of a transfer in all.", positive=True)
    minimum_speed: Bytes = setting(
        256, "Bytes a second below which a transfer is given up, measured over read_timeout; 0: never."
    )
    size_limit: Bytes = setting(20 * GIB, "Largest input fetched by reference.", minimum=1)
    ca_file: Path | None = setting(None, "Certificates trusted by https (PEM); empty: the usual public ones.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackSettings:
    """How subscribers of jobs are called; where they may be is up to the egress policy."""

    secret: str = setting("", "Secret that signs calls (Standard Webhooks: whsec_ and base64); empty: not signed.")
    attempts: int = setting(8, "Calls tried in all before a subscriber is given up: 8 take about a day.", minimum=1)
    pause: timedelta = setting(timedelta(seconds=5), "Wait before the second call; the next are longer.", positive=True)
    timeout: timedelta = setting(timedelta(seconds=10), "Longest time of one call.", positive=True)
    poll: timedelta = setting(timedelta(milliseconds=500), "How often is looked for calls that are due.", positive=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishSettings:
    """Where results go."""

    publisher: str = setting("local", "Name of the publisher.")
    directory: Path | None = setting(
        None, "Directory of the local publisher, shared by all nodes; empty: results in the data directory."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings:
    """Uploads of clients."""

    directory: Path | None = setting(
        None, "Directory of the bytes, shared by all nodes; empty: vault in the data directory."
    )
    size_limit: Bytes = setting(20 * GIB, "Largest upload.", minimum=1)
    keep: timedelta = setting(timedelta(days=1), "How long an upload is kept.", positive=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessesSettings:
    """What can be executed from the start."""

    dir: Path | None = setting(
        None, "Directory of packages (CWL, JSON, YAML; directories of several) that are deployed at start."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsSettings:
    """What one job may take; options of an execution are clamped to these. Zero: no limit."""

    queue_time: timedelta = setting(timedelta(0), "Longest wait for a worker.")
    execution_time: timedelta = setting(timedelta(days=1), "Longest run.")
    attempts: int = setting(3, "Starts of a job in all, when workers are lost.", minimum=1)
    memory: Bytes = setting(0, "Memory of one tool.")
    processes: int = setting(0, "Processes of the user that runs the tools, all together (RLIMIT_NPROC).", minimum=0)
    disk: Bytes = setting(50 * GIB, "Bytes below the job's directory, watched while it runs.")
    files: int = setting(100_000, "Files below the job's directory.", minimum=0)
    log_head: Bytes = setting(MIB, "Bytes of each of stdout and stderr kept from the start.")
    log_tail: Bytes = setting(MIB, "Bytes of each of stdout and stderr kept from the end.")
    keep: timedelta = setting(timedelta(days=30), "How long records and results of ended jobs are kept.")
    created: timedelta = setting(timedelta(days=30), "How long jobs that were created wait for their start.")
    package_nodes: int = setting(50_000, "Largest package, in nodes after YAML aliases are expanded.", minimum=1)
    package_depth: int = setting(64, "Deepest package.", minimum=1, maximum=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainingSettings:
    """What inputs may be made of: other processes, here and elsewhere, and collections."""

    depth: int = setting(8, "How deep processes may be nested in the inputs of an execution.", minimum=0, maximum=32)
    jobs: int = setting(50, "How many nested processes one execution may have in all.", minimum=0, maximum=1000)
    servers: tuple[str, ...] = setting(
        (), "OGC API - Processes servers that nested processes may run on, as URLs (https://host/path: all below)."
    )
    collections: tuple[str, ...] = setting(
        ("*",), "URLs below which collections of inputs may lie; *: wherever the egress policy goes; empty: none."
    )
    items: int = setting(10_000, "Most items that are read of a collection for one input.", minimum=1)
    answer_limit: Bytes = setting(
        32 * MIB, "Largest single document taken from a remote server: a status, results, a page of a collection."
    )
    poll: timedelta = setting(
        timedelta(seconds=1), "First pause between two looks at a remote job; it grows to twenty times that.",
        positive=True,
    )
    remote_time: timedelta = setting(timedelta(hours=6), "Longest time one remote job may take.", positive=True)
