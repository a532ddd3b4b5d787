"""All settings together: where they are read from, and what is derived from them."""

from __future__ import annotations

import configparser
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from weaverlite.errors import ConfigurationError
from weaverlite.settings import checks
from weaverlite.settings.reading import Entry, entries_of, read, refusal, setting, write
from weaverlite.settings.sections import (
    CallbackSettings,
    ChainingSettings,
    EgressSettings,
    LimitsSettings,
    ProcessesSettings,
    PublishSettings,
    QueueSettings,
    ServerSettings,
    StoreSettings,
    VaultSettings,
    WorkerSettings,
)

#: Variables that are not settings: the client's own, and the marks of the processes of a job.
FOREIGN = frozenset(
    {
        "WEAVERLITE_URL",
        "WEAVERLITE_TOKEN",
        "WEAVERLITE_INSTANCE",
        "WEAVERLITE_JOB",
        "WEAVERLITE_ATTEMPT",
        "_WEAVERLITE_COMPLETE",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings."""

    data: Path = setting(Path("var"), "Directory of everything this node keeps, on a local disk.")
    server: ServerSettings = field(default_factory=ServerSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    queue: QueueSettings = field(default_factory=QueueSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    egress: EgressSettings = field(default_factory=EgressSettings)
    callbacks: CallbackSettings = field(default_factory=CallbackSettings)
    publish: PublishSettings = field(default_factory=PublishSettings)
    vault: VaultSettings = field(default_factory=VaultSettings)
    processes: ProcessesSettings = field(default_factory=ProcessesSettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    chaining: ChainingSettings = field(default_factory=ChainingSettings)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
        """Return the settings of the ``weaverlite.*`` keys and ``WEAVERLITE_*`` variables; paths become absolute.

        :raises ConfigurationError: some are unknown or wrong; it says all of them.
        """
        settings = read(cls, mapping, environ, FOREIGN)
        return replace(settings, data=settings.data.absolute())

    @classmethod
    def from_ini(cls, path: Path, environ: Mapping[str, str]) -> Settings:
        """Return the settings of an ini file in the form of PasteDeploy: the section whose ``use`` names this package.

        ``%(here)s`` stands for the directory of the file.

        :raises ConfigurationError: as :meth:`from_mapping`, or the file cannot be read as such.
        """
        return cls.from_mapping(_read_ini(path), environ)

    def to_environ(self) -> dict[str, str]:
        """Return the variables that give another process of the service these settings."""
        return {entry.variable: text for entry, text in write(self)}

    def check(self, *, worker: bool = True) -> Sequence[str]:
        """Return what an operator should know about these settings, in sentences; ``worker``: whether jobs run here.

        :raises ConfigurationError: they do not fit together; it says all the reasons.
        """
        findings = checks.Findings()
        checks.check_server(findings, self.server)
        checks.check_backends(findings, self.store, self.queue, has_worker=worker)
        checks.check_sharing(findings, self.store, self.publish, self.vault)
        checks.check_worker(findings, self.worker, self.server)
        checks.check_egress(findings, self.egress, self.data)
        checks.check_callbacks(findings, self.callbacks)
        if findings.faults:
            raise refusal(findings.faults)
        return tuple(findings.warnings)

    @property
    def concurrency(self) -> int:
        """Jobs at a time on this node."""
        return self.worker.concurrency or len(os.sched_getaffinity(0))

    @property
    def allows_deploy(self) -> bool:
        """Whether processes may be deployed here."""
        return self._decides(self.server.deploy)

    @property
    def allows_host_commands(self) -> bool:
        """Whether commands of packages may run on the host, outside a container."""
        return self._decides(self.worker.host_commands)

    def _decides(self, choice: str) -> bool:
        return choice == "yes" or (choice == "auto" and checks.is_loopback(self.server.host))

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


def entries() -> Sequence[Entry]:
    """Return every setting there is, in order."""
    return tuple(entries_of(Settings))


def ini_text() -> str:
    """Return an ini file that lists every setting with its default and its meaning."""
    lines = [
        "# Every setting of WeaverLite with its default. A variable beats its key here: WEAVERLITE_SERVER_PORT is",
        "# weaverlite.server.port. Durations: 500ms, 90s, 10m, 1h30m, 2d. Sizes: 64KB, 500MB, 2GiB.",
        "",
        "[app:main]",
        "use = egg:weaverlite",
    ]
    section = ""
    for entry in entries():
        if entry.section != section:
            section = entry.section
            title = textwrap.wrap(section, 116)
            lines += ["", "", *(f"# {line}" for line in title), f"# {'-' * min(116, len(section))}"]
        lines += ["", f"# {entry.meaning}", f"{entry.key} = {entry.default}".rstrip()]
    return "\n".join(lines) + "\n"


def _read_ini(path: Path) -> Mapping[str, str]:
    path = path.absolute()
    known = {"here": str(path.parent), "__file__": str(path)}
    # A % in a directory's name must not be read as the beginning of a reference.
    parser = configparser.ConfigParser({name: text.replace("%", "%%") for name, text in known.items()})
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep the case of keys.
    try:
        with path.open(encoding="utf-8") as file:
            parser.read_file(file)
        applications = [name for name in parser.sections() if name.startswith("app:")]
        ours = [name for name in applications if parser[name].get("use", "").partition("#")[0] == "egg:weaverlite"]
        if "app:main" in ours or len(ours) == 1:
            return dict(parser["app:main" if "app:main" in ours else ours[0]])
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, configparser.Error) as error:
        raise ConfigurationError(f"{path} cannot be read as settings: {error}") from error
    raise ConfigurationError(
        f"{path} has no section [app:main] with use = egg:weaverlite: 'weaverlite init' writes a file that has one."
    )
