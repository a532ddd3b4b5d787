"""Deploying, replacing and undeploying over a real store; only the describing is a table."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from weaverlite.engines.images import compile_image
from weaverlite.engines.python import builtin_processes
from weaverlite.errors import (
    DeploymentRefused,
    DuplicatedProcess,
    Fault,
    ImmutableProcess,
    InvalidPackage,
    InvalidRequest,
    NoSuchProcess,
    Refused,
)
from weaverlite.models.process import Description, InputDescription
from weaverlite.models.queries import ProcessQuery
from weaverlite.services.packages import Packages
from weaverlite.services.processes import Processes
from weaverlite.settings import LimitsSettings


def describe(package):
    """Read the few words of a package that these tests write."""
    tool = package.document
    if "bad" in tool:
        raise InvalidPackage(faults=[Fault(tool["bad"], "/bad")])
    inputs = tuple(InputDescription(input_id=name, schema=schema) for name, schema in tool.get("inputs", {}).items())
    return "cwl", Description(
        process_id=tool.get("id", ""),
        title=tool.get("label", ""),
        inputs=inputs,
        host_commands="requirements" not in tool,
    )


def deployment(process_id="tool", *, description=None, path=None, **members):
    tool = {"cwlVersion": "v1.2", "class": "CommandLineTool", **({"id": process_id} if process_id else {}), **members}
    body = {"processDescription": description or {}, "executionUnit": tool}
    packages = Packages({}, compile_image, LimitsSettings())
    return packages.read(json.dumps(body).encode(), "application/ogcapppkg+json", process_id=path)


@pytest.fixture
def processes(store):
    return Processes(store, describe, deploy_allowed=True, host_commands=True)


def test_a_deployed_process_is_what_package_and_description_say(processes):
    sent = deployment("tool", label="Own", description={"id": "mine", "title": "Mine", "version": "2.1"})
    found = processes.deploy(sent, "ann")
    assert processes.get("mine") == found
    assert (found.title, found.version, found.owner, found.revision, found.engine) == ("Mine", "2.1", "ann", 1, "cwl")
    assert found.mutable
    assert found.deployed == sent.deployed
    assert [item.process_id for item in processes.find(ProcessQuery()).items] == ["mine"]


def test_a_process_needs_an_id(processes):
    with pytest.raises(InvalidPackage, match="name the process"):
        processes.deploy(deployment(None), None)
    with pytest.raises(InvalidRequest, match="cannot be the id"):
        processes.deploy(deployment("a tool"), None)


def test_deploying_twice_is_a_clash(processes):
    processes.deploy(deployment(), None)
    with pytest.raises(DuplicatedProcess) as caught:
        # Known before the package is looked at.
        processes.deploy(deployment(bad="very"), None)
    assert caught.value.status == 409


def test_what_cannot_be_run_is_refused_with_the_faults_of_its_engine(processes):
    with pytest.raises(InvalidPackage, match="/bad: very"):
        processes.deploy(deployment(bad="very"), None)
    with pytest.raises(NoSuchProcess):
        processes.get("tool")


def test_schemas_that_inputs_cannot_be_held_against_are_refused(processes):
    with pytest.raises(InvalidPackage) as caught:
        processes.deploy(deployment(inputs={"a": {"pattern": "("}, "b": {"$ref": "http://127.0.0.1/"}}), None)
    assert [fault.pointer for fault in caught.value.faults] == [
        "/processDescription/inputs/a/schema",
        "/processDescription/inputs/b/schema/$ref",
    ]


def test_a_replacement_is_a_new_revision_and_keeps_the_old_one(processes):
    first = processes.deploy(deployment(label="One"), "ann")
    second = processes.replace("tool", deployment("other", label="Two", path="tool"), "ann")
    assert (second.process_id, second.revision, second.title) == ("tool", 2, "Two")
    assert processes.get("tool") == second
    assert processes.get("tool", 1) == first
    with pytest.raises(NoSuchProcess):
        processes.replace("nope", deployment(path="nope"), "ann")


def test_replacements_at_the_same_time_all_count(processes):
    processes.deploy(deployment(), None)
    threads = [
        threading.Thread(target=processes.replace, args=("tool", deployment(label=str(number), path="tool"), None))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert processes.get("tool").revision == 5


def test_an_undeployed_process_is_gone_and_its_id_free_but_its_numbers_are_not(processes):
    processes.deploy(deployment(label="One"), None)
    processes.undeploy("tool", None)
    with pytest.raises(NoSuchProcess):
        processes.get("tool")
    with pytest.raises(NoSuchProcess):
        processes.undeploy("tool", None)
    assert processes.deploy(deployment(label="Two"), None).revision == 2
    assert processes.get("tool", 1).title == "One"


def test_a_process_is_changed_by_its_owner_only(processes):
    processes.deploy(deployment(), "ann")
    with pytest.raises(Refused, match="somebody else"):
        processes.replace("tool", deployment(path="tool"), "bob")
    with pytest.raises(Refused):
        processes.undeploy("tool", None)
    processes.undeploy("tool", "ann")


def test_services_that_take_no_deployments_say_which_setting_it_is(store):
    closed = Processes(store, describe, deploy_allowed=False, host_commands=True)
    for refused in (
        lambda: closed.deploy(deployment(), None),
        lambda: closed.replace("tool", deployment(path="tool"), None),
        lambda: closed.undeploy("tool", None),
    ):
        with pytest.raises(DeploymentRefused, match="weaverlite.server.deploy"):
            refused()


def test_host_commands_are_refused_at_deployment(store):
    strict = Processes(store, describe, deploy_allowed=True, host_commands=False)
    with pytest.raises(DeploymentRefused, match="weaverlite.worker.host_commands"):
        strict.deploy(deployment(), None)
    assert strict.deploy(deployment(requirements={"DockerRequirement": {}}), None)


# ---------------------------------------------------------------- built-in processes


@pytest.fixture
def builtin():
    return builtin_processes(datetime(2024, 1, 1, tzinfo=UTC))


def test_builtin_processes_are_installed_once(processes, builtin):
    processes.install_builtin(builtin)
    processes.install_builtin([replace(item, created_at=datetime.now(UTC)) for item in builtin])
    assert processes.get("echo").revision == 1
    assert not processes.get("echo").mutable


def test_a_builtin_process_of_a_newer_release_is_a_new_revision(processes, builtin):
    processes.install_builtin(builtin)
    processes.install_builtin([replace(item, version="9.0") for item in builtin])
    assert (processes.get("echo").revision, processes.get("echo").version) == (2, "9.0")


def test_services_that_start_at_once_install_one_revision(store, builtin):
    threads = [
        threading.Thread(
            target=Processes(store, describe, deploy_allowed=True, host_commands=True).install_builtin, args=(builtin,)
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.processes.get("echo").revision == 1


def test_a_builtin_process_cannot_be_changed(processes, builtin):
    processes.install_builtin(builtin)
    for refused in (
        lambda: processes.deploy(deployment("echo"), None),
        lambda: processes.replace("echo", deployment(path="echo"), None),
        lambda: processes.undeploy("echo", None),
    ):
        with pytest.raises(ImmutableProcess) as caught:
            refused()
        assert caught.value.status == 403


def test_a_deployed_process_is_not_taken_over_by_a_builtin_one(processes, builtin, caplog):
    mine = processes.deploy(deployment("echo"), "ann")
    processes.install_builtin(builtin)
    assert processes.get("echo") == mine
    assert "hidden by a deployed one" in caplog.text
