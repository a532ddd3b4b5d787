"""Every setting with its default, read once into one frozen value.

``Settings.from_mapping`` takes the ``weaverlite.*`` keys of an ini file and the ``WEAVERLITE_*`` variables of an
environment: ``weaverlite.worker.concurrency = 4`` and ``WEAVERLITE_WORKER_CONCURRENCY=4`` are the same, the variable
wins. Units are parsed (``30MB``, ``10m``); unknown keys are refused with the nearest known name. Nothing else reads
``os.environ`` or an ini file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

KIB, MIB, GIB = 1024, 1024**2, 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The HTTP side."""

    #: Address to listen on. Without an authentication policy only a loopback address, unless trusted_network is yes.
    host: str = "127.0.0.1"
    port: int = 4001
    #: The URL under which clients reach the service, if a proxy changes it; empty: as each request came.
    url: str = ""
    #: Threads that answer requests, and how many of them may be held by waits and log followers.
    threads: int = 32
    held_threads: int = 24
    #: yes: everyone who reaches the port may execute; needed to listen on another address than loopback without auth.
    trusted_network: bool = False
    #: Who is asked for: none, or remote-user (a header set by one of trusted_proxies).
    auth: str = "none"
    remote_user_header: str = "X-Remote-User"
    trusted_proxies: tuple[str, ...] = ()
    #: Whether processes may be deployed: auto (on a loopback address), yes, no.
    deploy: str = "auto"
    #: What the results of a job that has not ended answer: 404 as OGC says, or 400 for clients that expect it.
    result_not_ready_status: int = 404
    #: Longest time a synchronous execution or a waiting status request is held.
    sync_wait: timedelta = timedelta(seconds=60)
    #: Largest JSON or package body; uploads have a limit of their own.
    body_limit: int = 10 * MIB
    title: str = "WeaverLite"
    description: str = "Deploys and executes processes: OGC API - Processes"
    #: Pyramid includes of plugins.
    includes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where records are kept."""

    #: sqlite:///path (empty path: weaverlite.db in the data directory) or mongodb://host/database.
    url: str = "sqlite://"
    #: SQLite only: FULL survives a power cut, NORMAL only a crash.
    synchronous: str = "FULL"
    #: How long an operation waits for the backend before it fails.
    timeout: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """How workers are woken."""

    #: embedded, or celery+redis://host:6379/0.
    url: str = "embedded"
    #: How often an idle embedded worker looks for jobs of other processes.
    poll: timedelta = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """The side that runs jobs."""

    #: Jobs at a time on this node; 0: as many as it has cores.
    concurrency: int = 0
    #: Jobs after which a job process is replaced, and idle ones kept warm (0: as many as concurrency).
    jobs_per_process: int = 200
    warm: int = 0
    #: How often a worker says it is alive, and the silence after which its jobs are taken from it.
    heartbeat: timedelta = timedelta(seconds=2)
    lease: timedelta = timedelta(seconds=30)
    #: How often the reaper looks for silent workers, unrung jobs and what has expired.
    sweep: timedelta = timedelta(seconds=5)
    #: Time between TERM and KILL for a job that must stop, and for running jobs at shutdown.
    grace: timedelta = timedelta(seconds=5)
    drain: timedelta = timedelta(seconds=10)
    #: Whether CWL commands may run on the host, outside a container: auto (service on loopback), yes, no.
    host_commands: str = "auto"
    #: Container engine command: auto (docker, then none), docker, podman, or none.
    container_engine: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressSettings:
    """What references may point to, and what a fetch may cost."""

    #: Networks (CIDR) or host names allowed although they are private; all others are refused.
    allow_private: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ("http", "https")
    #: Directories below which file:// references may point.
    file_roots: tuple[Path, ...] = ()
    redirects: int = 5
    connect_timeout: timedelta = timedelta(seconds=10)
    #: Longest silence of a transfer, and its longest time in all.
    read_timeout: timedelta = timedelta(seconds=30)
    total_timeout: timedelta = timedelta(hours=1)
    #: Largest input fetched by reference.
    size_limit: int = 20 * GIB


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishSettings:
    """Where results go."""

    publisher: str = "local"
    #: Directory of the local publisher; empty: results in the data directory. Shared by all nodes of a fleet.
    directory: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings:
    """Uploads of clients."""

    #: Directory of the bytes; empty: vault in the data directory. Shared by all nodes of a fleet.
    directory: Path | None = None
    size_limit: int = 20 * GIB
    keep: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsSettings:
    """What one job may take; options of an execution are clamped to these. Zero: no limit."""

    queue_time: timedelta = timedelta(0)
    execution_time: timedelta = timedelta(days=1)
    attempts: int = 3
    #: Per tool.
    memory: int = 0
    processes: int = 0
    #: Per job: bytes and files below its directory, watched while it runs.
    disk: int = 50 * GIB
    files: int = 100_000
    #: Of each of stdout and stderr: bytes kept from the start and from the end.
    log_head: int = MIB
    log_tail: int = MIB
    #: How long records and results of ended jobs are kept.
    keep: timedelta = timedelta(days=30)
    #: Largest package, after YAML aliases are expanded: nodes and depth.
    package_nodes: int = 50_000
    package_depth: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. ``data`` is the directory of everything this node keeps."""

    data: Path = Path("var")
    server: ServerSettings = field(default_factory=ServerSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    queue: QueueSettings = field(default_factory=QueueSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    egress: EgressSettings = field(default_factory=EgressSettings)
    publish: PublishSettings = field(default_factory=PublishSettings)
    vault: VaultSettings = field(default_factory=VaultSettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)

    @property
    def concurrency(self) -> int:
        """Jobs at a time on this node."""
        return self.worker.concurrency or len(os.sched_getaffinity(0))

    @property
    def results_directory(self) -> Path:
        return self.publish.directory or self.data / "results"

    @property
    def vault_directory(self) -> Path:
        return self.vault.directory or self.data / "vault"

    @property
    def work_directory(self) -> Path:
        """Where attempts of jobs have their directories, one ``<job id>/<attempt>`` each."""
        return self.data / "work"
