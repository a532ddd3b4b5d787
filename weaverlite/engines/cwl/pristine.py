"""Gives a parsed package back as it was: the reference runner writes into the tools it runs.

For an input of type ``Any`` it puts the type of the value it meets into the tool's own schema, so that a second run
with another type would fail; and what one run requires stays with the tool for ever.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cwltool.process import Process

_ANY = "org.w3id.cwl.salad.Any"


class Pristine(Process):
    """To be mixed into the classes of tools, before the runner's own."""

    inputs_record_schema: Any
    schemaDefs: Any

    def __init__(self, toolpath_object: Any, loadingContext: Any) -> None:
        super().__init__(toolpath_object, loadingContext)
        self._learns = _mentions_any(self.inputs_record_schema) or _mentions_any(self.schemaDefs)

    def _init_job(self, joborder: Any, runtime_context: Any) -> Any:
        if not self._learns:
            return super()._init_job(joborder, runtime_context)
        kept = self.inputs_record_schema, self.schemaDefs
        self.inputs_record_schema, self.schemaDefs = copy.deepcopy(kept)
        try:
            return super()._init_job(joborder, runtime_context)
        finally:
            self.inputs_record_schema, self.schemaDefs = kept


@contextmanager
def kept(tool: Process) -> Iterator[None]:
    """Keep requirements and hints of the process that is run, whatever the run adds to them."""
    requirements, hints = list(tool.requirements), list(tool.hints)
    try:
        yield
    finally:
        tool.requirements[:], tool.hints[:] = requirements, hints


def _mentions_any(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_mentions_any(item) for item in value.values())
    if isinstance(value, list):
        return any(_mentions_any(item) for item in value)
    return value in (_ANY, "Any")
