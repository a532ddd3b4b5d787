"""The demo is real work on real data: what it answers is computed again here, from the data alone."""

from __future__ import annotations

import csv
import json
import os
import shutil
import statistics
import struct
import subprocess
import zlib
from collections import defaultdict
from pathlib import Path

import pytest
import vega_datasets

from tests.integration.conftest import BIN, EXAMPLES, ROOT, Service, serving

pytestmark = pytest.mark.integration

SEATTLE = EXAMPLES / "seattle-weather"
DATA = SEATTLE / "seattle-weather.csv"


def months_of(path: Path) -> dict[str, list[dict[str, str]]]:
    """Return the days of each month, read with nothing but the standard library."""
    months = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as source:
        for day in csv.DictReader(source):
            year, month, _ = day["date"].split("/")
            months[f"{year}-{month}"].append(day)
    return dict(months)


def warmest_month(path: Path) -> str:
    means = {
        month: statistics.fmean(float(day["temp_max"]) for day in days) for month, days in months_of(path).items()
    }
    return max(means, key=lambda month: means[month])


def record_count(path: Path) -> int:
    return sum(map(len, months_of(path).values()))


@pytest.fixture(scope="module")
def deployed(service: Service) -> Service:
    service.run("deploy", "-p", "seattle-weather", "--cwl", SEATTLE / "package.cwl")
    return service


def execute(service: Service, inputs: Path, target: Path) -> Path:
    """Execute the workflow; return the directory of the job, which is the last line printed."""
    done = service.run("execute", "-p", "seattle-weather", "-I", inputs, "--monitor", "-oD", target)
    return Path(done.stdout.splitlines()[-1])


def test_the_data_is_the_published_file() -> None:
    assert DATA.read_bytes() == Path(vega_datasets.data.seattle_weather.filepath).read_bytes()


def test_literals_are_those_of_the_data(deployed: Service, tmp_path: Path) -> None:
    job = execute(deployed, SEATTLE / "inputs.json", tmp_path)
    results = json.loads((job / "results.json").read_text(encoding="utf-8"))
    assert results["record_count"] == record_count(DATA) == 1461
    assert results["warmest_month"] == warmest_month(DATA)


def test_table_agrees_with_the_data(deployed: Service, tmp_path: Path) -> None:
    job = execute(deployed, SEATTLE / "inputs.json", tmp_path)
    with (job / "outputs" / "table" / "monthly.csv").open(newline="", encoding="utf-8") as source:
        rows = {row["month"]: row for row in csv.DictReader(source)}
    months = months_of(DATA)
    assert rows.keys() == months.keys()
    for month, days in months.items():
        assert int(rows[month]["days"]) == len(days)
        mean = statistics.fmean(float(day["temp_max"]) for day in days)
        assert float(rows[month]["temp_max_mean"]) == pytest.approx(mean, abs=0.006)
        rain = sum(float(day["precipitation"]) for day in days)
        assert float(rows[month]["precipitation"]) == pytest.approx(rain, abs=0.06)


def test_chart_is_an_image_with_a_line_for_each_year(deployed: Service, tmp_path: Path) -> None:
    job = execute(deployed, SEATTLE / "inputs.json", tmp_path)
    content = (job / "outputs" / "plot" / "plot.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    length = struct.unpack(">I", content[33:37])[0]
    pixels = zlib.decompress(content[41 : 41 + length])
    assert len(pixels) == height * (1 + 3 * width)
    rows = [pixels[y * (1 + 3 * width) + 1 : (y + 1) * (1 + 3 * width)] for y in range(height)]
    colours = {row[x : x + 3] for row in rows for x in range(0, len(row), 3)}
    for colour in ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167)):
        assert bytes(colour) in colours


def test_changed_data_changes_the_answer(deployed: Service, tmp_path: Path) -> None:
    changed = tmp_path / "inputs" / "changed.csv"
    changed.parent.mkdir()
    lines = DATA.read_text(encoding="utf-8").splitlines()
    hot = next(number for number, line in enumerate(lines) if line.startswith("2013/01/15"))
    fields = lines[hot].split(",")
    fields[2] = "900.0"
    lines[hot] = ",".join(fields)
    del lines[-1]
    changed.write_text("\n".join(lines) + "\n", encoding="utf-8")
    inputs = changed.with_name("inputs.json")
    inputs.write_text(json.dumps({"weather": {"class": "File", "path": "changed.csv"}}), encoding="utf-8")
    job = execute(deployed, inputs, tmp_path / "outputs")
    results = json.loads((job / "results.json").read_text(encoding="utf-8"))
    assert results["warmest_month"] == warmest_month(changed) == "2013-01"
    assert results["record_count"] == record_count(changed) == 1460


def test_a_year_without_data_fails_with_the_words_of_the_step(deployed: Service, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs.json"
    inputs.write_text(
        json.dumps({"weather": {"class": "File", "path": str(DATA)}, "years": [1999]}), encoding="utf-8"
    )
    done = deployed.run(
        "execute", "-p", "seattle-weather", "-I", inputs, "--monitor", "-oD", tmp_path / "outputs", status=1
    )
    job = Path(done.stdout.splitlines()[-1])
    assert "There is no day of the year 1999 in the data." in (job / "stderr").read_text(encoding="utf-8")
    assert (job / "exitCode").read_text(encoding="utf-8").strip() == "1"


@pytest.fixture(scope="module")
def all_inputs(service: Service) -> Service:
    service.run("deploy", "-b", EXAMPLES / "all-inputs" / "body.yaml")
    return service


def test_every_kind_of_input_arrives(all_inputs: Service, tmp_path: Path) -> None:
    example = EXAMPLES / "all-inputs"
    done = all_inputs.run(
        "execute", "-p", "all-inputs", "-I", example / "inputs.yaml", "--monitor", "-oD", tmp_path, cwd=tmp_path
    )
    job = Path(done.stdout.splitlines()[-1])
    results = json.loads((tmp_path / job / "results.json").read_text(encoding="utf-8"))
    assert results["names"] == ["heraclitus.txt", "proverbs.txt", "jowett.txt"]
    assert results["best"] == 0.5
    assert results["searched"] == 5
    found = tmp_path / job / "outputs" / "found"
    assert sorted(path.name for path in found.rglob("*.txt")) == ["1-heraclitus.txt", "2-proverbs.txt", "3-jowett.txt"]
    report = json.loads((tmp_path / job / "outputs" / "report" / "report.json").read_text(encoding="utf-8"))
    assert report["note"] is None


def test_all_faults_of_a_request_come_at_once(all_inputs: Service) -> None:
    refused = all_inputs.run(
        "execute", "-p", "all-inputs", "-I", "word=river", "-I", "match=perhaps", "-I", "threshold=2", status=3
    )
    assert refused.stdout == ""
    for name in ("match", "threshold", "first", "folder"):
        assert name in refused.stderr


def test_words_are_counted(service: Service, tmp_path: Path) -> None:
    example = EXAMPLES / "word-count"
    service.run("deploy", "-p", "word-count", "--cwl", example / "package.cwl")
    done = service.run("execute", "-p", "word-count", "-I", example / "inputs.yaml", "--monitor", "-oD", tmp_path)
    job = Path(done.stdout.splitlines()[-1])
    results = json.loads((job / "results.json").read_text(encoding="utf-8"))
    assert (results["lines"], results["words"]) == (34, 167)
    table = (job / "outputs" / "frequencies" / "frequencies.csv").read_text().splitlines()
    assert table[:2] == ["word,count", "the,19"]


def test_an_installed_python_function_is_a_process(tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    source = tmp_path / "source"
    shutil.copytree(EXAMPLES / "python-function", source)
    pip = [BIN / "python", "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--target", plugins, source], check=True, timeout=240)
    with serving(tmp_path, PYTHONPATH=str(plugins)) as service:
        described = json.loads(service.run("describe", "-p", "degree-days", "-F", "json").stdout)
        assert described["inputs"]["base"]["schema"]["maximum"] == 50
        done = service.run(
            "execute",
            "-p",
            "degree-days",
            "-I",
            EXAMPLES / "python-function" / "inputs.json",
            "--monitor",
            "-oD",
            tmp_path / "outputs",
        )
        job = Path(done.stdout.splitlines()[-1])
        results = json.loads((job / "results.json").read_text(encoding="utf-8"))
        assert (results["heating"], results["cooling"]) == (9106.0, 832.2)
        assert len((job / "outputs" / "years" / "years.csv").read_text().splitlines()) == 5


@pytest.mark.timeout(400)
@pytest.mark.parametrize("queue", ["embedded", pytest.param("celery", marks=pytest.mark.redis)])
def test_make_demo_runs_from_deployment_to_files(queue: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "demo", f"QUEUE={queue}"],
        cwd=ROOT,
        env=environment_for_make(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{record_count(DATA)} days were read; the warmest month was {warmest_month(DATA)}." in done.stdout
    chart = (ROOT / done.stdout.splitlines()[-1].removeprefix("The chart is ")).resolve()
    assert chart.is_file() and tmp_path in chart.parents


def environment_for_make(outputs: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WEAVERLITE_", "MAKE", "MFLAGS"))}
    return {**kept, "OUTPUTS": str(outputs)}
