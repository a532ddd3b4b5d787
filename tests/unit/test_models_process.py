from __future__ import annotations

from datetime import UTC, datetime

import pytest

from weaverlite.errors import InvalidRequest
from weaverlite.models.package import CWL_MEDIA_TYPE, Package
from weaverlite.models.process import Description, InputDescription, Process, check_process_id


@pytest.mark.parametrize("process_id", ["a", "Echo-2.0", "_x", "9", "a" * 128, "x..y"])
def test_an_id_of_a_process_is_returned(process_id: str) -> None:
    assert check_process_id(process_id) == process_id


@pytest.mark.parametrize(
    "process_id",
    ["", ".", "..", ".hidden", "-x", "a/b", "../admin", "a b", "a\n", "é", "a" * 129, "a" * 100_000, "a:b"],
)
def test_what_cannot_be_an_id_is_refused_with_its_place(process_id: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_process_id(process_id, "path", "processID")
    (fault,) = caught.value.faults
    assert (fault.location, fault.pointer) == ("path", "processID")
    assert len(fault.message) < 400


def test_the_digest_of_a_package_is_that_of_its_content() -> None:
    one = Package.of(CWL_MEDIA_TYPE, {"a": 1, "b": [True, None]})
    assert one == Package.of(CWL_MEDIA_TYPE, {"b": [True, None], "a": 1})
    assert one.digest.startswith("sha256:") and len(one.digest) == 71
    others = [
        Package.of(CWL_MEDIA_TYPE, {"a": 1, "b": [1, None]}),
        Package.of("application/json", {"a": 1, "b": [True, None]}),
        Package.of(CWL_MEDIA_TYPE, {"a": 1}),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 4
    assert Package.of(CWL_MEDIA_TYPE, {"lone": "\ud800"}).digest


@pytest.mark.parametrize(
    ("type_name", "is_file"),
    [("File", True), ("File[]", True), ("Directory?", True), ("Directory", True), ("", False), ("string", False)],
)
def test_inputs_that_become_files_are_known(type_name: str, is_file: bool) -> None:
    assert InputDescription(input_id="x", schema={}, type_name=type_name).is_file is is_file


def test_a_replaced_process_is_the_next_revision_of_the_same_id() -> None:
    process = Process(
        process_id="p",
        revision=4,
        package=Package.of(CWL_MEDIA_TYPE, {}),
        engine="cwl",
        description=Description(title="", inputs=(InputDescription(input_id="x", schema={}),)),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    successor = Process(
        process_id="other",
        revision=1,
        package=Package.of(CWL_MEDIA_TYPE, {"a": 1}),
        engine="cwl",
        description=Description(title="New"),
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    replaced = process.replaced(successor)
    assert (replaced.process_id, replaced.revision, replaced.title) == ("p", 5, "New")
    assert process.title == "p" and process.inputs[0].input_id == "x" and process.outputs == ()
