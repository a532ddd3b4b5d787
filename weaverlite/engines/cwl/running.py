"""One run of a parsed package, from staged inputs to the outcome.

This module imports the reference runner: it is loaded inside job processes only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cwltool.process
from cwltool.errors import UnsupportedRequirement, WorkflowException
from schema_salad.exceptions import ValidationException

from weaverlite.engines.cwl.context import JobContext
from weaverlite.engines.cwl.executor import executor_of
from weaverlite.engines.cwl.javascript import evaluating
from weaverlite.engines.cwl.loading import Parsed
from weaverlite.engines.cwl.messages import listening, words
from weaverlite.engines.cwl.pristine import kept
from weaverlite.engines.cwl.session import Session
from weaverlite.engines.cwl.values import job_order, outputs_of
from weaverlite.engines.interfaces import Outcome, Run


class Running:
    """A run going on."""

    def __init__(self, run: Run, parsed: Parsed, container_command: str | None) -> None:
        self._tool = parsed.tool
        self._session = Session(
            run=run,
            is_workflow=parsed.tool.tool["class"] == "Workflow",
            container_command=container_command,
            # The standard's first version gives the network to everyone; here it is for those who ask.
            network=parsed.admitted.version != "v1.0" or parsed.admitted.network,
        )

    def outcome(self) -> Outcome:
        """Run the package and return how it ended.

        :raises UnsafeOutput: it left an output that may not be collected.
        :raises EngineError: its inputs cannot be given to it.
        """
        run = self._session.run
        order = job_order(self._tool.tool["inputs"], run.inputs)
        with listening(run.report) as errors, evaluating(run), kept(self._tool):
            produced, failure = self._execute(order, errors)
        if self._session.unsafe is not None:
            raise self._session.unsafe
        if failure:
            return Outcome(exit_code=self._exit_code(), failure=failure)
        return Outcome(exit_code=0, outputs=outputs_of(self._tool.tool["outputs"], produced, self._session))

    def _execute(self, order: dict[str, Any], errors: list[str]) -> tuple[Mapping[str, Any], str]:
        """Return the output object and why the run failed, empty if it did not."""
        context = JobContext(self._session)
        # Names of jobs are told apart within the process; each run counts its own.
        cwltool.process._names.clear()
        try:
            produced, status = executor_of(context).execute(self._tool, order, context)
        except (WorkflowException, UnsupportedRequirement, ValidationException, OSError, RecursionError) as error:
            return {}, self._reason(words(str(error)) or type(error).__name__, errors)
        if status == "success" and produced is not None:
            return produced, ""
        return {}, self._reason("", errors)

    def _reason(self, raised: str, errors: list[str]) -> str:
        """Return the sentence that tells most: what became of a tool, what was raised, or what was only logged."""
        if self._session.failures:
            return self._session.failures[0].sentence
        # The first of these only says which step the next one is about.
        telling = [error for error in errors if not error.startswith("Exception on step")] or errors
        said = raised or next(iter(telling), "")
        if not said:
            return "The package ended without its outputs."
        return f"The package could not be run: {self._session.plain(said)}"

    def _exit_code(self) -> int:
        return self._session.failures[0].exit_code if self._session.failures else 1
