"""Container images as execution units, run with the local engine."""

from __future__ import annotations

from pathlib import Path

from tests.functional.engines.conftest import CWL, IMAGE
from weaverlite.engines.cwl.engine import CWLEngine
from weaverlite.engines.images import compile_image


def test_an_image_runs_with_its_bindings(tmp_path: Path, schema_cache: Path, docker: str) -> None:
    # The image has no entry point: its command is what the inputs say.
    unit = {
        "type": "docker",
        "image": f"docker://{IMAGE}",
        "config": {"memoryMax": 1, "jobTimeout": 60},
        "bindings": {
            "inputBindings": {"shell": {"position": 1}, "option": {"position": 2}, "script": {"position": 3}},
            "outputBindings": {"number": {"glob": "n.txt"}, "table": {"glob": "*.csv"}},
        },
    }
    text = {"schema": {"type": "string"}}
    description = {
        "inputs": {"shell": text, "option": text, "script": text},
        "outputs": {
            "number": {"schema": {"type": "number"}},
            "table": {"schema": {"type": "string", "contentMediaType": "text/csv"}},
        },
    }
    boxed = CWL(tmp_path, CWLEngine(schema_cache=schema_cache, container_command=docker))
    script = "echo 3.5 > n.txt; echo a,b > x.csv"
    outcome = boxed.run(compile_image(unit, description), {"shell": "sh", "option": "-c", "script": script})
    assert (outcome.exit_code, outcome.failure) == (0, "")
    assert outcome.outputs["number"] == 3.5
    assert outcome.outputs["table"].path.read_text() == "a,b\n"
