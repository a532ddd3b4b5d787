"""The Python client: ``from weaverlite.client import WeaverClient``. It knows nothing of the server's code."""

from weaverlite.client.client import WeaverClient
from weaverlite.client.download import Download
from weaverlite.client.errors import (
    ClientError,
    InvalidUsage,
    JobFailed,
    ProblemError,
    TimedOut,
    TransferFailed,
    Unreachable,
)
from weaverlite.client.monitor import Notice, Watch
from weaverlite.client.operation import JobHandle, OperationResult

__all__ = [
    "ClientError",
    "Download",
    "InvalidUsage",
    "JobFailed",
    "JobHandle",
    "Notice",
    "OperationResult",
    "ProblemError",
    "TimedOut",
    "TransferFailed",
    "Unreachable",
    "Watch",
    "WeaverClient",
]
