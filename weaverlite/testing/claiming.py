"""A worker process of the store contract: claims until there is nothing, and prints the id of each job it won.

``python -m weaverlite.testing.claiming STORE-CLASS SETTINGS`` with an import path ``module:Class`` and a pickled
:class:`~weaverlite.settings.Settings` in base64.
"""

from __future__ import annotations

import base64
import importlib
import os
import pickle
import subprocess
import sys
from dataclasses import replace

from weaverlite.settings import Settings
from weaverlite.stores.interfaces import Store
from weaverlite.testing.nouns import OFFER, after


def start(store_class: type[Store], settings: Settings) -> subprocess.Popen[str]:
    """Start a process that claims once it has read a line."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            __name__,
            f"{store_class.__module__}:{store_class.__qualname__}",
            base64.b64encode(pickle.dumps(settings)).decode("ascii"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def main(name: str, pickled: str) -> None:
    """Claim all there is, in the words of the module's docstring."""
    module, _, attribute = name.partition(":")
    store: Store = getattr(importlib.import_module(module), attribute).create(pickle.loads(base64.b64decode(pickled)))
    offer = replace(OFFER, worker=f"process-{os.getpid()}")
    store.ping()
    # Ready; and the claims of all processes begin together.
    print("ready", flush=True)
    sys.stdin.readline()
    while (job := store.jobs.claim(offer, after(3600))) is not None:
        print(job.job_id, flush=True)
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
