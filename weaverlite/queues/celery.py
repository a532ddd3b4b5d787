"""The Celery queue: a Redis broker carries job ids, and wakes one of the workers that listen.

Celery is a bell here, not a ledger: no result backend, no acknowledgement after work, no retry, no remote control.
What a message says is checked against the store by claiming; a lost, doubled or old message changes nothing.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import time
import uuid
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit

import celery
from celery.exceptions import CeleryError
from celery.worker import state as worker_state
from kombu import Queue as Route
from kombu.asynchronous import set_event_loop
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from weaverlite.errors import BackendError, ConfigurationError, QueueError
from weaverlite.models.job import Job
from weaverlite.queues.interfaces import Claim, Handle, Queue
from weaverlite.queues.threads import DaemonThreads, wake_loop
from weaverlite.settings import Settings

_log = logging.getLogger(__name__)

TASK = "weaverlite.run"
#: The name of the queue, and of its lists in Redis, where the URL gives none.
ROUTE = "weaverlite"
_NAME = "queue"
#: How long a ring may take to connect, and how long to be answered, in seconds.
_PATIENCE = 1.0
#: Pause before a Celery worker that gave up is started again, and between two attempts to have one stop.
_PAUSE, _GLANCE = 1.0, 0.05
#: Redis has ten lists for a queue, served in order: the least priority of each but the last.
_STEPS = (-50, -20, -5, 0, 1, 5, 20, 50, 80)


def make_application(broker: str, route: str = ROUTE) -> celery.Celery:
    """Return a Celery application that can only carry job ids through ``broker`` (a ``redis://`` URL)."""
    application = celery.Celery("weaverlite", set_as_current=False)
    application.conf.update(
        # Both, and not broker_url: a CELERY_BROKER_URL in the environment, meant for others, would go before it.
        broker_read_url=broker,
        broker_write_url=broker,
        accept_content=["json"],
        task_serializer="json",
        result_backend=None,
        task_ignore_result=True,
        # No acknowledgement at all: the message is gone once a worker has it, and redelivery is the reaper's work, who
        # asks the store. With it, two acknowledgements lost to a hanging broker would deafen a worker of two threads.
        task_queues=[Route(route, routing_key=route, no_ack=True)],
        task_default_queue=route,
        task_create_missing_queues=False,
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        # Take a message only when a thread is free, so that another worker hears it when none is.
        worker_disable_prefetch=True,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        # Concerns only tasks that acknowledge late, which we have none of; unset, each reconnection warns about it.
        worker_cancel_long_running_tasks_on_connection_loss=True,
        # Ringing fails at once; serving never gives up.
        task_publish_retry=False,
        broker_connection_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=_PATIENCE,
        broker_transport_options={
            "socket_connect_timeout": _PATIENCE,
            "socket_timeout": _PATIENCE,
            "socket_keepalive": True,
            # kombu's own default, when a channel finds its connection gone, is to try for ever.
            "max_retries": 0,
            "queue_order_strategy": "priority",
            "priority_steps": list(range(len(_STEPS) + 1)),
        },
    )
    return application


class CeleryQueue(Queue):
    """Rings through Redis; serves with a Celery worker whose threads watch job processes.

    A message wakes one thread, which claims the job the message names, or else the next one: so a bell that comes too
    late for its own job makes up for one that was lost.

    Celery keeps the state of a worker in globals: one queue of a process serves at a time. It may do so in any thread.
    """

    is_shared = True

    def __init__(self, claim: Claim, broker: str, route: str = ROUTE) -> None:
        self._claim = claim
        self._route = route
        self._application = make_application(broker, route)
        self._where = _without_password(broker)
        self._handle: Handle | None = None
        # One lock for everything below; whoever changes any of it notifies.
        self._state = threading.Condition()
        self._busy = 0
        self._serving = False
        self._stopping = False
        self._deadline: float | None = None

        def run(job_id: object) -> None:
            self._answer(job_id)

        self._application.task(run, name=TASK, ignore_result=True, shared=False)

    @classmethod
    def create(cls, settings: Settings, claim: Claim) -> CeleryQueue:
        """Return the queue that the settings name.

        :raises ConfigurationError: the URL is not ``celery+redis://`` or ``celery+rediss://``.
        """
        return cls(claim, broker_url(settings.queue.url), queue_name(settings.queue.url))

    def put(self, job_id: str, priority: int = 0) -> None:
        with self._broker_errors():
            self._application.send_task(
                TASK, args=[job_id], priority=len(_STEPS) - bisect_right(_STEPS, priority), ignore_result=True
            )

    def serve(self, handle: Handle, concurrency: int) -> None:
        with self._state:
            if self._stopping:
                return
            self._serving = True
            self._handle = handle
        try:
            while self._listen(concurrency):
                _log.warning("The Celery worker has ended, starting it again")
                with self._state:
                    self._state.wait_for(lambda: self._stopping, _PAUSE)
        finally:
            with self._state:
                self._stopping = True
                self._state.wait_for(lambda: not self._busy, self._remaining())
                self._serving = False
                self._state.notify_all()

    def stop(self, grace: float) -> None:
        with self._state:
            self._stopping = True
            if self._deadline is None:
                self._deadline = time.monotonic() + grace
            self._state.notify_all()
            while self._serving and self._remaining() != 0:
                # Read by Celery's loop, also while it tries to reach the broker. It may have looked just before.
                worker_state.should_stop = os.EX_OK
                wake_loop()
                self._state.wait_for(lambda: not self._serving, min(_GLANCE, self._remaining() or _GLANCE))

    def ping(self) -> None:
        with self._broker_errors(), self._application.connection_for_write() as connection:
            connection.default_channel.client.ping()

    def close(self) -> None:
        self.stop(0)
        self._application.close()

    def _listen(self, concurrency: int) -> bool:
        """Run a Celery worker until it ends; return whether to start another."""
        with self._state:
            if self._stopping:
                return False
            worker_state.should_stop = None
            # The loop of an earlier worker of this process is closed: let Celery make another.
            set_event_loop(None)
        # Celery's threads look their task up in the default application.
        self._application.set_default()
        worker = self._application.WorkController(
            hostname=f"weaverlite-{os.getpid()}-{uuid.uuid4().hex[:8]}@{socket.gethostname()}",
            pool=DaemonThreads,
            concurrency=concurrency,
            queues=[self._route],
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        worker.start()
        with self._state:
            return not self._stopping

    def _answer(self, job_id: object) -> None:
        """Handle the job of a message, or the next one if that cannot be won."""
        with self._state:
            if self._stopping:
                return
            self._busy += 1
        try:
            job = self._claim(job_id) if isinstance(job_id, str) else None
            if job is None:
                job = self._claim(None)
            if job is not None:
                self._handle_one(job)
        except BackendError as exc:
            _log.warning("Cannot claim the job of a message: %s", exc, extra={"job_id": job_id})
        finally:
            with self._state:
                self._busy -= 1
                self._state.notify_all()

    def _handle_one(self, job: Job) -> None:
        assert self._handle is not None
        try:
            self._handle(job)
        except Exception:
            _log.exception("The handler of job %s failed", job.job_id, extra={"job_id": job.job_id})

    def _remaining(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    @contextmanager
    def _broker_errors(self) -> Iterator[None]:
        try:
            yield
        except (KombuError, CeleryError, RedisError, OSError) as exc:
            raise QueueError(f"The broker {self._where} does not answer ({exc}): is Redis running there?") from exc


def broker_url(url: str) -> str:
    """Return the URL of the broker in the URL of a queue.

    :raises ConfigurationError: it is not ``celery+redis://host:port/db`` (``rediss`` with TLS).
    """
    prefix, _, broker = url.partition("+")
    parts = urlsplit(broker)
    if prefix != "celery" or parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ConfigurationError(
            f"weaverlite.queue.url cannot be {_without_password(url)!r}: use celery+redis://host:6379/0, or "
            "celery+rediss:// with TLS."
        )
    return parts._replace(query=urlencode([pair for pair in parse_qsl(parts.query) if pair[0] != _NAME])).geturl()


def queue_name(url: str) -> str:
    """Return the name of the queue in its URL, ``?queue=NAME``: installations that share a broker have one each.

    :raises ConfigurationError: it cannot be a name.
    """
    name = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)).get(_NAME, ROUTE)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise ConfigurationError(
            f"weaverlite.queue.url names the queue {name!r}: a name has up to 100 letters, digits, dots, dashes and "
            "underscores, as in celery+redis://host:6379/0?queue=weaverlite."
        )
    return name


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
