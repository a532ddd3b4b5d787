"""Every setting with its default, read once into one frozen value.

``Settings.from_mapping`` takes the ``weaverlite.*`` keys of an ini file and the ``WEAVERLITE_*`` variables of an
environment: ``weaverlite.worker.concurrency = 4`` and ``WEAVERLITE_WORKER_CONCURRENCY=4`` are the same, the variable
wins. Units are parsed (``30MB``, ``10m``); unknown keys are refused with the nearest known name. Nothing else reads
``os.environ`` or an ini file.
"""

from __future__ import annotations

from weaverlite.settings.sections import (
    GIB,
    KIB,
    MIB,
    CallbackSettings,
    ChainingSettings,
    EgressSettings,
    LimitsSettings,
    ProcessesSettings,
    PublishSettings,
    QueueSettings,
    ServerSettings,
    StoreSettings,
    VaultSettings,
    WorkerSettings,
)
from weaverlite.settings.whole import Settings, entries, ini_text

__all__ = [
    "GIB",
    "KIB",
    "MIB",
    "CallbackSettings",
    "ChainingSettings",
    "EgressSettings",
    "LimitsSettings",
    "ProcessesSettings",
    "PublishSettings",
    "QueueSettings",
    "ServerSettings",
    "Settings",
    "StoreSettings",
    "VaultSettings",
    "WorkerSettings",
    "entries",
    "ini_text",
]
