"""Heating and cooling degree days of daily weather: a Python function that is a process."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from weaverlite.models.function import Context, PythonProcess
from weaverlite.models.process import InputDescription, OutputDescription


def degree_days(inputs: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Sum, over all days, how far the mean temperature lies below (heating) or above (cooling) the base."""
    base = inputs["base"]
    heating: dict[str, float] = defaultdict(float)
    cooling: dict[str, float] = defaultdict(float)
    with open(inputs["weather"].path, newline="", encoding="utf-8") as source:
        days = list(csv.DictReader(source))
    for number, day in enumerate(days, 1):
        mean = (float(day["temp_max"]) + float(day["temp_min"])) / 2
        heating[day["date"][:4]] += max(0.0, base - mean)
        cooling[day["date"][:4]] += max(0.0, mean - base)
        if number % 365 == 0:
            context.progress(100 * number // len(days), f"{number} of {len(days)} days")
    years = context.directory / "years.csv"
    with years.open("w", newline="", encoding="utf-8") as target:
        table = csv.writer(target, lineterminator="\n")
        table.writerow(["year", "heating", "cooling"])
        table.writerows([year, f"{heating[year]:.1f}", f"{cooling[year]:.1f}"] for year in sorted(heating))
    print(f"{len(days)} days, base {base} °C")
    return {
        "heating": round(sum(heating.values()), 1),
        "cooling": round(sum(cooling.values()), 1),
        "years": years,
    }


PROCESS = PythonProcess(
    process_id="degree-days",
    title="Degree days",
    description="Heating and cooling degree days of daily weather, in all and year by year.",
    keywords=("weather", "example"),
    inputs=(
        InputDescription(
            input_id="weather",
            title="Daily weather: CSV with the columns date, temp_max and temp_min",
            schema={"type": "string", "contentMediaType": "text/csv"},
            type_name="File",
        ),
        InputDescription(
            input_id="base",
            title="Base temperature, °C",
            schema={"type": "number", "minimum": -50, "maximum": 50, "default": 18},
            min_occurs=0,
        ),
    ),
    outputs=(
        OutputDescription(output_id="heating", title="Heating degree days", schema={"type": "number"}),
        OutputDescription(output_id="cooling", title="Cooling degree days", schema={"type": "number"}),
        OutputDescription(
            output_id="years",
            title="Degree days of each year",
            schema={"type": "string", "contentMediaType": "text/csv"},
            type_name="File",
        ),
    ),
    function=degree_days,
)
