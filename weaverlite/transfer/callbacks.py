"""Calls subscribers over HTTP, by the rules of the egress policy; signed, if the operator has set a secret.

The signature is that of Standard Webhooks 1.0: ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, the
HMAC-SHA256 of ``id.timestamp.body``. Receivers verify it with any library of that name, and tell doubled deliveries by
the id.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

from weaverlite.errors import InvalidInput, ReferenceRefused, StagingError
from weaverlite.settings import Settings
from weaverlite.settings.checks import parse_secret
from weaverlite.transfer.egress import Egress, show
from weaverlite.transfer.interfaces import Called, Caller

#: Answers that say: never again.
_FINAL = frozenset({400, 401, 403, 404, 405, 410, 413, 414, 415, 422})


class HTTPCaller(Caller):
    """Posts to ``http`` and ``https`` URLs. An empty ``secret`` signs nothing; ``timeout`` is in seconds."""

    def __init__(self, egress: Egress, *, secret: str = "", timeout: float = 10) -> None:
        self._egress = egress
        self._key = parse_secret(secret)
        self._timeout = timeout

    @classmethod
    def create(cls, settings: Settings) -> HTTPCaller:
        chosen = settings.callbacks
        return cls(
            Egress.create(settings.egress), secret=chosen.secret, timeout=chosen.timeout.total_seconds()
        )

    def call(self, uri: str, message_id: str, at: datetime, body: bytes) -> Called:
        # Only here: requests takes a while to import, and most services call nobody.
        from weaverlite.transfer.connections import post

        headers = {"Content-Type": "application/json", **self._marks(message_id, at, body)}
        try:
            status = post(self._egress, uri, body, headers, seconds=self._timeout)
        except StagingError as error:
            # Also a name that is not known today, or a certificate that has run out.
            return Called(is_delivered=False, detail=error.detail, may_pass=True)
        except (InvalidInput, ReferenceRefused) as error:
            return Called(is_delivered=False, detail=error.detail)
        return Called(
            is_delivered=200 <= status < 300,
            detail=f"{show(uri)} answered {status}.",
            may_pass=status not in _FINAL,
        )

    def _marks(self, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
        marks = {"webhook-id": message_id, "webhook-timestamp": str(int(at.timestamp()))}
        if self._key:
            signed = f"{message_id}.{marks['webhook-timestamp']}.".encode() + body
            digest = hmac.new(self._key, signed, hashlib.sha256).digest()
            marks["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
        return marks
