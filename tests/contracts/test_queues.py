"""Our queues keep the contract that we ask of others."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from tests.broker import Broker
from weaverlite.errors import QueueError
from weaverlite.queues.celery import ROUTE, CeleryQueue
from weaverlite.queues.embedded import EmbeddedQueue
from weaverlite.queues.interfaces import Queue
from weaverlite.settings import QueueSettings, Settings
from weaverlite.stores.sqlite import SQLiteStore
from weaverlite.testing.nouns import accepted
from weaverlite.testing.queues import PATIENCE, BrokerContract, QueueContract, Worker


class TestEmbeddedQueue(QueueContract):
    queue_class = EmbeddedQueue

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(data=tmp_path, queue=QueueSettings(poll=timedelta(seconds=1)))

    def test_job_that_nobody_rang_for_is_found_by_looking(self, worker: Worker, submit: Callable[..., str]) -> None:
        worker.start()
        worker.await_handled(submit(rings=0))


class TestCeleryQueue(QueueContract, BrokerContract):
    queue_class = CeleryQueue

    @pytest.fixture
    def settings(self, tmp_path: Path, broker: Broker) -> Settings:
        return Settings(data=tmp_path, queue=QueueSettings(url=f"celery+{broker.url}"))

    @pytest.fixture
    def unreachable(self, closed_port: int) -> Iterator[Queue]:
        yield from self.over(closed_port)

    @pytest.fixture
    def silent(self, silent_port: int) -> Iterator[Queue]:
        yield from self.over(silent_port)

    def over(self, port: int) -> Iterator[Queue]:
        queue = CeleryQueue(lambda job_id: None, f"redis://:secret@127.0.0.1:{port}/0")
        yield queue
        queue.close()

    def test_password_is_in_no_message(self, unreachable: Queue) -> None:
        with pytest.raises(QueueError) as caught:
            unreachable.put("job")
        assert "secret" not in caught.value.detail

    def test_message_is_the_job_id_in_json(self, broker: Broker, make: Callable[..., Queue]) -> None:
        make().put("the-job")
        with redis.Redis(port=broker.port) as client:
            (key,) = [key for key in client.keys() if client.type(key) == b"list"]
            message = json.loads(client.lrange(key, 0, -1)[0])
        assert message["content-type"] == "application/json"
        body = json.loads(base64.b64decode(message["body"]))
        assert body[:2] == [["the-job"], {}]

    def test_installations_on_one_broker_ring_for_themselves(self, broker: Broker, make: Callable[..., Queue]) -> None:
        make().put("ours")
        other = CeleryQueue(lambda job_id: None, broker.url, "theirs")
        other.put("theirs")
        other.close()
        with redis.Redis(port=broker.port, decode_responses=True) as client:
            names = sorted(key[: len(ROUTE)] for key in client.keys() if client.type(key) == "list")
        assert len(names) == 2 and names[0].startswith("theirs") and names[1] == ROUTE

    def test_broker_that_lost_everything_loses_no_job(
        self, broker: Broker, store: SQLiteStore, worker: Worker, submit: Callable[..., str]
    ) -> None:
        ids = [submit() for _ in range(5)]
        broker.kill()
        with pytest.raises(QueueError):
            submit()
        worker.start()
        broker.start()
        for job_id in ids:
            # As the reaper does for what nobody has started.
            worker.queue.put(job_id)
        worker.await_handled(*ids)

    def test_worker_hears_again_after_its_broker_was_restarted(
        self, broker: Broker, worker: Worker, submit: Callable[..., str]
    ) -> None:
        worker.start()
        worker.await_handled(submit())
        broker.kill()
        time.sleep(0.2)
        broker.start()
        worker.await_handled(submit())

    def test_worker_hears_again_after_its_broker_hung(
        self, broker: Broker, worker: Worker, submit: Callable[..., str]
    ) -> None:
        worker.start(1)
        worker.await_handled(submit())
        broker.freeze()
        for _ in range(2):
            with pytest.raises(QueueError):
                submit()
        broker.thaw()
        worker.await_handled(submit())
        broker.kill()
        broker.start()
        worker.await_handled(submit())

    @pytest.mark.parametrize(
        "junk",
        [
            b"no message at all",
            b"{}",
            b'{"body": "AAAA", "headers": {}, "content-type": "application/json", "properties": {"delivery_tag": "x", '
            b'"delivery_info": {"exchange": "", "routing_key": "x"}, "body_encoding": "base64"}}',
            b'{"body": "gAWVBQAAAAAAAABLAUsChpQu", "headers": {"task": "weaverlite.run", "id": "x", "lang": "py"}, '
            b'"content-type": "application/x-python-serialize", "content-encoding": "binary", "properties": '
            b'{"delivery_tag": "x", "delivery_info": {"exchange": "", "routing_key": "x"}, "body_encoding": "base64"}}',
            b'{"body": "W1tdLCB7fSwge31d", "headers": {"task": "os.system", "id": "x", "lang": "py"}, "content-type": '
            b'"application/json", "content-encoding": "utf-8", "properties": {"delivery_tag": "x", "delivery_info": '
            b'{"exchange": "", "routing_key": "x"}, "body_encoding": "base64"}}',
        ],
        ids=["text", "empty", "no task", "pickle", "another task"],
    )
    def test_junk_in_the_broker_does_not_end_the_worker(
        self, broker: Broker, worker: Worker, submit: Callable[..., str], junk: bytes
    ) -> None:
        worker.start(1)
        worker.await_handled(submit())
        with redis.Redis(port=broker.port) as client:
            client.lpush(ROUTE, junk)
        # What was rung meanwhile may be lost with the worker that died of it; the bell is rung again.
        job_id = submit()
        deadline = time.monotonic() + PATIENCE
        while job_id not in worker.handled and time.monotonic() < deadline:
            worker.queue.put(job_id)
            time.sleep(0.2)
        worker.await_handled(job_id)

    def test_late_bell_serves_the_job_whose_own_was_lost(self, store: SQLiteStore, worker: Worker) -> None:
        lost, gone = accepted(), accepted()
        store.jobs.add(lost, {})
        worker.queue.put(gone.job_id)
        worker.start()
        worker.await_handled(lost.job_id)
