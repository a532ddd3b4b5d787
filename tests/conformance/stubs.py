"""Two services that are none: one answers 200 ``{}`` to everything, one 404. The suite must fail against both.

``python -m tests.conformance.stubs`` runs it against each in a process of its own and prints what came of it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.listening import listening

ROOT = Path(__file__).parents[2]
STATUSES = (200, 404)
#: The share of tests that must fail against a stub.
LEAST = 0.95


def _handler(status: int) -> type[BaseHTTPRequestHandler]:
    class Stub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body leave together: two small writes wait for each other.
        wbufsize = -1

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(b"{}")

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    return Stub


@contextmanager
def serving(status: int) -> Iterator[str]:
    """Serve a stub on a free port; yield its URL."""
    with listening(ThreadingHTTPServer(("127.0.0.1", 0), _handler(status))) as url:
        yield url


def run_against(status: int) -> tuple[int, int, list[str]]:
    """Run the suite against a stub; return how many tests failed, how many ran, and those that passed."""
    with serving(status) as url:
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "tests/conformance", "--service", url,
                "-q", "-n", "0", "-p", "no:randomly", "--tb=no", "-rpEX", "-o", "addopts=",
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
    passed = re.findall(r"^X?PASS(?:ED)? (\S+)", done.stdout, re.MULTILINE)
    broken = re.findall(r"^ERROR (\S+)", done.stdout, re.MULTILINE)
    last = done.stdout.strip().splitlines()[-1:] or [done.stderr]
    counts = {name: int(number) for number, name in re.findall(r"(\d+) (x?passed|x?failed)", last[0])}
    assert counts, f"the suite did not run against the stub:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    # A test that did not come to its own assertion proves nothing.
    assert not broken, f"fixtures failed instead of tests: {broken[:5]}"
    failed = counts.get("failed", 0) + counts.get("xfailed", 0)
    return failed, failed + counts.get("passed", 0) + counts.get("xpassed", 0), passed


def sentence(status: int, failed: int, ran: int) -> str:
    """Return the outcome in words."""
    return f"of {ran} tests {failed} fail ({failed / ran:.1%}) where everything answers {status}"


def main() -> None:
    """Run the suite against both stubs; end with 1 if too many of its tests pass."""
    is_good = True
    for status in STATUSES:
        failed, ran, passed = run_against(status)
        print(sentence(status, failed, ran), flush=True)
        if failed < LEAST * ran:
            is_good = False
            print("\n".join(passed))
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
