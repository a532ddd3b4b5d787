"""Our own kinds of the reference runner's processes: they stay as they were parsed, and their jobs are ours.

This module imports the reference runner: it is loaded inside job processes only.
"""

from __future__ import annotations

from typing import Any

from cwltool.command_line_tool import CommandLineTool, ExpressionTool
from cwltool.errors import WorkflowException
from cwltool.job import JobBase
from cwltool.process import Process
from cwltool.workflow import Workflow, default_make_tool

from weaverlite.engines.cwl.containers import ContainerJob
from weaverlite.engines.cwl.jobs import HostJob
from weaverlite.engines.cwl.pristine import Pristine


class Tool(Pristine, CommandLineTool):
    """A CommandLineTool whose jobs are ours."""

    def make_job_runner(self, runtimeContext: Any) -> type[JobBase]:
        if self.get_requirement("DockerRequirement")[0] is not None:
            return ContainerJob
        if not runtimeContext.session.run.host_commands:
            raise WorkflowException(
                "commands outside containers are not allowed here (weaverlite.worker.host_commands)"
            )
        return HostJob


class Expression(Pristine, ExpressionTool):
    """An ExpressionTool that stays as it was parsed."""


class Steps(Pristine, Workflow):
    """A Workflow that stays as it was parsed."""


_CLASSES = {"CommandLineTool": Tool, "ExpressionTool": Expression, "Workflow": Steps}


def construct_tool(document: Any, loading: Any) -> Process:
    """Build the runner's object of a process, of our classes."""
    kind = _CLASSES.get(document.get("class"))
    return kind(document, loading) if kind else default_make_tool(document, loading)
