"""A job from its claim to its record, with real processes."""

from __future__ import annotations

import json

from tests.functional.execution.conftest import Worker, until
from weaverlite.models.process import InputDescription
from weaverlite.models.results import OutputDirectory, OutputFile
from weaverlite.ogc.status import StatusCode
from weaverlite.testing.execution import code, script

FILE = InputDescription(
    input_id="file", schema={"type": "string", "contentMediaType": "text/plain"}, type_name="File"
)


def test_a_script_leaves_outputs_streams_and_exit_code(worker: Worker) -> None:
    job = worker.run(script("echo out; echo err >&2; echo data > a.txt", {"a": "a.txt", "n": {"value": 42}}))
    assert job.status is StatusCode.SUCCESSFUL
    assert worker.text(job, "outputs/a/a.txt") == "data\n"
    assert worker.text(job, "stdout") == "out\n"
    assert worker.text(job, "stderr") == "err\n"
    assert worker.text(job, "exitCode") == "0\n"
    manifest = worker.manifest(job)
    assert manifest.outputs["n"] == 42
    assert isinstance(manifest.outputs["a"], OutputFile)
    assert manifest.outputs["a"].media_type == "text/plain"
    assert job.attempts[-1].exit_code == 0
    assert job.attempts[-1].usage.cpu_seconds is not None
    assert worker.left() == []


def test_its_history_tells_every_state_in_order(worker: Worker) -> None:
    job = worker.run(script("echo one; echo two"))
    assert worker.events(job, "status") == ["running", "successful"]
    assert worker.events(job, "stdout") == ["one", "two"]


def test_a_failing_script_leaves_what_it_made_and_says_why(worker: Worker) -> None:
    job = worker.run(script("echo half > a.txt; echo no such luck >&2; exit 3", {"a": "a.txt"}))
    assert job.status is StatusCode.FAILED
    assert job.failure is not None
    assert job.failure["reason"] == "execution"
    assert "exit code 3" in job.failure["detail"]
    assert "no such luck" in job.failure["detail"]
    assert worker.text(job, "exitCode") == "3\n"
    assert worker.text(job, "outputs/a/a.txt") == "half\n"
    assert job.attempts[-1].exit_code == 3


def test_an_inline_file_and_a_reference_are_staged(worker: Worker) -> None:
    inputs = {"file": {"href": "data:text/plain,from%20afar", "title": "b.txt"}, "other": "literal"}
    job = worker.run(script('cat "$INPUT_file"; echo; echo $INPUT_other; basename $INPUT_file'), inputs, (FILE,))
    assert worker.text(job, "stdout") == "from afar\nliteral\nb.txt\n"
    job = worker.run(script('cat "$INPUT_file"'), {"file": "the text itself"}, (FILE,))
    assert worker.text(job, "stdout") == "the text itself"


def test_an_input_that_cannot_be_had_fails_the_job_with_its_pointer(worker: Worker) -> None:
    job = worker.run(script("echo never"), {"file": {"href": "gopher://x/y"}}, (FILE,))
    assert job.status is StatusCode.FAILED
    assert job.failure is not None
    assert job.failure["reason"] == "staging"
    assert job.failure["errors"][0]["pointer"] == "/inputs/file"
    assert worker.text(job, "exitCode") == "1\n"
    assert worker.text(job, "stdout") == ""


def test_a_value_by_reference_is_parsed_and_checked(worker: Worker) -> None:
    number = InputDescription(input_id="n", schema={"type": "integer", "minimum": 10})
    job = worker.run(script("echo $INPUT_n"), {"n": {"href": "data:application/json,12"}}, (number,))
    assert worker.text(job, "stdout") == "12\n"
    job = worker.run(script("echo $INPUT_n"), {"n": {"href": "data:application/json,9"}}, (number,))
    assert job.failure is not None
    assert job.failure["errors"][0]["pointer"] == "/inputs/n/href"


def test_files_of_equal_names_get_numbered_folders(worker: Worker) -> None:
    job = worker.run(script("mkdir 1 2; echo 1 > 1/a; echo 2 > 2/a", {"all": ["1/a", "2/a"]}))
    assert worker.text(job, "outputs/all/0/a") == "1\n"
    assert worker.text(job, "outputs/all/1/a") == "2\n"


def test_an_output_named_outputs_lies_directly_in_outputs(worker: Worker) -> None:
    job = worker.run(script("echo 1 > a; echo 2 > b", {"outputs": "a", "b": "b"}))
    assert worker.text(job, "outputs/a") == "1\n"
    assert worker.text(job, "outputs/b/b") == "2\n"


def test_a_directory_is_collected_with_everything_in_it(worker: Worker) -> None:
    job = worker.run(script("mkdir -p d/e; echo 1 > d/e/f; echo 2 > d/g; ln -s g d/h", {"d": "d/"}))
    found = worker.manifest(job).outputs["d"]
    assert isinstance(found, OutputDirectory)
    assert [file.path for file in found.files] == ["outputs/d/d/e/f", "outputs/d/d/g", "outputs/d/d/h"]
    assert worker.text(job, "outputs/d/d/h") == "2\n"


def test_two_outputs_may_be_the_same_file(worker: Worker) -> None:
    job = worker.run(script("echo 1 > a", {"x": "a", "y": "a"}))
    assert worker.text(job, "outputs/x/a") == worker.text(job, "outputs/y/a") == "1\n"


def test_code_in_the_job_process_hands_an_input_on(worker: Worker) -> None:
    job = worker.run(code("outputs['same'] = run.inputs['file']"), {"file": "text"}, (FILE,))
    assert worker.text(job, "outputs/same/file.txt") == "text"


def test_steps_are_prefixed_in_the_file_and_named_in_the_events(worker: Worker) -> None:
    job = worker.run(script({"first": "echo 1; echo 2", "second": "printf 3"}))
    assert worker.text(job, "stdout") == "[first] 1\n[first] 2\n[second] 3\n"
    assert worker.events(job, "stdout") == ["1", "2", "3"]


def test_progress_and_words_of_a_run_are_recorded_while_it_runs(worker: Worker) -> None:
    running = worker.begin(
        code("import time\nrun.report.progress(40, 'nearly')\nrun.report.log('hm', 'warning')\ntime.sleep(2)")
    )
    until(lambda: worker.store.jobs.get(running.job.job_id).progress == 40, "no progress")
    assert worker.store.jobs.get(running.job.job_id).message == "nearly"
    assert "hm" in worker.events(running.job, "service")
    assert running.wait().progress == 100


def test_an_unexpected_error_of_an_engine_fails_the_job_only(worker: Worker) -> None:
    job = worker.run(code("raise RuntimeError('oh')"))
    assert job.failure is not None
    assert "RuntimeError: oh" in job.failure["detail"]
    assert worker.run(script("true")).status is StatusCode.SUCCESSFUL


def test_literals_that_json_does_not_know_are_refused(worker: Worker) -> None:
    job = worker.run(code("outputs['x'] = float('nan')"))
    assert job.failure is not None
    assert "'x' has no JSON form" in job.failure["detail"]
    json.dumps(job.failure, allow_nan=False)
