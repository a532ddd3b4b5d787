"""The announcer: a thread that looks for deliveries that are due, and a few that make them."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from weaverlite.errors import WeaverLiteError
from weaverlite.models.job import Job
from weaverlite.services.deliveries import Deliveries

#: Calls at a time: a subscriber that does not answer holds up no more than one of them.
_CALLS = 4
#: How many jobs are asked for at a time; when there are more the next look is soon.
_AT_ONCE = 8

_log = logging.getLogger(__name__)


class Announcer:
    """Delivers until it is stopped."""

    def __init__(self, deliveries: Deliveries, poll: float) -> None:
        """``poll`` is how often is looked, in seconds."""
        self._deliveries = deliveries
        self._poll = poll
        self._stopping = threading.Event()
        self._free = threading.BoundedSemaphore(_CALLS)
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)

    def start(self) -> None:
        """Begin, in threads of this process; return at once."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no more calls, and wait for those on their way. Idempotent."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        with ThreadPoolExecutor(_CALLS, thread_name_prefix="callback") as pool:
            while not self._stopping.is_set():
                found = self._due()
                for job in found:
                    self._free.acquire()
                    if self._stopping.is_set():
                        return
                    pool.submit(self._deliver, job)
                self._stopping.wait(0.01 if len(found) == _AT_ONCE else self._poll)

    def _due(self) -> tuple[Job, ...]:
        try:
            return tuple(self._deliveries.due(_AT_ONCE))
        except WeaverLiteError as error:
            # The store is away: what is owed waits there.
            _log.warning("callbacks wait: %s", error.detail, extra={"action": "callback"})
        except Exception:
            # Whatever it is, it must not be the last look.
            _log.exception("callbacks wait", extra={"action": "callback"})
        return ()

    def _deliver(self, job: Job) -> None:
        try:
            self._deliveries.deliver(job)
        except WeaverLiteError as error:
            # It is held for a while, and due again then.
            _log.warning("a call for job %s waits: %s", job.job_id, error.detail, extra={"action": "callback"})
        except Exception:
            _log.exception("a call for job %s waits", job.job_id, extra={"action": "callback"})
        finally:
            self._free.release()
