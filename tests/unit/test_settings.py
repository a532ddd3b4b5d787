from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from weaverlite.errors import ConfigurationError
from weaverlite.settings import (
    GIB,
    MIB,
    EgressSettings,
    LimitsSettings,
    QueueSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    WorkerSettings,
    entries,
    ini_text,
)

ROOT = Path(__file__).parents[2]
DEFAULTS = Settings(data=Path("var").absolute())


def read(mapping: Mapping[str, str] | None = None, **environ: str) -> Settings:
    return Settings.from_mapping(mapping or {}, environ)


def refusal(mapping: Mapping[str, str] | None = None, **environ: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        read(mapping, **environ)
    return caught.value


def write_ini(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# ---------------------------------------------------------------- reading


def test_nothing_given_means_the_defaults() -> None:
    assert read() == DEFAULTS


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("server.port", "8080", 8080),
        ("server.trusted_network", "yes", True),
        ("server.trusted_network", "False", False),
        ("server.sync_wait", "1m30s", timedelta(seconds=90)),
        ("server.body_limit", "30MB", 30 * MIB),
        ("server.includes", "one.plugin\n    two.plugin, three", ("one.plugin", "two.plugin", "three")),
        ("server.title", "A title of words", "A title of words"),
        ("server.title", "", ""),
        ("queue.poll", "250ms", timedelta(milliseconds=250)),
        ("vault.size_limit", "1.5GiB", 3 * GIB // 2),
        ("publish.directory", "/srv/results", Path("/srv/results")),
        ("publish.directory", "", None),
        ("egress.file_roots", "/srv/a b, /srv/c\n/srv/d", (Path("/srv/a b"), Path("/srv/c"), Path("/srv/d"))),
        ("limits.queue_time", "0", timedelta(0)),
    ],
)
def test_values_are_read_by_their_type(key: str, text: str, expected: Any) -> None:
    section, _, name = key.partition(".")
    for settings in (read({f"weaverlite.{key}": text}), read({}, **{f"WEAVERLITE_{section}_{name}".upper(): text})):
        # An empty variable is not set: that is how compose files pass on what nobody gave.
        if text or settings == read({f"weaverlite.{key}": text}):
            assert getattr(getattr(settings, section), name) == expected


def test_a_variable_beats_the_file() -> None:
    assert read({"weaverlite.server.port": "1"}, WEAVERLITE_SERVER_PORT="2").server.port == 2


def test_an_empty_variable_is_not_set() -> None:
    assert read({"weaverlite.server.port": "1"}, WEAVERLITE_SERVER_PORT="").server.port == 1


def test_paths_become_absolute() -> None:
    settings = read({"weaverlite.data": "here", "weaverlite.vault.directory": "there"})
    assert settings.data == Path("here").absolute()
    assert settings.vault_directory == Path("there").absolute()
    assert settings.results_directory == settings.data / "results"
    assert settings.work_directory == settings.data / "work"


def test_variables_of_others_are_left_alone() -> None:
    ours = {
        "WEAVERLITE_URL": "http://elsewhere",
        "WEAVERLITE_TOKEN": "secret",
        "WEAVERLITE_INSTANCE": "a",
        "WEAVERLITE_JOB": "b",
        "WEAVERLITE_ATTEMPT": "1",
        "_WEAVERLITE_COMPLETE": "bash_source",
        "PATH": "/bin",
        "WEAVER_URL": "x",
    }
    assert read({"pyramid.includes": "x", "here": "/", "use": "egg:weaverlite"}, **ours) == DEFAULTS


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("weaverlite.server.prot", "weaverlite.server.port"),
        ("weaverlite.concurrency", "weaverlite.worker.concurrency"),
        ("weaverlite.store.uri", "weaverlite.store.url"),
        ("weaverlite.Server.Port", "weaverlite.server.port"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_name(key: str, meant: str) -> None:
    assert f"{key} is not a setting. Did you mean {meant}?" in refusal({key: "1"}).detail


def test_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    detail = refusal(WEAVERLITE_SERVER_PROT="1").detail
    assert "WEAVERLITE_SERVER_PROT is not a setting. Did you mean WEAVERLITE_SERVER_PORT?" in detail


def test_a_key_like_no_other_gets_no_advice() -> None:
    assert "Did you mean" not in refusal({"weaverlite.zzzzzzzzzzzzzzzzzzzzzzzzzz": "1"}).detail


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("server.port", "many", "whole number"),
        ("server.port", "70000", "at most 65535"),
        ("server.port", "-1", "at least 0"),
        ("server.port", "", "whole number"),
        ("server.trusted_network", "perhaps", "yes or no"),
        ("server.deploy", "maybe", "auto or yes or no"),
        ("server.auth", "magic", "none or remote-user"),
        ("server.result_not_ready_status", "403", "404 or 400"),
        ("server.body_limit", "10", "at least 1024"),
        ("server.sync_wait", "soon", "not a duration"),
        ("worker.heartbeat", "0", "more than zero"),
        ("worker.host_commands", "true", "auto or yes or no"),
        ("limits.disk", "-1", "not a size"),
        ("limits.attempts", "0", "at least 1"),
        ("data", "", "must be a path"),
        ("store.synchronous", "OFF", "FULL or NORMAL"),
    ],
)
def test_a_value_that_cannot_be_is_refused(key: str, text: str, words: str) -> None:
    error = refusal({f"weaverlite.{key}": text})
    assert words in error.detail
    assert error.faults[0].pointer == f"weaverlite.{key}"


def test_all_faults_are_told_at_once() -> None:
    error = refusal({"weaverlite.server.port": "x", "weaverlite.nothing": "1"}, WEAVERLITE_LIMITS_DISK="y")
    assert [fault.pointer for fault in error.faults] == [
        "weaverlite.server.port",
        "weaverlite.nothing",
        "WEAVERLITE_LIMITS_DISK",
    ]
    assert all(fault.message in error.detail for fault in error.faults)


# ---------------------------------------------------------------- the list of all settings


def test_every_setting_has_a_meaning_of_one_line_and_names_of_its_own() -> None:
    listed = entries()
    assert len({entry.key for entry in listed}) == len({entry.variable for entry in listed}) == len(listed) > 50
    for entry in listed:
        assert entry.meaning.endswith(".") and "\n" not in entry.meaning and len(entry.meaning) < 118, entry.key


def test_every_default_reads_back_as_itself() -> None:
    given = {entry.key: entry.default for entry in entries()}
    assert read(given) == DEFAULTS
    assert read({}, **{entry.variable: entry.default for entry in entries()}) == DEFAULTS


def test_settings_are_handed_to_another_process_as_variables(tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path,
        store=StoreSettings(url="mongodb://host/db", timeout=timedelta(milliseconds=1500)),
        limits=LimitsSettings(memory=3 * 1024**2 + 1),
        egress=EgressSettings(file_roots=(tmp_path / "a b", tmp_path / "c"), allow_private=("10.0.0.0/8", "nas")),
    )
    assert Settings.from_mapping({}, settings.to_environ()) == settings
    assert Settings().to_environ() == {}


def test_the_shipped_file_lists_every_setting_with_its_default() -> None:
    path = ROOT / "config" / "weaverlite.ini"
    assert path.read_text(encoding="utf-8") == ini_text(), "write it again: weaverlite init --ini config/weaverlite.ini"
    assert Settings.from_ini(path, {}) == DEFAULTS


def test_the_shipped_file_for_several_hosts_is_valid() -> None:
    settings = Settings.from_ini(ROOT / "config" / "weaverlite-distributed.ini", {})
    assert settings.check(worker=False) == ()
    assert settings.store.url.startswith("mongodb://")
    assert settings.queue.url.startswith("celery+redis://")


# ---------------------------------------------------------------- ini files


def test_an_ini_file_knows_where_it_is(tmp_path: Path) -> None:
    directory = tmp_path / "100%"
    directory.mkdir()
    ini = write_ini(directory / "a.ini", "[app:main]\nuse = egg:weaverlite#main\nweaverlite.data = %(here)s/data\n")
    assert Settings.from_ini(ini, {}).data == directory / "data"


def test_the_section_is_found_beside_those_of_other_applications(tmp_path: Path) -> None:
    text = "[app:other]\nuse = egg:other\n[app:jobs]\nuse = egg:weaverlite\nweaverlite.server.port = 7\n[server:main]\n"
    assert Settings.from_ini(write_ini(tmp_path / "a.ini", text), {}).server.port == 7


def test_variables_beat_an_ini_file(tmp_path: Path) -> None:
    ini = write_ini(tmp_path / "a.ini", "[app:main]\nuse = egg:weaverlite\nweaverlite.server.port = 7\n")
    assert Settings.from_ini(ini, {"WEAVERLITE_SERVER_PORT": "8"}).server.port == 8


@pytest.mark.parametrize(
    "text",
    [
        "no section",
        "[app:main]\nuse = egg:weaverlite\nweaverlite.data = %(nowhere)s\n",
        "[app:main]\nuse = egg:weaverlite\nweaverlite.data = 100%\n",
        "[app:main]\nuse = egg:other\n",
        "[app:main]\nuse = egg:weaverlite\nweaverlite.data = a\nweaverlite.data = b\n",
        "",
    ],
)
def test_a_file_that_is_not_ours_is_refused_by_name(tmp_path: Path, text: str) -> None:
    ini = write_ini(tmp_path / "broken.ini", text)
    with pytest.raises(ConfigurationError, match="broken.ini"):
        Settings.from_ini(ini, {})


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="none.ini"):
        Settings.from_ini(tmp_path / "none.ini", {})
    (tmp_path / "latin.ini").write_bytes(b"[app:main]\n# \xff\n")
    with pytest.raises(ConfigurationError, match="latin.ini"):
        Settings.from_ini(tmp_path / "latin.ini", {})


# ---------------------------------------------------------------- what must fit together


def refused(settings: Settings, *words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings.check()
    for word in words:
        assert word in caught.value.detail


def warned(settings: Settings, words: str, *, worker: bool = True) -> None:
    assert any(words in warning for warning in settings.check(worker=worker))


def test_the_defaults_fit_together() -> None:
    assert DEFAULTS.check() == ()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org", ""])
def test_an_open_address_needs_authentication_or_a_word(host: str) -> None:
    refused(Settings(server=ServerSettings(host=host)), "weaverlite.server.trusted_network = yes", "may execute")
    warned(Settings(server=ServerSettings(host=host, trusted_network=True)), "may execute")
    guarded = ServerSettings(host=host, auth="remote-user", trusted_proxies=("10.0.0.1",))
    assert Settings(server=guarded).check() == ()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_nothing(host: str) -> None:
    assert Settings(server=ServerSettings(host=host)).check() == ()


def test_deployment_and_host_commands_for_all_the_world_are_told() -> None:
    server = ServerSettings(host="0.0.0.0", trusted_network=True, deploy="yes")
    warned(Settings(server=server), "may bring code")
    warned(Settings(server=server, worker=WorkerSettings(host_commands="yes")), "outside any container")


def test_a_header_is_believed_only_from_known_proxies() -> None:
    refused(Settings(server=ServerSettings(auth="remote-user")), "weaverlite.server.trusted_proxies")
    refused(
        Settings(server=ServerSettings(auth="remote-user", trusted_proxies=("proxy",))), "'proxy' is neither an address"
    )


def test_waits_leave_threads_for_others() -> None:
    refused(Settings(server=ServerSettings(threads=8, held_threads=8)), "weaverlite.server.held_threads = 8")


def test_a_public_url_is_a_url() -> None:
    refused(Settings(server=ServerSettings(url="example.org")), "weaverlite.server.url")


def test_a_shared_queue_needs_a_shared_store() -> None:
    queue = QueueSettings(url="celery+redis://redis:6379/0")
    refused(Settings(queue=queue), "SQLite", "mongodb://host/database")
    assert Settings(queue=QueueSettings(url="celery+redis://localhost:6379/0")).check() == (
        "A celery queue with an SQLite store serves workers on this host only.",
    )
    shared = Settings(queue=queue, store=StoreSettings(url="mongodb://mongo/weaverlite"))
    warned(shared, "weaverlite.publish.directory and weaverlite.vault.directory")


def test_an_embedded_queue_without_a_worker_is_told() -> None:
    warned(DEFAULTS, "weaverlite work", worker=False)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(store=StoreSettings(url="sqllite://")), "Did you mean sqlite?"),
        (Settings(queue=QueueSettings(url="celeri+redis://x")), "Did you mean celery?"),
        (dataclasses.replace(DEFAULTS, publish=dataclasses.replace(DEFAULTS.publish, publisher="locl")), "mean local?"),
    ],
)
def test_an_unknown_backend_is_refused_with_the_nearest_name(settings: Settings, words: str) -> None:
    refused(settings, "installed are", words)


def test_a_lease_outlives_some_heartbeats() -> None:
    worker = WorkerSettings(heartbeat=timedelta(seconds=10), lease=timedelta(seconds=29))
    refused(Settings(worker=worker), "weaverlite.worker.lease")


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "10.0.0.256", "host:80", "http://host", "a/b", "*"])
def test_an_allowed_network_must_be_one(entry: str) -> None:
    refused(Settings(egress=EgressSettings(allow_private=(entry,))), "weaverlite.egress.allow_private")


@pytest.mark.parametrize(
    "entry", ["10.0.0.0/8", "10.0.0.1", "fd00::/8", "data.internal", ".internal", "*.internal", "nas"]
)
def test_networks_addresses_and_names_may_be_allowed(entry: str) -> None:
    assert Settings(egress=EgressSettings(allow_private=(entry,))).check() == ()


@pytest.mark.parametrize("port", ["0", "65536", "90-80", "a", "80-", "-80", ""])
def test_ports_must_be_ports(port: str) -> None:
    refused(Settings(egress=EgressSettings(ports=(port,))), "weaverlite.egress.ports")


def test_only_known_schemes_leave() -> None:
    refused(Settings(egress=EgressSettings(schemes=("http", "gopher"))), "'gopher' is neither http nor https")


def test_certificates_must_be_there(tmp_path: Path) -> None:
    refused(Settings(egress=EgressSettings(ca_file=tmp_path / "ca.pem")), "ca.pem")


def test_references_to_files_never_reach_our_own(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (tmp_path / "link").symlink_to(data)
    for root in (data, tmp_path, data / "results", Path("/"), tmp_path / "link"):
        refused(Settings(data=data, egress=EgressSettings(file_roots=(root,))), "weaverlite.egress.file_roots")
    offered = tmp_path / "offered"
    warned(Settings(data=data, egress=EgressSettings(file_roots=(offered,))), "not a directory here")
    offered.mkdir()
    assert Settings(data=data, egress=EgressSettings(file_roots=(offered,))).check() == ()
