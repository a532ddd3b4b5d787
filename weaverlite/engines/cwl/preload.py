"""Loading the reference runner and the schemas of CWL, once, in a process that is about to be forked.

Reading the schemas takes two seconds of CPU, so what came of it is kept in a file beside the service's data: the next
start reads it in milliseconds. A file that is not ours, is broken or belongs to other releases is not used.

This module imports the reference runner: it is loaded inside job processes only.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import pickle
import stat
import tempfile
from pathlib import Path
from typing import Any

from cwltool.process import SCHEMA_CACHE, get_schema
from schema_salad.ref_resolver import Loader

from weaverlite.engines.cwl.jobs import take_over
from weaverlite.engines.cwl.messages import silence

#: The versions packages are written in, and the one the runner brings them all to.
VERSIONS = ("v1.0", "v1.1", "v1.2", "v1.3.0-dev1")
#: What the runner looks up in the schema of v1.0 for every process it builds.
_TYPES = ("https://w3id.org/cwl/cwl#File", "https://w3id.org/cwl/cwl#Directory", "https://w3id.org/cwl/salad#Any")


def load(cache: Path | None) -> None:
    """Make this process ready to run packages. A second call does nothing.

    ``cache`` is the directory of the snapshot; it is made if it is missing. None: the schemas are read each time.
    """
    silence()
    take_over()
    if all(version in SCHEMA_CACHE for version in VERSIONS):
        return
    file = cache / f"cwl-schemas-{_releases()}.pickle" if cache is not None else None
    if file is not None and _restore(file):
        return
    for version in VERSIONS:
        get_schema(version)
    if file is not None:
        # A start without the snapshot is slow, and no reason to fail.
        with contextlib.suppress(OSError):
            _store(file)


def _releases() -> str:
    return "-".join(importlib.metadata.version(name) for name in ("cwltool", "schema-salad", "ruamel.yaml", "rdflib"))


def _store(file: Path) -> None:
    """Write the snapshot so that it appears whole or not at all; of several that write it one wins."""
    kept = {}
    for version in VERSIONS:
        loader, names, metadata, schema = SCHEMA_CACHE[version]
        types = {name: schema.idx[name] for name in _TYPES} if version == "v1.0" else {}
        texts = {url: text for url, text in loader.cache.items() if isinstance(text, str)}
        kept[version] = (loader.ctx, loader.graph, texts, names, metadata, types)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".cwl-schemas-")
    try:
        with open(handle, "wb") as written:
            pickle.dump(kept, written, protocol=pickle.HIGHEST_PROTOCOL)
        os.replace(temporary, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _restore(file: Path) -> bool:
    """Fill the runner's cache from the snapshot; return whether that went well."""
    try:
        with open(file, "rb") as read:
            if not _is_ours(os.fstat(read.fileno())):
                return False
            kept: dict[str, Any] = pickle.load(read)
        for version in VERSIONS:
            context, graph, texts, names, metadata, types = kept[version]
            loader = Loader(context, schemagraph=graph, cache=texts, doc_cache=False)
            schema = Loader({}, doc_cache=False)
            for name, item in types.items():
                schema.idx[name] = item
            SCHEMA_CACHE[version] = (loader, names, metadata, schema)
    except Exception:  # a pickle that was cut off raises nearly anything; the schemas are then read instead
        SCHEMA_CACHE.clear()
        return False
    return True


def _is_ours(found: os.stat_result) -> bool:
    """Whether only this user could have written the file: reading it runs code."""
    return found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o022
