"""Measure, print the table, write the JSON: ``make bench``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks import figures


def main() -> None:
    """Run the figures named on the command line, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("figures", nargs="*", help="turnaround throughput help start memory listing download")
    parser.add_argument("--quick", action="store_true", help="fewer repeats: for a look, not for quoting")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()), help="where services keep data")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="directory of the JSON file")
    chosen = parser.parse_args()
    quick = chosen.quick
    scratch = Path(tempfile.mkdtemp(prefix="weaverlite-bench-", dir=chosen.scratch))
    table = {
        "turnaround": lambda: figures.turnaround(scratch, 5 if quick else 24),
        "throughput": lambda: figures.throughput(scratch, 200 if quick else 1000),
        "help": lambda: figures.help_page(5 if quick else 21),
        "start": lambda: figures.start(scratch, 2 if quick else 7),
        "memory": lambda: figures.memory(scratch),
        "listing": lambda: figures.listing(scratch, 5_000 if quick else 100_000),
        "download": lambda: figures.download(scratch, (1 << 28) if quick else (1 << 30)),
    }
    unknown = set(chosen.figures) - set(table)
    if unknown:
        parser.error(f"no figure is called {', '.join(sorted(unknown))}: there are {', '.join(table)}")
    rows: list[figures.Row] = []
    try:
        for name in chosen.figures or table:
            print(f"measuring {name} …", flush=True)
            rows += table[name]()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    _print(rows)
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    machine = {"cpus": len(os.sched_getaffinity(0)), "kernel": platform.release(), "python": platform.python_version()}
    path.write_text(json.dumps({"machine": machine, "quick": quick, "rows": figures.as_json(rows)}, indent=2))
    print(f"\nwritten to {path}")


def _print(rows: list[figures.Row]) -> None:
    cells = [("figure", "measured", "beside it", "at least", "aim")]
    cells += [(row.figure, row.value, row.beside, row.least, row.aim) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    print()
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
