"""Runs the steps of a workflow: several at a time, as cores and memory allow, and tells how far it is.

This module imports the reference runner: it is loaded inside job processes only.
"""

from __future__ import annotations

import logging
import math
import threading
from typing import Any

from cwltool.errors import WorkflowException
from cwltool.executors import JobExecutor, MultithreadedJobExecutor, SingleJobExecutor
from cwltool.job import JobBase
from cwltool.process import Process
from cwltool.task_queue import TaskQueue
from cwltool.workflow_job import WorkflowJob

from weaverlite.engines.cwl.context import JobContext

#: Seconds after which a wait for steps looks again by itself: a step says that it has ended a moment before it is
#: counted as ended, and the runner's own wait of 3 s would be slept through then.
_LOOK = 0.05


def executor_of(context: JobContext) -> JobExecutor:
    """Return what runs a package in this context."""
    return StepExecutor(context) if context.session.is_workflow else SingleJobExecutor()


class StepExecutor(MultithreadedJobExecutor):
    """Runs steps in threads. Unlike the runner's own it lets running steps end when another one raises an error."""

    def __init__(self, context: JobContext) -> None:
        super().__init__()
        self._session = context.session
        self.max_cores = context.select_resources.cores
        self.max_ram = context.select_resources.ram
        self._workflow: WorkflowJob | None = None
        self._told = -1

    def run_jobs(self, process: Process, job_order_object: Any, logger: logging.Logger, runtime_context: Any) -> None:
        lock: threading.Condition = runtime_context.workflow_eval_lock
        self.taskqueue = TaskQueue(threading.Lock(), math.ceil(self.max_cores))
        try:
            # Released before the threads are joined: they need it to end.
            with lock:
                for job in process.job(job_order_object, self.output_callback, runtime_context):
                    self._take(job)
                    self.run_job(job, runtime_context)
                    self._tell()
                    if job is None and not self._wait(runtime_context):
                        raise WorkflowException("the workflow cannot make any more progress")
                self.run_job(None, runtime_context)
                while self._wait(runtime_context):
                    self.run_job(None, runtime_context)
                self._tell()
        finally:
            self.taskqueue.drain()
            self.taskqueue.join()

    def _take(self, job: Any) -> None:
        if isinstance(job, WorkflowJob) and self._workflow is None:
            self._workflow = job
        if isinstance(job, JobBase) and job.outdir is not None:
            self.output_dirs.add(job.outdir)

    def _wait(self, runtime_context: Any) -> bool:
        """Wait for a step to end; return whether any was running."""
        running: bool = self.taskqueue.in_flight > 0
        if running:
            runtime_context.workflow_eval_lock.wait(_LOOK)
        if self.exceptions:
            raise self.exceptions[0]
        self._tell()
        return running

    def _tell(self) -> None:
        if self._workflow is None:
            return
        total = len(self._workflow.steps)
        done = sum(1 for step in self._workflow.steps if step.completed)
        if done != self._told:
            self._told = done
            self._session.run.report.progress(100 * done // max(total, 1), f"{done} of {total} steps done")
