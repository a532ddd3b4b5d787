"""Evaluating the JavaScript of expressions: with QuickJS in this process, else with node as a tool of the job.

QuickJS has no files, no network and no processes to offer. Node has all of them, so it is started as tools are, with
nothing in its environment but the marks of the job, and ended with the run.

This module imports the reference runner's library: it is loaded inside job processes only.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from cwl_utils.errors import JavascriptException
from cwl_utils.sandboxjs import JSEngine, NodeJSEngine, code_fragment_to_js, set_js_engine

from weaverlite.engines.interfaces import Run

_MEMORY = 256 * 2**20
_STACK = 512 * 2**10
_ERROR = re.compile(r"^\w*Error: .*$", re.MULTILINE)


class QuickJS(NodeJSEngine):
    """QuickJS.

    Its limit of time counts the CPU of the process and is not looked at inside built-in functions; the limits of the
    job hold in any case, because the job process can be killed.
    """

    def __init__(self, module: Any) -> None:
        super().__init__()
        self._module = module

    def eval(self, scan: str, jslib: str = "", timeout: float = 60, **kwargs: Any) -> Any:
        # A context of its own for each expression, in the thread that uses it: nothing is shared or left over.
        context = self._module.Context()
        context.set_memory_limit(_MEMORY)
        context.set_max_stack_size(_STACK)
        context.set_time_limit(int(timeout))
        try:
            # The expression stands in a string of its own so that it cannot close the brackets around it.
            context.set("weaverliteExpression", code_fragment_to_js(scan, jslib))
            text = context.eval("JSON.stringify((0, eval)(weaverliteExpression))")
        except self._module.JSException as error:
            raise JavascriptException(f"{str(error).strip().partition(chr(10))[0]} in {scan[:200]}") from error
        if text is None:
            raise JavascriptException(f"it has no value: {scan[:200]}")
        return json.loads(text)


class Node(NodeJSEngine):
    """Node, one process for each thread of a run that needs one."""

    def __init__(self, command: str, run: Run) -> None:
        super().__init__()
        self._command = command
        self._run = run
        # The class has one for all its instances, with processes of runs that are over.
        self.localdata = threading.local()
        self._started: list[subprocess.Popen[bytes]] = []

    def new_js_proc(self, js_text: str, force_docker_pull: bool = False, container_engine: str = "docker") -> Any:
        process = self._run.launch(
            [self._command, "--disallow-code-generation-from-strings", "--eval", js_text],
            cwd=self._run.directory,
            env=dict(self._run.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._started.append(process)
        return process

    def eval(self, scan: str, *arguments: Any, **kwargs: Any) -> Any:
        try:
            return super().eval(scan, *arguments, **kwargs)
        except JavascriptException as error:
            # The rest of it is the whole script, with every input in it.
            if found := _ERROR.search(str(error)):
                raise JavascriptException(f"{found[0]} in {scan[:200]}") from error
            raise

    def end(self) -> None:
        """End all processes."""
        for process in self._started:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()


class Nothing(NodeJSEngine):
    """Says what is missing. Plain references such as ``$(inputs.x)`` need no engine and still work."""

    def eval(self, scan: str, jslib: str = "", timeout: float = 60, **kwargs: Any) -> Any:
        raise JavascriptException(
            "the package uses JavaScript and this node has nothing to evaluate it with: install weaverlite[js], or node"
        )


@contextmanager
def evaluating(run: Run) -> Iterator[None]:
    """Evaluate JavaScript for this run meanwhile."""
    engine = _choose(run)
    set_js_engine(engine)
    try:
        yield
    finally:
        set_js_engine(_NOTHING)
        if isinstance(engine, Node):
            engine.end()


def _choose(run: Run) -> JSEngine:
    if importlib.util.find_spec("quickjs") is not None:
        import quickjs

        return QuickJS(quickjs)
    command = shutil.which("node") or shutil.which("nodejs")
    return Node(command, run) if command else _NOTHING


_NOTHING = Nothing()
