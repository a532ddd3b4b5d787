"""A process description beside a package: what it may change, and what it may not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from weaverlite.errors import InvalidPackage
from weaverlite.models.package import CWL_MEDIA_TYPE, Package
from weaverlite.models.process import Description, InputDescription, OutputDescription, Process
from weaverlite.services.overrides import apply_overrides

PROCESS = Process(
    process_id="p",
    revision=1,
    package=Package.of(CWL_MEDIA_TYPE, {}),
    engine="cwl",
    created_at=datetime(2024, 1, 1, tzinfo=UTC),
    description=Description(
        title="Own",
        keywords=("own",),
        inputs=(InputDescription(input_id="depth", schema={"type": "integer"}, title="Depth"),),
        outputs=(OutputDescription(output_id="table", schema={"type": "string", "contentMediaType": "text/csv"}),),
    ),
)


def test_without_overrides_a_process_stays_as_it_is():
    assert apply_overrides(PROCESS, {}) is PROCESS


def test_words_replace_those_of_the_package_and_schemas_add_to_it():
    found = apply_overrides(
        PROCESS,
        {
            "id": "p",
            "title": "Mine",
            "description": "D",
            "keywords": ["a", "b"],
            "version": "2.0",
            "metadata": [{"title": "m"}],
            "jobControlOptions": ["async-execute"],
            "inputs": {
                "depth": {"description": "how deep", "schema": {"type": "integer", "minimum": 1}, "minOccurs": 1}
            },
            "outputs": {"table": {"title": "Table"}},
        },
    )
    assert (found.title, found.description.description, found.description.keywords) == ("Mine", "D", ("a", "b"))
    assert (found.version, found.metadata, found.job_control_options) == ("2.0", ({"title": "m"},), ("async-execute",))
    (depth,) = found.inputs
    assert (depth.title, depth.description) == ("Depth", "how deep")
    assert depth.schema == {"type": "integer", "minimum": 1}
    # How often a value is needed is what the package says: it is what runs.
    assert depth.min_occurs == 1
    assert found.outputs[0].title == "Table"
    assert found.outputs[0].schema == PROCESS.outputs[0].schema


def test_older_lists_of_inputs_are_read():
    found = apply_overrides(PROCESS, {"inputs": [{"id": "depth", "title": "How deep"}]})
    assert found.inputs[0].title == "How deep"


@pytest.mark.parametrize(
    ("overrides", "pointer", "words"),
    [
        ({"inputs": {"dept": {}}}, "/processDescription/inputs/dept", "is 'depth' meant?"),
        ({"outputs": {"x": {}}}, "/processDescription/outputs/x", "has no output 'x'"),
        ({"inputs": {"depth": {"schema": {"type": "string"}}}}, "/processDescription/inputs/depth/schema/type",
         "is 'string', but the package takes 'integer'"),
        ({"title": 3}, "/processDescription/title", "expected is a string"),
        ({"inputs": 3}, "/processDescription/inputs", "expected is an object"),
        ({"inputs": {"depth": 3}}, "/processDescription/inputs/depth", "expected is an object"),
        ({"jobControlOptions": ["sync"]}, "/processDescription/jobControlOptions/0", "sync-execute"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_package_is_refused(overrides, pointer, words):
    with pytest.raises(InvalidPackage) as caught:
        apply_overrides(PROCESS, overrides)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    assert words in caught.value.faults[0].message


def test_all_faults_are_told_at_once():
    with pytest.raises(InvalidPackage) as caught:
        apply_overrides(PROCESS, {"inputs": {"a": {}, "b": {}}, "outputs": {"c": {}}})
    assert len(caught.value.faults) == 3
